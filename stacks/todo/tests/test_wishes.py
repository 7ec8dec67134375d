"""What the rules make of sentences."""

import time

import pytest
from ai_agent.wishes import Add, Change, Help, Rename, Show, Target, Unknown, Wish, read_wishes


def numbers(*values: int) -> Target:
    return Target(numbers=values)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("add buy milk", Add("buy milk")),
        ("Please add bread and butter, please!", Add("bread and butter")),
        ("could you create a new task called sweep the floor?", Add("sweep the floor?")),
        ("remind me to call mum", Add("call mum")),
        ("I need to pay the rent.", Add("pay the rent")),
        ("Don\u2019t forget to breathe", Add("breathe")),
        ("put eggs on my list", Add("eggs")),
        ("what is open?", Show("open")),
        ("What's left?", Show("open")),
        ("show all tasks", Show("all")),
        ("which tasks are done?", Show("done")),
        ("list", Show("open")),
        ("finish task 3", Change("complete", numbers(3))),
        ("I finished 3", Change("complete", numbers(3))),
        ("task 3 is done", Change("complete", numbers(3))),
        ("mark #4 as done", Change("complete", numbers(4))),
        ("complete tasks 1, 2, and 3.", Change("complete", numbers(1, 2, 3))),
        ("finish everything", Change("complete", Target(every="open"))),
        ("finish the milk task", Change("complete", Target(words="milk"))),
        ("reopen 4", Change("reopen", numbers(4))),
        ("mark 4 as not done", Change("reopen", numbers(4))),
        ("delete 1 and 2", Change("delete", numbers(1, 2))),
        ("delete all done tasks", Change("delete", Target(every="done"))),
        ("remove milk from my list", Change("delete", Target(words="milk"))),
        ("rename 3 to buy oat milk", Rename(numbers(3), "buy oat milk")),
        ("help", Help()),
        ("Hi there", Help()),
        ("delete", Unknown("delete")),
        ("the weather is nice", Unknown("the weather is nice")),
    ],
)
def test_reads_one_wish(text: str, wish: Wish) -> None:
    assert read_wishes(text) == [wish]


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("add buy milk and finish task 3", [Add("buy milk"), Change("complete", numbers(3))]),
        ("Add a. What is open?", [Add("a"), Show("open")]),
        ("delete 1; add eggs\nlist", [Change("delete", numbers(1)), Add("eggs"), Show("open")]),
        ('add "read and finish the book" then show all', [Add("read and finish the book"), Show("all")]),
        ("  ...  ", []),
    ],
)
def test_reads_several_wishes_in_order(text: str, wishes: list[Wish]) -> None:
    assert read_wishes(text) == wishes


@pytest.mark.parametrize("text", ["finish " + "1" * 1990, "and " * 500, "all " * 500, "mark " + "a " * 990, '"' * 2000])
def test_no_sentence_takes_long(text: str) -> None:
    started = time.process_time()
    read_wishes(text)

    assert time.process_time() - started < 1
