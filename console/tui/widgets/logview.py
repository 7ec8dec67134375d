"""Shows a byte log: follows its end or stands still, filters, marks, wraps. Draws only what is on screen."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left
from dataclasses import dataclass

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip

from console.tui.present.lines import Line, Span, Tone, level_tone, marked, plain, visible, wrapped
from console.tui.widgets.bytelog import ByteLog
from console.tui.widgets.paint import fitted
from console.tui.widgets.rows import Rows

_SCAN_BUDGET = 0.008
_LABEL_WIDEST = 26


class LogView(Rows):
    """A window on a byte log.

    Attributes:
        buffer: what is shown.
        following: whether the end is kept in sight.
        wrap: whether long lines are broken.
        instead: stands in place of lines while there are none.
    """

    @dataclass
    class Changed(Message):
        """Following or standing still is up to the person, who has just changed it."""

        view: LogView

    def __init__(self, *, title: str = "", id: str | None = None, labels: bool = True) -> None:
        super().__init__(title=title, id=id)
        self.buffer = ByteLog()
        self.following = True
        self.wrap = False
        self.instead = ""
        self._labels = labels
        self._left = 0
        self._pattern: re.Pattern[str] | None = None
        self._bytes: re.Pattern[bytes] | None = None
        self._matches: array[int] = array("q")
        self._scanned = 0
        self._seen = (0, 0, 0)
        self._tail: list[Strip] = []
        self._tail_of: tuple[object, ...] = ()

    # -- what is shown

    @property
    def total(self) -> int:
        """How many lines there are to show."""
        return len(self._matches) if self._bytes else self.buffer.end - self.buffer.first

    @property
    def filtered(self) -> bool:
        """True if a filter hides lines."""
        return self._bytes is not None

    def replace(self, log: ByteLog) -> None:
        """Shows another log."""
        self.buffer = log
        self._matches, self._scanned = array("q"), 0
        self.following, self.top, self._left = True, 0, 0
        self._seen = (-1, -1, -1)
        self.flush()

    def filter(self, pattern: re.Pattern[str] | None) -> None:
        """Shows only lines in which the pattern is found, and marks what is found."""
        self._pattern = pattern
        flags = re.MULTILINE | (pattern.flags & re.IGNORECASE if pattern else 0)
        self._bytes = re.compile(pattern.pattern.encode(), flags) if pattern else None
        self._matches, self._scanned, self.top = array("q"), 0, 0
        self._seen = (-1, -1, -1)
        self.flush()

    def flush(self) -> None:
        """Takes up what has come since; ten times a second, not once a line."""
        before = self.buffer.first
        if self._bytes:
            self._scan()
            self._forget_matches()
        elif not self.following:
            # What was let go at the front must not move what is read.
            self.top = max(0, self.top - (before - max(0, self._seen[0])))
        state = (self.buffer.first, self.buffer.end, self.total)
        if state != self._seen:
            moved = self.following or not self.total or self.total <= self.page or state[0] != self._seen[0]
            self._seen = state
            if moved:
                self._to_end()
                self.refresh()

    def _scan(self) -> None:
        assert self._bytes is not None
        found, self._scanned = self.buffer.search(self._bytes, self._scanned, time.perf_counter() + _SCAN_BUDGET)
        self._matches.extend(found)

    def _forget_matches(self) -> None:
        gone = bisect_left(self._matches, self.buffer.first)
        if gone:
            del self._matches[:gone]
            self.top = max(0, self.top - gone)

    def _to_end(self) -> None:
        if self.following:
            self.top = max(0, self.total - self.page)

    def _number(self, index: int) -> int:
        return self._matches[index] if self._bytes else self.buffer.first + index

    # -- drawing

    def render_line(self, y: int) -> Strip:
        """One line of the screen; wrapped lines are laid out from the anchored end."""
        if y == 0 and not self.total:
            return self.paint.strip(((self.instead, Tone.FAINT),), self.size.width, self.base)
        if not self.wrap:
            return super().render_line(y)
        laid = self._laid_out()
        row = laid[y] if y < len(laid) else Strip.blank(self.row_width, self.base)
        return Strip([*row, self._bar(y)], self.row_width + 1)

    def draw_row(self, index: int, width: int) -> Strip:
        """One line of the log, cut to the width."""
        source, text = self.buffer.line(self._number(index))
        label = self._label(source)
        room = max(1, width - sum(len(part.text) for part in label))
        shown = visible(text)[self._left : self._left + room]
        return fitted([*label, *self._painted(((shown, level_tone(text)),))], width, self.base)

    def _painted(self, spans: Line) -> list[Segment]:
        base = self.base
        return [Segment(text, base + self.paint.tone(tone)) for text, tone in marked(spans, self._pattern)]

    def _label(self, source: int) -> list[Segment]:
        if not self._labels:
            return []
        name = self.buffer.sources[source]
        width = min(_LABEL_WIDEST, max(map(len, self.buffer.sources)), max(8, self.row_width // 4))
        short = name if len(name) <= width else f"{name[: width - 7]}{self.glyphs.ellipsis}{name[-6:]}"
        bar = "|" if self.glyphs.plain else "│"
        style = self.base + self.paint.hue(source)
        return [Segment(f"{short:<{width}} ", style), Segment(f"{bar} ", self.base + self.paint.tone(Tone.FAINT))]

    def _laid_out(self) -> list[Strip]:
        """The wrapped rows of the whole screen, from the top line or up from the last one."""
        width, page = self.row_width, self.page
        state = (self.top, self._seen, self.buffer.end, self.size, self._pattern, self.following, self.app.theme)
        if state == self._tail_of:
            return self._tail
        at_end = self.top >= self.total - page
        rows: list[Strip] = []
        indices = range(self.total - 1, -1, -1) if at_end else range(self.top, self.total)
        for index in indices:
            wrapped_rows = self._wrapped(index, width)
            rows = wrapped_rows + rows if at_end else rows + wrapped_rows
            if len(rows) >= page:
                break
        self._tail = rows[-page:] if at_end else rows[:page]
        self._tail_of = state
        return self._tail

    def _wrapped(self, index: int, width: int) -> list[Strip]:
        source, text = self.buffer.line(self._number(index))
        label = self._label(source)
        room = max(10, width - sum(len(part.text) for part in label))
        lines = list(wrapped([((visible(text), level_tone(text)),)], room))
        return [fitted([*label, *self._painted(spans)], width, self.base) for spans in lines]

    # -- moving

    def scrolled(self) -> None:
        """Looking at older lines pauses; the end follows again."""
        at_end = self.top >= self.total - self.page
        if at_end != self.following:
            self.following = at_end
            self.post_message(self.Changed(self))

    def follow(self, on: bool) -> None:
        """Follows the end, or stands still."""
        self.following = on
        self._to_end()
        self.refresh()
        self.post_message(self.Changed(self))

    def shift(self, cells: int) -> None:
        """Looks further to the right in long lines, or back."""
        self._left = max(0, self._left + cells)
        self.refresh()

    def go_to(self, number: int) -> None:
        """Brings a line to the top and stands still there."""
        self.following = False
        self.top = max(0, min(number - self.buffer.first, self.total - 1))
        self.refresh()
        self.post_message(self.Changed(self))

    def visible_text(self) -> str:
        """The lines that are on screen, each with its source."""
        rows = range(self.top, min(self.top + self.page, self.total))
        return "\n".join(plain(self._spans(index)) for index in rows)

    def _spans(self, index: int) -> tuple[Span, ...]:
        source, text = self.buffer.line(self._number(index))
        label = f"{self.buffer.sources[source]} " if self._labels else ""
        return ((label, Tone.PLAIN), (visible(text), Tone.PLAIN))
