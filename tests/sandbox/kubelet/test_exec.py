"""Commands beside a container: their streams, terminals, exit codes, and their end."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from console.sandbox.api.errors import StatusError
from console.sandbox.kubelet import exec as commands
from console.sandbox.kubelet.exec import Command

Start = Callable[..., Awaitable[Command]]


@pytest.fixture
async def ended() -> AsyncIterator[asyncio.Event]:
    return asyncio.Event()


@pytest.fixture
async def start(tmp_path: Path, ended: asyncio.Event) -> AsyncIterator[Start]:
    """Runs a shell script as a command; it is closed after the test."""
    begun: list[Command] = []

    async def begin(script: str, *, stdin: bool = False, tty: bool = False) -> Command:
        words, environment = ["/bin/sh", "-c", script], {"PATH": os.environ["PATH"]}
        run = commands.start(words, environment, str(tmp_path), stdin=stdin, tty=tty, ended=ended.wait)
        begun.append(await run)
        return begun[-1]

    yield begin
    for each in begun:
        await each.close()


async def everything(session: Command) -> dict[str, bytes]:
    found = {"stdout": b"", "stderr": b""}
    async for stream, data in session.output():
        found[stream] += data
    return found


async def until(session: Command, pattern: str) -> str:
    """Reads output until it matches."""
    seen = ""
    async for _, data in session.output():
        seen += data.decode()
        if re.search(pattern, seen):
            return seen
    raise AssertionError(seen)


async def gone(pid: int) -> None:
    """Waits for the end of a process that is not ours, by its descriptor."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, ready.set)
    async with asyncio.timeout(10):
        await ready.wait()
    asyncio.get_running_loop().remove_reader(descriptor)
    os.close(descriptor)


async def test_streams_are_told_apart_and_the_exit_code_is_kept(start: Start, tmp_path: Path) -> None:
    session = await start("echo out; echo error >&2; pwd; exit 3")
    assert await everything(session) == {"stdout": f"out\n{tmp_path}\n".encode(), "stderr": b"error\n"}
    assert await session.wait() == 3


async def test_a_signals_exit_code_is_128_and_more(start: Start) -> None:
    session = await start("kill -TERM $$")
    assert await everything(session) == {"stdout": b"", "stderr": b""}
    assert await session.wait() == 143


async def test_input_is_passed_on_until_it_is_closed(start: Start) -> None:
    session = await start("cat; echo end", stdin=True)
    await session.write(b"one\n")
    assert "one" in await until(session, "one")
    await session.write(b"two\n")
    await session.close_input()
    assert (await everything(session))["stdout"] == b"two\nend\n"


async def test_much_output_is_read_whole_by_a_slow_reader(start: Start) -> None:
    session = await start("seq 200000")
    total = 0
    async for _, data in session.output():
        total += data.count(b"\n")
        await asyncio.sleep(0.001)
    assert total == 200_000


async def test_writing_to_one_that_reads_no_more_does_no_harm(start: Start) -> None:
    session = await start("exec <&-; echo ready; sleep 600", stdin=True)
    await until(session, "ready")
    for _ in range(5):
        await session.write(b"x" * 100_000)


async def test_a_terminal_has_a_size_that_changes_and_passes_keys_on(start: Start) -> None:
    session = await start("tty; stty size; echo ready; read answer; stty size; echo got $answer", stdin=True, tty=True)
    assert re.search(r"/dev/pts/\d+\s+0 0", await until(session, "ready"))
    await session.resize(100, 30)
    await session.write(b"yes\r")
    assert re.search(r"30 100\s+got yes", (await everything(session))["stdout"].decode())


async def test_a_terminals_last_output_is_not_lost(start: Start) -> None:
    session = await start("seq 20000", tty=True)
    assert (await everything(session))["stdout"].count(b"\r\n") == 20_000
    assert await session.wait() == 0


async def test_control_c_interrupts_what_runs_in_front(start: Start) -> None:
    session = await start("stty -echo; echo ready; cat", stdin=True, tty=True)
    await until(session, "ready")
    # Only cat can say this: a dash that is interrupted before it has started a command goes on (0.5.12).
    await session.write(b"in front\n")
    await until(session, "in front")
    await session.write(b"\x03")
    await everything(session)
    assert await session.wait() == 130


async def test_the_end_of_input_is_a_key_on_a_terminal(start: Start) -> None:
    session = await start("echo ready; cat; echo end", stdin=True, tty=True)
    await until(session, "ready")
    await session.close_input()
    assert b"end" in (await everything(session))["stdout"]


@pytest.mark.parametrize("tty", [False, True])
async def test_closing_ends_the_command_with_what_it_has_started(start: Start, tty: bool) -> None:
    session = await start("sleep 600 & echo child $!; sleep 600", tty=tty)
    found = re.search(r"child (\d+)", await until(session, r"child \d+"))
    assert found
    await session.close()
    await gone(int(found[1]))
    await session.close()
    assert await session.wait() in (129, 137)


async def test_it_ends_with_its_container(start: Start, ended: asyncio.Event) -> None:
    session = await start("echo ready; sleep 600")
    await until(session, "ready")
    ended.set()
    assert await session.wait() == 137


async def test_what_is_left_running_does_not_hold_the_session_open(start: Start) -> None:
    session = await start("sleep 600 & echo done")
    async with asyncio.timeout(10):
        assert (await everything(session))["stdout"] == b"done\n"
    assert await session.wait() == 0


async def test_a_program_that_is_not_there_is_told_in_the_runtimes_words(tmp_path: Path, ended: asyncio.Event) -> None:
    options: dict[str, Any] = {"stdin": False, "tty": False, "ended": ended.wait}
    with pytest.raises(StatusError, match=r'exec: "nosuch": executable file not found in \$PATH'):
        await commands.start(["nosuch"], {"PATH": "/bin"}, str(tmp_path), **options)
