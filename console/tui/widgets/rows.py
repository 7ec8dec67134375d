"""The base of everything that scrolls: draws the rows that are on screen, and no others.

It scrolls by itself instead of with the layout, because setting a virtual size lays out the whole screen: at ten
updates a second that alone costs a tenth of a core.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console.tui.bindings import bindings
from console.tui.present.glyphs import UNICODE, Glyphs
from console.tui.present.lines import Tone
from console.tui.widgets.paint import Paint, paint_of

_WHEEL = 3


class Rows(Widget, can_focus=True):
    """Rows of text, one line each. Subclasses say how many there are and draw one.

    Args:
        title: stands in the frame; without a title there is no frame.

    Attributes:
        top: the first row that is shown.
        base: the pane's own style, of the drawing that goes on.
    """

    BINDINGS = bindings("rows")
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Rows { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, title: str = "", id: str | None = None) -> None:
        super().__init__(id=id, classes="pane" if title else None)
        self.top = 0
        self.base = Style.null()
        self._names = ("", "")
        self.entitle(title)

    def entitle(self, title: str, subtitle: str = "") -> None:
        """Names the pane. Setting a title draws the whole pane, so only if it differs."""
        if (title, subtitle) != self._names:
            self._names = (title, subtitle)
            self.border_title, self.border_subtitle = title.replace("[", r"\["), subtitle.replace("[", r"\[")

    # -- for subclasses

    @property
    def total(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def draw_row(self, index: int, width: int) -> Strip:
        """One row, `width` cells wide."""
        raise NotImplementedError

    @property
    def head(self) -> int:
        """How many lines at the top do not scroll."""
        return 0

    def draw_head(self, width: int) -> Strip:
        """The line that does not scroll."""
        return Strip.blank(width, self.base)

    def scrolled(self) -> None:
        """Called after `top` has changed by hand."""

    # -- drawing

    @property
    def glyphs(self) -> Glyphs:
        """The glyphs that the terminal can draw."""
        found: Glyphs = getattr(self.app, "glyphs", UNICODE)
        return found

    @property
    def paint(self) -> Paint:
        """The theme's colours."""
        return paint_of(self.app)

    @property
    def page(self) -> int:
        """How many rows fit."""
        return max(1, self.size.height - self.head)

    @property
    def row_width(self) -> int:
        """Cells of a row: all but the scroll bar's, which is kept free so that nothing jumps."""
        return max(1, self.size.width - 1)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a region. Working out a widget's style takes longer than drawing a line, so it is done once."""
        self.base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.row_width
        if y < self.head:
            return Strip([*self.draw_head(width), Segment(" ", self.base)], width + 1)
        index = self.top + y - self.head
        row = self.draw_row(index, width) if index < self.total else Strip.blank(width, self.base)
        return Strip([*row, self._bar(y - self.head)], width + 1)

    def _bar(self, y: int) -> Segment:
        """The scroll bar's cell: nothing while everything fits."""
        total, page = self.total, self.page
        if total <= page:
            return Segment(" ", self.base)
        length = max(1, page * page // total)
        start = round((page - length) * self.top / max(1, total - page))
        inside = start <= y < start + length
        thumb, track = ("#", "|") if self.glyphs.plain else ("█", "│")
        return Segment(thumb if inside else track, self.base + self.paint.tone(Tone.FAINT))

    def refresh_row(self, index: int) -> None:
        """Draws one row again, if it is on screen."""
        y = index - self.top + self.head
        if self.head <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # -- moving

    def scroll_rows(self, top: int) -> None:
        """Shows the rows from `top` on, as far as there are any."""
        bounded = max(0, min(top, self.total - self.page))
        if bounded != self.top:
            self.top = bounded
            self.refresh()

    def step(self, rows: int) -> None:
        """Moves by so many rows, at a person's request."""
        self.scroll_rows(self.top + rows)
        self.scrolled()

    def action_step(self, rows: int) -> None:
        """Moves by so many rows."""
        self.step(rows)

    def action_leaf(self, pages: float) -> None:
        """Moves by so many pages."""
        self.step(int(pages * max(1, self.page - 1)))

    def action_far(self, end: int) -> None:
        """Moves to the first row (-1) or to the last (1)."""
        self.step(end * (self.total + self.page))

    def on_resize(self, event: Resize) -> None:
        """Keeps within what there is."""
        self.scroll_rows(self.top)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.scroll_rows(self.top + _WHEEL)
        self.scrolled()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self.scroll_rows(self.top - _WHEEL)
        self.scrolled()

    def on_click(self, event: Click) -> None:
        """A click on the scroll bar goes there, one on a row chooses it."""
        place = event.get_content_offset(self)
        if place is None:
            return
        y = place.y - self.head
        if place.x >= self.row_width and self.total > self.page:
            self.scroll_rows(round((self.total - self.page) * y / max(1, self.page - 1)))
            self.scrolled()
        elif y >= 0 and self.top + y < self.total:
            self.clicked(self.top + y, event.chain)

    def clicked(self, index: int, times: int) -> None:
        """A row was clicked, twice for `times` 2."""
