"""The output of one step: redacted into a file of its own, told of at most ten times a second."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from console.model.redaction import Redactor

INTERVAL = 0.1
"""Seconds between two times that something is told."""
_LONGEST_LINE = 500


class StepLog:
    """Takes what a step prints, while it is open as a context.

    Args:
        file: where the text goes; it is made with the first byte, and only its owner may read it.
        redactor: masks what must not be shown.
        tell: gets the count of lines so far and the last of them, once they are in the file.
    """

    def __init__(self, file: Path, redactor: Redactor, tell: Callable[[int, str], None]) -> None:
        self._file = file
        self._stream = redactor.stream()
        self._tell = tell
        self._pending: list[bytes] = []
        self._news = asyncio.Event()
        self._lines = 0
        self._last = b""
        self._writing: asyncio.Task[None] | None = None

    def write(self, chunk: bytes) -> None:
        """Takes some bytes of output."""
        self._pending.append(self._stream.feed(chunk))
        self._news.set()

    def line(self, text: str) -> None:
        """Takes a line."""
        self.write(text.encode() + b"\n")

    async def __aenter__(self) -> StepLog:
        self._writing = asyncio.create_task(self._write_on(), name=f"log {self._file.stem}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        self._pending.append(self._stream.flush())
        await self._flush()

    async def _write_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._flush()
            await asyncio.sleep(INTERVAL)

    async def _flush(self) -> None:
        """Puts what came since the last time into the file. A cancellation waits for the file."""
        data, self._pending = b"".join(self._pending), []
        if not data:
            return
        writing = asyncio.ensure_future(asyncio.to_thread(_append, self._file, data))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise
        finally:
            self._count(data)

    def _count(self, data: bytes) -> None:
        whole, newline, rest = (self._last + data).rpartition(b"\n")
        self._lines += data.count(b"\n")
        last = (rest.strip() or whole.rpartition(b"\n")[2])[-_LONGEST_LINE:]
        self._last = rest[-_LONGEST_LINE:] if newline else (self._last + data)[-_LONGEST_LINE:]
        self._tell(self._lines + bool(rest.strip()), last.decode(errors="replace").strip())


def _append(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        log.write(data)
