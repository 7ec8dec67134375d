"""A panel beside the live grid, so that the effect of what is done is visible while it happens."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from console.model.state import Freshness, View
from console.tui.present.services import services_line
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.grid import PodTable, ServiceTable
from console.tui.widgets.reading import Reading
from console.tui.widgets.table import Table


class BesideScreen(ConsoleScreen):
    """A screen whose panel leaves the grid in sight; where it is too narrow for that, a line about every service.

    Args:
        beside: False gives the panel the whole screen.
    """

    def __init__(self, *, beside: bool = True) -> None:
        super().__init__()
        self.beside = beside
        self.set_class(beside, "-beside")

    def panel(self) -> Iterable[Widget]:
        """The widgets of the panel."""
        return ()

    def body(self) -> Iterable[Widget]:
        """The grid, and the panel beside it."""
        if not self.beside:
            yield from self.panel()
            return
        self._services, self._pods = ServiceTable(), PodTable()
        self._line = Reading(id="services-line")
        self._line.can_focus = False
        yield self._line
        yield Horizontal(
            Vertical(self._services, self._pods, id="grid"), Vertical(*self.panel(), id="panel"), id="beside"
        )

    def take(self, view: View) -> None:
        """What changed since."""
        if self.beside:
            self._services.take(view)
            self._pods.take(view)
            self._retitle(view)

    def tick(self, now: float) -> None:
        """Ages."""
        self.head()
        if self.beside and self.view is not None:
            self._pods.grow_older(now)
            self._retitle(self.view)

    def _retitle(self, view: View) -> None:
        self._services.retitle(view, self.now)
        self._pods.retitle(view, self.now)
        self._line.show([services_line(view, self.now, self.glyphs)])
        self.set_class(view.freshness is Freshness.STALE, "-stale")

    @on(Table.Opened, "#pods")
    def _open_pod(self, event: Table.Opened) -> None:
        event.stop()
        self.console.open_pod(event.key)
