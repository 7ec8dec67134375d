"""Container logs: files that the container's shim writes as CRI has it, and that are read here.

A container writes into pipes of its shim, which outlives the daemon: a daemon that is killed neither breaks the
container's output (SIGPIPE) nor loses any of it. The shim stamps whole chunks and appends them to `N.log`, N being the
number of the start; a file that has grown too large becomes `N.log.1`, in place of an older one. Readers hear of new
lines from the system (inotify(7)).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.sandbox.api.ports import LogOptions
from console.sandbox.kubelet.inotify import Changes

_CHUNK = 256 * 1024
_FULL = re.compile(rb"(?m)^(\S+) \S+ F ")
_PARTIAL = re.compile(rb"(?m)^\S+ \S+ P ")


class ContainerLog:
    """The log of one start of a container.

    Args:
        folder: of the container's logs.
        restart: which start, from 0 on.
    """

    def __init__(self, folder: Path, restart: int) -> None:
        self.path = folder / f"{restart}.log"
        self._older = folder / f"{restart}.log.1"

    @property
    def exists(self) -> bool:
        """There is one; nobody has removed it yet."""
        return self.path.exists() or self._older.exists()

    @property
    def parts(self) -> list[Path]:
        """Its files, oldest first."""
        return [each for each in (self._older, self.path) if each.exists()]


async def read(
    log: ContainerLog, options: LogOptions, ended: Callable[[], Coroutine[Any, Any, Any]] | None = None
) -> AsyncGenerator[bytes, None]:
    """What a log has, in chunks of whole lines.

    Args:
        log: may be one that is still written, or that has nothing yet.
        options: what part of it; with `follow`, also what comes later.
        ended: waits until the container has ended and all it wrote is in the log; without it nothing is followed.
    """
    wanted = _Wanted(options)
    end = asyncio.create_task(ended(), name="end of a followed log") if options.follow and ended else None
    with closing(_Reader(log, options.tail_lines)) as reader, Changes(log.path.parent) as changes:
        try:
            while not wanted.enough:
                last = end is None or end.done()  # before the reading: so nothing written before the end is missed
                for records in reader.chunks():
                    if text := wanted.text(records):
                        yield text
                    if wanted.enough:
                        return
                    await asyncio.sleep(0)
                if end is None or last:
                    return
                await changes.wait(end)
        finally:
            if end:
                end.cancel()


class _Reader:
    """Reads a log's files one after the other, from a place on, as far as they have been written."""

    def __init__(self, log: ContainerLog, tail: int | None) -> None:
        self._log, self._rest, self._file = log, b"", -1
        self._waiting = log.parts
        if tail is not None:
            self._skip(tail)

    def _skip(self, tail: int) -> None:
        """Goes to where the last so many lines begin."""
        for number, path in reversed(tuple(enumerate(self._waiting))):
            self._open(path)
            start, found = _tail_start(self._file, tail)
            os.lseek(self._file, start, os.SEEK_SET)
            tail -= found
            if tail <= 0 or number == 0:
                self._waiting = self._waiting[number + 1 :]
                return
            self.close()

    def chunks(self) -> Iterator[bytes]:
        """Whole lines that were not read yet."""
        while True:
            yield from self._rest_of_file()
            path = self._next()
            if not path:
                return
            yield from self._rest_of_file()  # what came before the file was rotated
            try:
                self._open(path)
            except FileNotFoundError:
                return

    def _rest_of_file(self) -> Iterator[bytes]:
        while self._file >= 0 and (data := os.read(self._file, _CHUNK)):
            whole, newline, self._rest = (self._rest + data).rpartition(b"\n")
            if newline:
                yield whole + newline

    def _next(self) -> Path | None:
        """The file that follows the open one: the next part, or what has taken the place of one that was rotated."""
        if self._waiting:
            return self._waiting.pop(0)
        with suppress(FileNotFoundError):
            if self._file < 0 or not os.path.samestat(os.fstat(self._file), self._log.path.stat()):
                return self._log.path
        return None

    def _open(self, path: Path) -> None:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.close()
        self._file, self._rest = opened, b""

    def close(self) -> None:
        """Lets go of the open file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _tail_start(file: int, lines: int) -> tuple[int, int]:
    """Where the last so many lines of a file begin, and how many of them it has."""
    position = end = os.lseek(file, 0, os.SEEK_END)
    if lines <= 0:
        return end, 0
    found = -1  # the newline at the very end begins no line
    while position:
        size = min(_CHUNK, position)
        position -= size
        block = os.pread(file, size, position)
        found += block.count(b"\n")
        if found >= lines:
            start = 0
            for _ in range(found - lines + 1):
                start = block.index(b"\n", start) + 1
            return position + start, lines
    return 0, found + 1 if end else 0


class _Wanted:
    """Makes from stored lines what a reader gets: their text from a moment on, so many bytes at most."""

    def __init__(self, options: LogOptions) -> None:
        self._timestamps = options.timestamps
        self._since = _stamp(options.since) if options.since else b""
        self._left = options.limit_bytes
        self._inside = False

    @property
    def enough(self) -> bool:
        """Nothing more is wanted."""
        return self._left == 0

    def text(self, records: bytes) -> bytes:
        """The text of stored lines; those that are parts of one line are joined."""
        if self._since:
            records = _after(records, self._since)
        if self._inside or _PARTIAL.search(records):
            text = b"".join(self._line(each) for each in records.split(b"\n") if each)
        else:
            text = _FULL.sub(rb"\1 " if self._timestamps else b"", records)
        if self._left is not None:
            text = text[: self._left]
            self._left -= len(text)
        return text

    def _line(self, record: bytes) -> bytes:
        moment, _, kind, text = record.split(b" ", 3)
        head = moment + b" " if self._timestamps and not self._inside else b""
        self._inside = kind == b"P"
        return head + text + (b"" if self._inside else b"\n")


def _stamp(moment: datetime) -> bytes:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").encode() + b"000Z"


def _after(records: bytes, since: bytes) -> bytes:
    """The stored lines from a moment on; moments only grow within a log."""
    last = records.rfind(b"\n", 0, -1) + 1
    if records[last : last + len(since)] < since:
        return b""
    start = 0
    while records[start : start + len(since)] < since:
        start = records.index(b"\n", start) + 1
    return records[start:]
