"""Colours of the plain terminal, where they are wanted. No colour carries meaning alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_CODES = {"error": "31", "warning": "33", "good": "32", "faint": "2", "strong": "1"}


@dataclass(frozen=True, slots=True)
class Style:
    """Paints text by what it means (ECMA-48, SGR), or leaves it alone."""

    color: bool

    def paint(self, meaning: str, text: str) -> str:
        """The text in the colour of "error", "warning", "good", "faint" or "strong"; any other stays plain."""
        code = _CODES.get(meaning)
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code and text else text


PLAIN = Style(False)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose columns are as wide as their widest cell; no line ends in blanks."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
    return [line.rstrip() for line in padded]
