"""The console's life: connecting, choosing a stack, leaving, and what happens when it fails itself."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from console.model.errors import Problem, StackFileError, UnreachableError
from console.tui.app import ConsoleApp
from tests.tui.scripted import ScriptedEngine
from tests.tui.terminal import opened

ROOT = Path(__file__).parents[2]


async def test_a_failed_connection_says_why_and_is_tried_again_by_itself(engine: ScriptedEngine) -> None:
    tries = []

    async def connect(stack: str | None, tell: Callable[[str], None]) -> ScriptedEngine:
        tries.append(stack)
        if len(tries) < 2:
            raise UnreachableError("the API server did not answer", why="connection refused", hint="is it running?")
        return engine

    async with opened(engine, connect=connect) as terminal:
        await terminal.shows("the API server did not answer", "connection refused", "is it running?", "trying again in")
        await terminal.shows("no connection")
        await terminal.shows("8 pods", "live")
    assert tries == ["todo", "todo"]


async def test_problems_of_a_stack_file_are_all_told(engine: ScriptedEngine) -> None:
    problems = [Problem("stack.yaml", line, 3, "unknown key", offending="imgae", nearest="image") for line in (4, 9)]

    async def connect(stack: str | None, tell: Callable[[str], None]) -> ScriptedEngine:
        raise StackFileError(problems)

    async with opened(engine, connect=connect) as terminal:
        await terminal.shows("2 problems", "stack.yaml:4:3", "stack.yaml:9:3", "did you mean 'image'?")


async def test_what_takes_long_is_told(engine: ScriptedEngine) -> None:
    async def connect(stack: str | None, tell: Callable[[str], None]) -> ScriptedEngine:
        tell("the embedded cluster is down: starting it")
        await asyncio.Event().wait()
        return engine

    async with opened(engine, connect=connect) as terminal:
        await terminal.shows("the embedded cluster is down: starting it")


async def test_the_only_stack_needs_no_choice(engine: ScriptedEngine) -> None:
    async with opened(engine, stack=None, find_stacks=lambda: [("todo", "stacks/todo/stack.yaml")]) as terminal:
        await terminal.shows("8 pods")


async def test_nothing_is_drawn_while_nothing_is_new(engine: ScriptedEngine) -> None:
    async with opened(engine) as terminal:
        await terminal.shows("8 pods")
        bridge, taken = terminal.app.bridge, []
        terminal.app.screen.take = taken.append  # type: ignore[attr-defined]
        for _ in range(5):
            bridge.turn()
        assert taken == []
        engine.store.connected("kind-dev")
        bridge.turn()
        assert len(taken) == 1


@pytest.mark.parametrize(("keys", "code"), [(b"q", 0), (b"\x03", 0)])
async def test_leaving_closes_the_engine_and_restores_the_terminal(keys: bytes, code: int, tmp_path: Path) -> None:
    screen, ended = await on_a_terminal(tmp_path, "return engine", keys)
    assert ended == code
    assert b"closed: True" in screen
    assert screen.rindex(b"\x1b[?1049l") > screen.rindex(b"\x1b[?1049h"), "the alternate screen is left"


async def test_an_error_of_ours_is_raised_to_the_caller_without_a_traceback(tmp_path: Path) -> None:
    screen, ended = await on_a_terminal(tmp_path, "raise ValueError('odd')", b"")
    assert ended == 77
    assert b"caught odd" in screen
    assert b"Traceback" not in screen


async def test_a_task_that_fails_behind_the_screens_is_an_error_of_ours_too(tmp_path: Path) -> None:
    fails = "Tasks().start('watch pods', asyncio.to_thread(int, 'odd')); return engine"
    screen, ended = await on_a_terminal(tmp_path, fails, b"")
    assert ended == 77
    assert b"caught invalid literal" in screen
    assert b"Traceback" not in screen


SCRIPT = """
import asyncio
import sys
from pathlib import Path
from console.engine.tasks import Tasks
from console.tui.start import run_console
from tests.tui.scripted import ScriptedEngine, fill

engine = ScriptedEngine(Path(sys.argv[1]))
fill(engine.store)

async def connect(stack, tell):
    {connect}

try:
    code = run_console(connect, stack="todo")
except ValueError as error:
    print("caught", error)
    code = 77
print("closed:", engine.closed)
sys.exit(code)
"""


async def on_a_terminal(folder: Path, connect: str, keys: bytes) -> tuple[bytes, int]:
    """Runs the console on a real pseudo-terminal; what it wrote, and its exit code."""
    screen, terminal = pty.openpty()
    script = textwrap.dedent(SCRIPT).format(connect=connect)
    environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(folder), stdin=terminal, stdout=terminal, stderr=terminal, env=environ
    )
    os.close(terminal)
    written = bytearray()
    over = asyncio.Event()

    def read() -> None:
        try:
            written.extend(os.read(screen, 65536))
        except OSError:
            over.set()
        if keys and b"8 pods" in written and not pressed:
            pressed.append(os.write(screen, keys))

    pressed: list[int] = []
    loop = asyncio.get_running_loop()
    loop.add_reader(screen, read)
    try:
        async with asyncio.timeout(30):
            await over.wait()
            code = await process.wait()
    finally:
        loop.remove_reader(screen)
        os.close(screen)
    return bytes(written), code


def test_glyphs_and_theme_follow_the_terminal() -> None:
    async def connect(stack: str | None, tell: Callable[[str], None]) -> ScriptedEngine:
        raise AssertionError

    plain = ConsoleApp(connect, environ={"TERM": "linux", "LANG": "C.UTF-8"})  # type: ignore[arg-type]
    assert plain.glyphs.plain
