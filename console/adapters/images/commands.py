"""Runs the commands that make a bundle: live output, own process group, and nothing left behind when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
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
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-ec",
        command,
        cwd=folder,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    tail = bytearray()
    reading = asyncio.create_task(_forward(process, output, tail), name=f"build output of {service}")
    try:
        await process.wait()
    finally:
        await _end_group(process)
        # Whoever left the group may hold the pipe open for ever.
        await asyncio.wait({reading}, timeout=_GRACE)
        reading.cancel()
    if process.returncode:
        raise _failure(service, command, process.returncode, tail)


async def _forward(process: asyncio.subprocess.Process, output: Callable[[bytes], None], tail: bytearray) -> None:
    """Hands on the output until nobody holds it open any more, and keeps the last part in `tail`."""
    assert process.stdout is not None
    while chunk := await process.stdout.read(_CHUNK):
        output(chunk)
        tail += chunk
        del tail[:-_TAIL]


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
