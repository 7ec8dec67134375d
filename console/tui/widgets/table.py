"""A table of any length: cells are asked for only where they can be seen, the cursor stays on its row by key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from console.tui.present.cells import Cell, Column, fit, shorten
from console.tui.present.lines import Line, Tone, visible
from console.tui.widgets.paint import fitted
from console.tui.widgets.rows import Rows

CellSource = Callable[[str], Sequence[Cell]]


class Table(Rows):
    """Rows with a cursor.

    Args:
        columns: what may be shown; what does not fit drops out.
        cells: gives the cells of the row with that key.
        title: stands in the frame.
        titles: whether the columns' titles stand above.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--cursor", "table--cursor-away", "table--head"}
    DEFAULT_CSS = """
    Table > .table--cursor { background: $primary-muted; text-style: bold; }
    Table > .table--cursor-away { background: $panel; }
    Table > .table--head { color: $secondary; text-style: bold; }
    """

    @dataclass
    class Moved(Message):
        """The cursor stands on another row now; `by_hand` if a person moved it."""

        table: Table
        key: str
        by_hand: bool = False

        @property
        def control(self) -> Table:
            """The table, for `@on` selectors."""
            return self.table

    @dataclass
    class Opened(Message):
        """A row was clicked twice."""

        table: Table
        key: str

        @property
        def control(self) -> Table:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        cells: CellSource,
        *,
        title: str = "",
        titles: bool = True,
        id: str | None = None,
    ) -> None:
        super().__init__(title=title, id=id)
        self._columns = columns
        self._cells = cells
        self._titles = titles
        self._keys: list[str] = []
        self._index: dict[str, int] = {}
        self._at = 0
        self._drawn: dict[str, tuple[Cell, ...]] = {}
        self._fitted: list[tuple[int, Column]] = []
        self._instead: list[Line] = []

    # -- what is shown

    @property
    def total(self) -> int:
        """How many rows there are; without any, the lines that stand in their place."""
        return len(self._keys) or len(self._instead)

    @property
    def head(self) -> int:
        """The line of titles."""
        return 1 if self._titles and self._keys else 0

    @property
    def keys(self) -> list[str]:
        """The keys of all rows, in order; not to be changed."""
        return self._keys

    @property
    def key(self) -> str:
        """The key of the cursor's row, empty if there are no rows."""
        return self._keys[self._at] if self._keys else ""

    def show(self, keys: Sequence[str], instead: Sequence[Line] = ()) -> None:
        """Takes rows in their order; `instead` is shown where there are none. The cursor stays on its key."""
        before, rows = self.key, self.total + self.head
        self._instead = list(instead)
        self._keys = list(keys)
        self._index = {key: index for index, key in enumerate(self._keys)}
        self._at = self._index.get(before, max(0, min(self._at, len(self._keys) - 1)))
        self._drawn.clear()
        self._into_view()
        self.refresh(layout=self.styles.is_auto_height and rows != self.total + self.head)
        if self.key != before:
            self.post_message(self.Moved(self, self.key))

    def update(self, changed: Collection[str]) -> None:
        """Draws these rows again, as far as they are on screen."""
        for index in range(self.top, min(self.top + self.page, len(self._keys))):
            if self._keys[index] in changed:
                self._renew(index)

    def tick(self) -> None:
        """Time has passed: draws the rows again whose cells differ for it."""
        for index in range(self.top, min(self.top + self.page, len(self._keys))):
            self._renew(index)

    def _renew(self, index: int) -> None:
        key = self._keys[index]
        if tuple(self._cells(key)) != self._drawn.get(key):
            self._drawn.pop(key, None)
            self.refresh_row(index)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """All rows, below the line of titles."""
        return self.total + self.head

    # -- drawing

    def draw_head(self, width: int) -> Strip:
        """The titles."""
        base = self.base + self.get_component_rich_style("table--head", partial=True)
        titles = [(column.title, Tone.PLAIN) for column in self._columns]
        return self._draw(titles, width, base, "  ")

    def draw_row(self, index: int, width: int) -> Strip:
        """One row, or a line in place of rows."""
        if not self._keys:
            return self.paint.strip((("  ", Tone.PLAIN), *self._instead[index]), width, self.base)
        key = self._keys[index]
        cells = self._drawn.get(key)
        if cells is None:
            cells = self._drawn[key] = tuple(self._cells(key))
        if index != self._at:
            return self._draw(cells, width, self.base, "  ")
        look = "table--cursor" if self.has_focus else "table--cursor-away"
        base = self.base + self.get_component_rich_style(look, partial=True)
        return self._draw(cells, width, base, f"{self.glyphs.cursor} " if self.has_focus else "  ")

    def _draw(self, cells: Sequence[Cell], width: int, base: Style, margin: str) -> Strip:
        if not self._fitted:
            self._fitted = fit(self._columns, width - 2)
        tone_of, ellipsis = self.paint.tone, self.glyphs.ellipsis
        segments = [Segment(margin, base + tone_of(Tone.ACCENT))]
        for index, column in self._fitted:
            text, tone = cells[index]
            short = shorten(visible(text), column.width, ellipsis, column.tail)
            placed = short.rjust(column.width) if column.right else short.ljust(column.width)
            segments += [Segment(placed, base + tone_of(tone)), Segment(" ", base)]
        return fitted(segments, width, base)

    def on_resize(self, event: Resize) -> None:
        """Columns drop out, or come back."""
        self._fitted = []
        self._into_view()
        super().on_resize(event)

    # -- the cursor

    def step(self, rows: int) -> None:
        """Moves the cursor; without rows, what stands in their place."""
        if not self._keys:
            super().step(rows)
            return
        self.select(self._keys[max(0, min(self._at + rows, len(self._keys) - 1))], by_hand=True)

    def select(self, key: str, *, by_hand: bool = False) -> None:
        """Puts the cursor on the row of that key, if there is one."""
        index = self._index.get(key)
        if index is None or index == self._at:
            return
        self.refresh_row(self._at)
        self._at = index
        self._into_view()
        self.refresh_row(index)
        self.post_message(self.Moved(self, key, by_hand))

    def _into_view(self) -> None:
        if self._at < self.top:
            self.scroll_rows(self._at)
        elif self._at >= self.top + self.page:
            self.scroll_rows(self._at - self.page + 1)
        else:
            self.scroll_rows(self.top)

    def clicked(self, index: int, times: int) -> None:
        """Chooses the row; twice opens it."""
        if self._keys:
            self.select(self._keys[index], by_hand=True)
            if times == 2:
                self.post_message(self.Opened(self, self.key))

    def on_focus(self) -> None:
        """The cursor stands out."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor steps back."""
        self.refresh()
