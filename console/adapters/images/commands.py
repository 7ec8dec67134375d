"""Runs the commands that make images: live output, own process group, and nothing left behind when they end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from console.model.errors import BuildError

_GRACE = 5.0
_TAIL = 4000
_CHUNK = 65536


async def run_command(
    command: str, folder: Path, environment: Mapping[str, str], output: Callable[[bytes], None], service: str
) -> None:
    """Runs a shell command in a folder; cancelling ends it and everything that it started.

    Args:
        command: for `/bin/sh -c`; the shell stops at the first failing part.
        folder: where it runs.
        environment: all that it sees of the environment.
        output: gets what it prints, stdout and stderr as they come.
        service: whose build it is, for the message.

    Raises:
        BuildError: it failed; the message names the command, its exit code and its last output.
    """
    tail = bytearray()

    def keep(chunk: bytes) -> None:
        output(chunk)
        tail.extend(chunk)
        del tail[:-_TAIL]

    if code := await run_process(("/bin/sh", "-ec", command), folder, environment, keep):
        raise _failure(service, command, code, tail)


async def run_process(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: Callable[[bytes], None]
) -> int:
    """Runs a program in a folder until it ends; cancelling ends it and everything that it started.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        environment: all that it sees of the environment.
        output: gets what it prints, stdout and stderr as they come.

    Returns:
        The exit code; a signal that ended it as a negative number.

    Raises:
        OSError: it cannot be started.
    """
    async with _pipe(output) as end:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=end,
            stderr=end,
            start_new_session=True,
        )
        try:
            await process.wait()
        finally:
            await _end_group(process)
    return process.returncode or 0


@asynccontextmanager
async def _pipe(output: Callable[[bytes], None]) -> AsyncIterator[int]:
    """The end of a pipe to write to; what is written goes to `output` as it comes.

    Not asyncio's own pipe: with that one `Process.wait` waits for every stray child that still holds it open.
    """
    reading_end, writing_end = os.pipe()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(reading_end, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        partial(asyncio.StreamReaderProtocol, reader), pipe
    )
    forwarding = asyncio.create_task(_forward(reader, output), name="build output")
    try:
        yield writing_end
    finally:
        os.close(writing_end)
        # A process that left the group may hold the pipe open for ever.
        await asyncio.wait({forwarding}, timeout=_GRACE)
        forwarding.cancel()
        transport.close()


async def _forward(reader: asyncio.StreamReader, output: Callable[[bytes], None]) -> None:
    while chunk := await reader.read(_CHUNK):
        output(chunk)


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """Ends what still runs of the process group: all of it when cancelled, stray children when the command is done."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _failure(service: str, command: str, code: int, tail: bytearray) -> BuildError:
    words = tail.decode(errors="replace").strip().splitlines()[-12:]
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    last = ":\n    " + "\n    ".join(words) if words else " without a word"
    hint = "the whole output is in the step's log; correct sandbox.prepare in stack.yaml, or what it runs"
    return BuildError(f"the build of {service} failed", where=f"`{command}`", why=f"it {how}{last}", hint=hint)
