"""Text to read in full: an object's YAML, a run's evidence, what a release consists of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from textual import on
from textual.widget import Widget

from console.tui.bindings import bindings
from console.tui.present.lines import Line, faint, line
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.prompt import FilterPrompt
from console.tui.widgets.reading import Reading


class TextScreen(ConsoleScreen):
    """Loads lines and shows them.

    Args:
        title: what they are about.
        load: gets them.
    """

    place = "text"
    BINDINGS = bindings(place)

    def __init__(self, title: str, load: Callable[[], Awaitable[Sequence[Line]]]) -> None:
        super().__init__()
        self.heading = title
        self._load = load

    def body(self) -> Iterable[Widget]:
        """The text."""
        self._text = Reading(title=self.heading, id="text")
        yield self._text
        yield FilterPrompt("regular expression; only matching lines are shown")

    def on_mount(self) -> None:
        """Loads it."""
        super().on_mount()
        self._text.focus()
        self._text.show([line(faint("loading ..."))])
        self.run_worker(self._fill(), name=f"load {self.heading}", exclusive=True)

    async def _fill(self) -> None:
        lines = await self.attempt(self._load, self._text.show)
        if lines is not None:
            self._text.show(lines or [line(faint("empty"))])

    def tick(self, now: float) -> None:
        """The line at the top."""
        self.head()

    def action_filter(self) -> None:
        """Asks for a regular expression."""
        self.query_one(FilterPrompt).ask()

    @on(FilterPrompt.Changed)
    def _filtered(self, event: FilterPrompt.Changed) -> None:
        self._text.filter(event.pattern)
        if event.over:
            self._text.focus()

    def action_copy(self) -> None:
        """Copies all of it."""
        self.console.copy(self._text.text, self.heading)
