"""Looking at what a container writes, as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from console.sandbox.api.ports import LogOptions
from console.sandbox.kubelet import logs
from console.sandbox.kubelet.process import Exit


class Attachment:
    """A look at a container's own output as it comes (`Session`); it reads no input.

    Args:
        log: of the container.
        ended: waits for its end; the result has its exit `code`.
    """

    def __init__(self, log: logs.ContainerLog, ended: Callable[[], Coroutine[Any, Any, Exit]]) -> None:
        self._log, self._ended = log, ended

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """What it writes from now on."""
        async with aclosing(logs.read(self._log, LogOptions(follow=True, tail_lines=0), self._ended)) as chunks:
            async for data in chunks:
                yield "stdout", data

    async def write(self, data: bytes) -> None:
        """Is dropped: the container's standard input is not open."""

    async def close_input(self) -> None:
        """There is none."""

    async def resize(self, columns: int, rows: int) -> None:
        """There is no terminal."""

    async def wait(self) -> int:
        """The container's exit code."""
        return (await self._ended()).code

    async def close(self) -> None:
        """Lets go."""
