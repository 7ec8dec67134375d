"""The parts of a build as they go: told to whoever watches, and their output marked in the one log of the build."""

from __future__ import annotations

from collections.abc import Sequence

from console.engine.ports import BuildWatcher
from console.model.run import Part, PartState
from console.model.wording import seconds

_ENDS = {PartState.CACHED: "cached", PartState.DONE: "done in {}", PartState.FAILED: "FAILED after {}"}


class PartLog:
    """Writes `#4 [2/3] RUN make` before the first line of a part, `#4 ` before every line, and how it ended.

    Args:
        watcher: is told.
    """

    def __init__(self, watcher: BuildWatcher) -> None:
        self._watcher = watcher
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._rest: dict[int, bytes] = {}

    def output(self, part: Part, data: bytes) -> None:
        """A part printed something."""
        *whole, self._rest[part.number] = (self._rest.get(part.number, b"") + data).split(b"\n")
        for line in whole:
            self._line(part, line)

    def tell(self, parts: Sequence[Part]) -> None:
        """Parts are new or changed."""
        if parts:
            self._watcher.parts(parts)
        for part in parts:
            if part.state in _ENDS and part.number not in self._ended:
                self._end(part)

    def say(self, text: str) -> None:
        """A line about the build as a whole."""
        self._watcher.output(text.encode() + b"\n")

    def _end(self, part: Part) -> None:
        if rest := self._rest.pop(part.number, b""):
            self._line(part, rest)
        if part.notable(part.started or 0.0):
            self._ended.add(part.number)
            self.say(f"{part.mark}{part.name}: {_ENDS[part.state].format(seconds(part.seconds or 0.0))}")

    def _line(self, part: Part, line: bytes) -> None:
        if part.number not in self._begun:
            self._begun.add(part.number)
            self.say(f"{part.mark}{part.name}")
        self._watcher.output(part.mark.encode() + line.rstrip(b"\r") + b"\n")
