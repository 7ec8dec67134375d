"""The words of the command line."""

import pytest

from console.cli.arguments import build_parser, duration, parse
from console.model.errors import UsageError
from console.model.outcome import Outcome


@pytest.mark.parametrize(
    ("words", "command", "stack"),
    [
        ([], "open", None),
        (["todo"], "open", "todo"),
        (["./stacks/todo"], "open", "./stacks/todo"),
        (["plan", "todo"], "plan", "todo"),
        (["--target", "local", "deploy", "todo"], "deploy", "todo"),
        (["--headless", "todo"], "open", "todo"),
        (["status"], "status", None),
        (["history", "todo"], "history", "todo"),
        (["demo"], "demo", None),
    ],
)
def test_the_command_is_found_and_a_stack_alone_opens_the_console(words, command, stack):
    args = parse(words)
    assert (args.command, args.stack) == (command, stack)
    assert args.argv == words


def test_options_may_stand_before_and_after_the_command():
    before = parse(["--read-only", "--timeout", "5m", "plan", "todo"])
    after = parse(["plan", "todo", "--read-only", "--timeout", "5m"])
    assert before.read_only
    assert (before.read_only, before.timeout) == (after.read_only, after.timeout) == (True, 300.0)


def test_history_show_takes_a_stack_and_a_run():
    args = parse(["history", "show", "todo", "20261124"])
    assert (args.stack, args.run) == ("todo", "20261124")
    for wrong in (["history", "show", "todo"], ["history", "todo", "hello"], ["history"]):
        with pytest.raises(UsageError):
            parse(wrong)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("1.5h", 5400)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "words",
    [
        ["deploy"],
        ["deploy", "todo", "--drift", "sometimes"],
        ["deploy", "todo", "--timeout", "soon"],
        ["deploy", "todo", "--report", "report.doc"],
        ["logs", "todo", "--grep", "("],
        ["deploy", "todo", "--yes-i-mean"],
        ["sandbox", "sideways"],
        ["plan", "todo", "--nonsense"],
    ],
)
def test_wrong_words_are_a_usage_error_with_a_hint(words):
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert caught.value.hint


def test_help_prints_every_exit_code():
    text = build_parser().format_help()
    for outcome in Outcome:
        assert f"{outcome.code:>3}  {outcome.meaning}" in text
