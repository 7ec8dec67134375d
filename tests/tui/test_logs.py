"""The log screen: merged, followed or still, filtered, wrapped, saved; and quick at fifty thousand lines a second."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from console.model.errors import DeniedError
from tests.tui.scripted import NOW, ScriptedEngine
from tests.tui.terminal import Terminal, connected

BACKEND, FRONTEND = "backend-7c9f8d6b5c-2xkd8", "frontend-7c9f8d6b5c-aa2b9"


async def at_logs(terminal: Terminal) -> None:
    terminal.app.open_logs(("backend", "frontend"))
    await terminal.at("logs")


async def test_lines_of_several_pods_are_merged_in_their_order(engine: ScriptedEngine) -> None:
    engine.say(BACKEND, "one\n")
    engine.say(FRONTEND, "two\n")
    engine.say(BACKEND, "three\n")
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("one", "two", "three", "following", "3 lines")
        shown = [line.split()[2] for line in terminal.text.splitlines() if "7c9f8d6b5c" in line]
        assert shown == ["one", "two", "three"]


async def test_of_a_crowd_the_top_says_how_many_are_followed(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("following")
        engine.tell_followed(50, 3000)
        await terminal.shows("logs of backend, frontend, 50 of 3,000 pods")
        engine.tell_followed(40, 40)
        await terminal.shows("logs of backend, frontend")
        await terminal.until(lambda: "3,000 pods" not in terminal.text)


async def test_who_leaves_the_logs_ends_what_was_followed(engine: ScriptedEngine) -> None:
    engine.say(BACKEND, "one\n")
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("one")
        assert engine.open_logs == 1
        await terminal.press("escape")
        await terminal.until(lambda: engine.open_logs == 0)


async def test_nothing_moves_under_the_eyes_of_who_scrolled_up(engine: ScriptedEngine) -> None:
    engine.say(BACKEND, "".join(f"line {number:04}\n" for number in range(200)))
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("line 0199")
        await terminal.press("g")
        await terminal.shows("line 0000", "paused")
        engine.say(BACKEND, "something new\n")
        await terminal.shows("201 lines", "line 0000")
        assert "something new" not in terminal.text
        await terminal.press("G")
        await terminal.shows("something new", "following")


async def test_a_filter_marks_counts_and_goes_on_with_what_comes(engine: ScriptedEngine) -> None:
    engine.say(BACKEND, "".join(f"{'ERROR' if number % 10 == 0 else 'fine'} {number}\n" for number in range(100)))
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.press("slash")
        await terminal.type("error")
        await terminal.shows("ERROR 90", "10 lines match")
        assert "fine" not in terminal.text
        engine.say(BACKEND, "fine 100\nERROR 101\n")
        await terminal.shows("ERROR 101", "11 lines match")
        await terminal.press("escape")
        await terminal.shows("fine 100", "102 lines")


async def test_what_a_terminal_would_obey_is_not_passed_on(engine: ScriptedEngine) -> None:
    engine.say(BACKEND, "\x1b[31mred\x1b[0m \x1b]0;title\x07\x07bell \x1b[2Jgone\n")
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("red", "bell", "gone")
        assert "\x1b" not in terminal.text
        assert "title" not in terminal.text


async def test_long_lines_are_wrapped_on_request(engine: ScriptedEngine) -> None:
    engine.say(BACKEND, f"{'begin ' + 'x ' * 100}end\n")
    async with connected(engine, (100, 30)) as terminal:
        await at_logs(terminal)
        await terminal.shows("begin")
        assert " end" not in terminal.text
        await terminal.press("w")
        await terminal.shows("begin", " end")


async def test_previous_logs_end(engine: ScriptedEngine) -> None:
    engine.say(BACKEND, "last words\n")
    async with connected(engine) as terminal:
        terminal.app.open_logs(pods=(BACKEND,), previous=True)
        await terminal.shows("previous logs of backend", "last words")
        assert engine.asked_logs[-1]["follow_on"] is False


async def test_a_time_of_day_is_jumped_to(engine: ScriptedEngine) -> None:
    for minute in range(60):
        engine.say(BACKEND if minute % 2 else FRONTEND, f"minute {minute}\n", NOW - 3600 + 60 * minute)
    async with connected(engine, (100, 24)) as terminal:
        await at_logs(terminal)
        await terminal.shows("minute 59")
        await terminal.press("t")
        await terminal.type(time.strftime("%H:%M:%S", time.localtime(NOW - 3600 + 60 * 10)))
        await terminal.press("enter")
        await terminal.shows("minute 10", "paused")
        assert "minute 9 " not in terminal.text


async def test_saved_lines_carry_their_pod(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine.say(BACKEND, "one\n")
    engine.say(FRONTEND, "two\n")
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("two")
        await terminal.press("ctrl+s")
        await terminal.shows("saved to")
    saved = next(file for file in tmp_path.iterdir() if file.name.startswith("todo-logs-"))  # noqa: ASYNC240
    assert saved.read_text() == f"{BACKEND} one\n{FRONTEND} two\n"


async def test_a_missing_right_is_named(engine: ScriptedEngine) -> None:
    async def denied(*_: object) -> object:
        raise DeniedError("get pods/log in todo")
        yield

    engine._logs = denied  # type: ignore[assignment,method-assign]
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("not allowed to get pods/log in todo")


async def test_lines_that_were_let_go_are_counted(engine: ScriptedEngine) -> None:
    block = "".join(f"line {number:06}\n" for number in range(5000))
    for number in range(120):
        engine.say(BACKEND if number % 2 else FRONTEND, block)
    async with connected(engine) as terminal:
        await at_logs(terminal)
        await terminal.shows("600,000 lines", "100,000 dropped", "line 004999")
