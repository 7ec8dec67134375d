"""Commands that the kubelet itself runs in a container: exec probes and hooks."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

_LONGEST = 16 * 1024


async def run(
    command: Sequence[str], environment: Mapping[str, str], folder: str, seconds: float
) -> tuple[int | None, str]:
    """Runs a command for so many seconds at most; its exit code (None: it took longer) and what it wrote.

    Raises:
        OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        cwd=folder,
        start_new_session=True,
    )
    assert process.stdout
    output = bytearray()
    try:
        async with asyncio.timeout(seconds):
            await _read(process.stdout, output)
            code = await process.wait()
    except TimeoutError:
        return None, output.decode(errors="replace")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return (128 - code if code < 0 else code), output.decode(errors="replace")


async def _read(stream: asyncio.StreamReader, output: bytearray) -> None:
    while chunk := await stream.read(4096):
        output += chunk[: max(_LONGEST - len(output), 0)]
