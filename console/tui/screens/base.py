"""What every screen has: the line at the top, the keys at the bottom, and the way to the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from console.model.errors import ConsoleError
from console.model.state import View
from console.tui.bridge import CALM
from console.tui.present.errors import error_lines
from console.tui.present.glyphs import Glyphs
from console.tui.present.heading import left_line, right_line
from console.tui.present.lines import Line
from console.tui.widgets.headline import Heading, HeadLine
from console.tui.widgets.keyline import KeyLine

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

T = TypeVar("T")


class ConsoleScreen(Screen[None]):
    """A full screen of the console.

    Attributes:
        place: its name in the table of keys.
        pace: seconds between two turns of the clock while it is uppermost.
        heading: what stands after stack and target in the line at the top.
        drawn: whether its widgets are there to be drawn on.
    """

    place: ClassVar[str]
    pace: float = CALM

    def __init__(self) -> None:
        super().__init__()
        self.heading = ""
        self.drawn = False

    # -- for subclasses

    def body(self) -> Iterable[Widget]:
        """The widgets between the two lines."""
        return ()

    def take(self, view: View) -> None:
        """Draws what changed."""

    def flush(self) -> None:
        """At every turn of the clock: draws what does not come through the store."""

    def tick(self, now: float) -> None:
        """Once a second: draws what differs because time has passed."""

    # -- what they have in common

    @property
    def console(self) -> ConsoleApp:
        """The app, which holds the engine."""
        return cast("ConsoleApp", self.app)

    @property
    def glyphs(self) -> Glyphs:
        """The glyphs that the terminal can draw."""
        return self.console.glyphs

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.console.clock()

    @property
    def about_service(self) -> str:
        """The service that is selected here, empty if none is."""
        return ""

    @property
    def view(self) -> View | None:
        """The newest view."""
        return self.console.bridge.view

    def compose(self) -> ComposeResult:
        """The line at the top, the body, the keys."""
        yield HeadLine()
        yield from self.body()
        yield KeyLine()

    def on_mount(self) -> None:
        """Draws what is known already."""
        self.drawn = True
        self.head()
        if self.view is not None:
            self.take(self.view)

    def head(self) -> None:
        """Draws the line at the top."""
        width, now, standing = self.app.size.width, self.now, self.console.standing
        left = left_line(self.view, standing, self.heading, now, width)
        self.query_one(HeadLine).show(Heading(left, right_line(self.view, standing, now, width, self.glyphs)))

    def on_resize(self) -> None:
        """The line at the top has another width."""
        self.call_after_refresh(self.head)

    def action_back(self) -> None:
        """Back to where we came from."""
        self.dismiss()

    async def attempt(self, ask: Callable[[], Awaitable[T]], told: Callable[[list[Line]], Any]) -> T | None:
        """Asks the engine for something; what goes wrong is `told` as lines, and None comes back."""
        try:
            return await ask()
        except ConsoleError as error:
            told(error_lines(error, self.glyphs, self.console.mask))
            return None
