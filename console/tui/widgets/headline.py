"""The line at the top: which stack, where, how fresh, what runs."""

from __future__ import annotations

from dataclasses import dataclass

from textual.strip import Strip
from textual.widget import Widget

from console.tui.present.lines import Line, plain
from console.tui.widgets.paint import paint_of


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands left and right in the line at the top."""

    left: Line
    right: Line


class HeadLine(Widget):
    """One line; the right part stays, the left is cut."""

    DEFAULT_CSS = """
    HeadLine { height: 1; width: 1fr; dock: top; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._heading = Heading((), ())

    def show(self, heading: Heading) -> None:
        """Draws again only if something differs."""
        if heading != self._heading:
            self._heading = heading
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        base, paint, width = self.rich_style, paint_of(self.app), self.size.width
        right = min(width, len(plain(self._heading.right)))
        left = paint.strip(self._heading.left, width - right, base)
        return Strip.join([left, paint.strip(self._heading.right, right, base)])
