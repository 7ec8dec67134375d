"""Tables: columns that drop out where it is narrow, and cells that are cut to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from console.tui.present.lines import Span

GAP = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    `width` is in cells; a `flexible` column takes what the others leave, up to `longest`, the leftmost first. Where not
    all fit, the one with the highest `drop` goes first; 0 never goes. `tail` characters survive shortening.
    """

    title: str
    width: int
    drop: int = 0
    right: bool = False
    flexible: bool = False
    tail: int = 0
    longest: int = 0


Cell = Span


def fit(columns: Sequence[Column], width: int) -> list[tuple[int, Column]]:
    """The columns that `width` has room for, each with its index and with its width settled."""
    kept = list(enumerate(columns))
    while len(kept) > 1 and _needed(kept) > width and any(column.drop for _, column in kept):
        kept.remove(max(kept, key=lambda item: item[1].drop))
    spare = max(0, width - _needed(kept))
    settled = []
    for index, column in kept:
        grown = _grown(column, spare)
        spare -= grown.width - column.width
        settled.append((index, grown))
    return settled


def _needed(kept: Sequence[tuple[int, Column]]) -> int:
    return sum(column.width for _, column in kept) + GAP * (len(kept) - 1)


def _grown(column: Column, spare: int) -> Column:
    if not column.flexible:
        return column
    width = column.width + spare
    return replace(column, width=min(width, max(column.width, column.longest)) if column.longest else width)


def shorten(text: str, width: int, ellipsis: str, tail: int = 0) -> str:
    """The text in at most `width` characters; `tail` of its last ones stay, the middle goes."""
    if len(text) <= width:
        return text
    tail = tail if tail < width - 2 else 0
    head = max(0, width - tail - 1)
    return text[:head] + ellipsis + (text[-tail:] if tail else "")
