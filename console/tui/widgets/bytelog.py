"""Log lines as the bytes they came in: a line costs nothing until somebody looks at it."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from operator import attrgetter

LIMIT_BYTES = 64_000_000
LIMIT_LINES = 500_000
_JOIN_BELOW = 16_384
_KEPT_SPLIT = 16
_WIDEST = 16_384

_first = attrgetter("first")


@dataclass(slots=True)
class Block:
    """Whole lines of one source; `first` is the number of the first since the log began, `at` the newest's stamp."""

    first: int
    lines: int
    source: int
    data: bytes
    at: float | None


class ByteLog:
    """The last lines of many sources, in the order in which they came.

    Args:
        limit_bytes: how much is kept.
        limit_lines: how many lines are kept.

    Attributes:
        sources: their names; a line's source is an index into them.
        first: the number of the oldest line that is kept: so many were let go.
        end: the number of the next line: so many came.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES, limit_lines: int = LIMIT_LINES) -> None:
        self.sources: list[str] = []
        self.first = 0
        self.end = 0
        self._limits = (limit_bytes, limit_lines)
        self._ids: dict[str, int] = {}
        self._blocks: list[Block] = []
        self._size = 0
        self._split: OrderedDict[int, list[bytes]] = OrderedDict()

    def append(self, source: str, data: bytes, at: float | None = None) -> None:
        """Takes whole lines; a last one without its newline is ended."""
        if not data:
            return
        if not data.endswith(b"\n"):
            data += b"\n"
        lines = data.count(b"\n")
        index = self._source(source)
        last = self._blocks[-1] if self._blocks else None
        if last and last.source == index and len(last.data) + len(data) < _JOIN_BELOW:
            self._split.pop(last.first, None)
            last.data += data
            last.lines += lines
            last.at = at
        else:
            self._blocks.append(Block(self.end, lines, index, data, at))
        self.end += lines
        self._size += len(data)
        self._let_go()

    def _source(self, name: str) -> int:
        if name not in self._ids:
            self._ids[name] = len(self.sources)
            self.sources.append(name)
        return self._ids[name]

    def _let_go(self) -> None:
        limit_bytes, limit_lines = self._limits
        gone = 0
        while gone < len(self._blocks) - 1 and (self._size > limit_bytes or self.end - self.first > limit_lines):
            block = self._blocks[gone]
            self._size -= len(block.data)
            self.first = block.first + block.lines
            self._split.pop(block.first, None)
            gone += 1
        if gone:
            del self._blocks[:gone]

    def line(self, number: int) -> tuple[int, str]:
        """The source and the text of a line that is kept."""
        block = self._block(number)
        raw = self._lines(block)[number - block.first]
        return block.source, raw[:_WIDEST].decode("utf-8", "replace").rstrip("\r")

    def number_at(self, moment: float) -> int:
        """The number of the first line from that moment on, as far as stamps tell."""
        for block in self._blocks:
            if block.at is not None and block.at >= moment:
                return block.first
        return self.end

    def _block(self, number: int) -> Block:
        return self._blocks[bisect_right(self._blocks, number, key=_first) - 1]

    def _lines(self, block: Block) -> list[bytes]:
        found = self._split.get(block.first)
        if found is None:
            found = self._split[block.first] = block.data.split(b"\n")
            if len(self._split) > _KEPT_SPLIT:
                self._split.popitem(last=False)
        return found

    def search(self, pattern: re.Pattern[bytes], start: int, deadline: float) -> tuple[array[int], int]:
        """The numbers of matching lines from `start` on, and where to go on: at `end`, or where time ran out.

        Args:
            pattern: matched against each line, without its newline.
            start: the number of the first line to look at.
            deadline: of `time.perf_counter`, at which to stop.
        """
        found = array("q")
        number = max(start, self.first)
        while number < self.end and time.perf_counter() < deadline:
            block = self._block(number)
            if pattern.search(block.data):
                lines = block.data.split(b"\n")
                for index in range(number - block.first, block.lines):
                    if pattern.search(lines[index]):
                        found.append(block.first + index)
            number = block.first + block.lines
        return found, number

    def dump(self) -> list[tuple[str, bytes]]:
        """Everything that is kept, by source, in order."""
        return [(self.sources[block.source], block.data) for block in self._blocks]
