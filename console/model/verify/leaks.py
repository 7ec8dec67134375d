"""Values of Secrets where they must not be: in the forms in which they travel, and split over lines."""

from __future__ import annotations

from console.model.redaction import SHORTEST, Redactor

_ESCAPED = (b"\\n", b"\\r", b"\\t")
_BREAKS = b" \t\r\n\\\"'"
"""What may stand between the parts of a value that is split: ends of lines, how they are escaped, and quotes."""
_OVERLAP = 1 << 14


class Leaks:
    """Finds values; tells their names, never themselves.

    Attributes:
        searched: the names of the values that are searched.
        too_short: the names of those that occur by chance, and are not.
    """

    def __init__(self) -> None:
        self.searched: list[str] = []
        self.too_short: list[str] = []
        self._any = Redactor()
        self._each: dict[str, Redactor] = {}

    def add(self, name: str, value: str) -> None:
        """Searches a value from now on, under its name."""
        if len(value.encode()) < SHORTEST:
            self.too_short.append(name)
            return
        own = self._each.setdefault(name, Redactor())
        joined = _joined(value.encode()).decode(errors="ignore")
        for redactor in (self._any, own):
            redactor.add(name, value)
            redactor.add(name, joined)
        self.searched.append(name)

    def names_in(self, data: bytes) -> set[str]:
        """The names of the values that stand in the data."""
        joined = _joined(data)
        if not (self._any.finds(data) or self._any.finds(joined)):
            return set()
        return {name for name, own in self._each.items() if own.finds(data) or own.finds(joined)}


def _joined(data: bytes) -> bytes:
    """What is left when everything that may split a value is taken out."""
    for each in _ESCAPED:
        data = data.replace(each, b"")
    return data.translate(None, _BREAKS)


class LeakStream:
    """The same for what comes in pieces: what is split over two of them is found as well."""

    def __init__(self, leaks: Leaks) -> None:
        self.names: set[str] = set()
        self.size = 0
        self._leaks = leaks
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Takes the next piece."""
        whole = self._rest + piece
        self.names |= self._leaks.names_in(whole)
        self._rest = whole[-_OVERLAP:]
        self.size += len(piece)
