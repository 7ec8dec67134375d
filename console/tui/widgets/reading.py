"""Lines to read: diffs, diagnoses, YAML, events. Broken to fit, found and scrolled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from textual.events import Resize
from textual.geometry import Size
from textual.strip import Strip

from console.tui.present.lines import Line, marked, plain, wrapped
from console.tui.widgets.rows import Rows


class Reading(Rows):
    """Lines of text with tones, wrapped to the width.

    Args:
        title: stands in the frame; without a title there is no frame.
        at_end: whether the newest line is kept in sight, as long as nobody scrolls.
    """

    def __init__(self, *, title: str = "", id: str | None = None, at_end: bool = False) -> None:
        super().__init__(title=title, id=id)
        self._lines: list[Line] = []
        self._rows: list[Line] = []
        self._starts: list[int] = []
        self._at_end = at_end
        self._held = False
        self._pattern: re.Pattern[str] | None = None

    @property
    def total(self) -> int:
        """How many rows the lines take."""
        return len(self._rows)

    @property
    def text(self) -> str:
        """All lines as they would be copied."""
        return "\n".join(plain(each) for each in self._shown())

    def show(self, lines: Sequence[Line]) -> None:
        """Takes lines in place of those before; the place is kept."""
        if list(lines) != self._lines:
            self._lines = list(lines)
            self._arrange()

    def filter(self, pattern: re.Pattern[str] | None) -> None:
        """Shows only lines in which the pattern is found, and marks what is found."""
        self._pattern = pattern
        self.top = 0
        self._arrange()

    def go_to(self, line: int) -> None:
        """Brings a line to the top."""
        if 0 <= line < len(self._starts):
            self.scroll_rows(self._starts[line])

    def _shown(self) -> list[Line]:
        if self._pattern is None:
            return self._lines
        return [each for each in self._lines if self._pattern.search(plain(each))]

    def _arrange(self) -> None:
        bar, rows = self._place(), self._rows
        self._wrap(self.row_width)
        if self._at_end and not self._held:
            self.top = self.total
        self.top = max(0, min(self.top, self.total - self.page))
        if self.styles.is_auto_height and len(rows) != self.total:
            self.refresh(layout=True)
        elif bar != self._place():
            self.refresh()
        else:
            self._redraw(rows)

    def _place(self) -> tuple[int, int]:
        """What the scroll bar shows."""
        return (self.top, self.total) if self.total > self.page else (0, 0)

    def _redraw(self, before: Sequence[Line]) -> None:
        """Most of what is read stays as it was: only the rows that differ are drawn."""
        for index, (old, new) in enumerate(zip_longest(before, self._rows)):
            if old != new:
                self.refresh_row(index)

    def _wrap(self, width: int) -> None:
        self._rows, self._starts = [], []
        for each in self._shown():
            self._starts.append(len(self._rows))
            self._rows += wrapped([marked(each, self._pattern)], max(10, width - 1))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The lines as they break at that width."""
        self._wrap(width - 1)
        return self.total

    def draw_row(self, index: int, width: int) -> Strip:
        """One row."""
        return self.paint.strip(self._rows[index], width, self.base)

    def scrolled(self) -> None:
        """Somebody looks at older lines: nothing moves under their eyes."""
        self._held = self.top < self.total - self.page

    def on_resize(self, event: Resize) -> None:
        """Lines break elsewhere."""
        self._arrange()
        self.refresh()
