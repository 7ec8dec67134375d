"""JSON lines out of a stream of bytes."""

from __future__ import annotations

from collections.abc import Iterator


class Lines:
    """Takes bytes as they come, gives whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that are whole by now, without their ends; empty ones are left out."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return (line.strip() for line in whole if line.strip())

    def end(self) -> Iterator[bytes]:
        """The last line, if nothing ended it."""
        rest, self._rest = self._rest.strip(), b""
        return iter([rest] if rest else [])
