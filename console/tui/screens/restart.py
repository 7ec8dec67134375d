"""Restart: which services get new pods; one service behind what it comes after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from console.model.operations import Restart
from console.model.state import ServiceView, View
from console.model.wording import number
from console.tui.bindings import bindings
from console.tui.present.cells import Cell
from console.tui.present.choosing import RESTART_COLUMNS, restart_cells
from console.tui.present.lines import faint, line
from console.tui.screens.beside import BesideScreen
from console.tui.widgets.table import Table


class RestartScreen(BesideScreen):
    """A choice of services. Nothing is changed here: Enter shows the plan.

    Args:
        about: the service that is chosen at first; all if none is.
    """

    place = "restart"
    BINDINGS = bindings(place)

    def __init__(self, about: str = "") -> None:
        super().__init__()
        self.heading = "restart"
        self._about_first = about
        self._chosen: set[str] | None = None
        self._by_name: dict[str, ServiceView] = {}

    def panel(self) -> Iterable[Widget]:
        """The services, and what Enter does."""
        self._list = Table(RESTART_COLUMNS, self._row, title="Restart", id="choice")
        yield self._list
        yield Static(id="summary", markup=False, classes="said")

    def on_mount(self) -> None:
        """Begins with what is selected."""
        self._list.focus()
        super().on_mount()

    def take(self, view: View) -> None:
        """Which services there are."""
        super().take(view)
        self._by_name = {service.name: service for service in view.services if service.desired}
        if self._chosen is None:
            first = {self._about_first} & self._by_name.keys()
            self._chosen = first or set(self._by_name)
        if self._list.keys == list(self._by_name) and self._by_name:
            self._list.tick()
            return
        self._list.show(list(self._by_name), [line(faint("nothing runs that could be restarted"))])
        self._list.select(self._about_first)
        self._say()

    @property
    def _named(self) -> tuple[str, ...]:
        """The chosen services, in order."""
        return tuple(name for name in self._by_name if name in (self._chosen or ()))

    def _row(self, name: str) -> Sequence[Cell]:
        declared = {service.name: service for service in self.console.services}
        return restart_cells(self._by_name[name], name in self._named, declared, self.glyphs)

    def _say(self) -> None:
        pods = sum(self._by_name[name].desired for name in self._named)
        words = f"{number(len(self._named), 'service')}, {number(pods, 'pod')}, one service behind what it comes after."
        told = f"{words}  Enter shows the plan" if self._named else "Space chooses a service, a chooses all"
        self.query_one("#summary", Static).update(told)
        self.refresh_bindings()

    def action_choose(self) -> None:
        """Chooses the service, or leaves it out."""
        if self._chosen is not None and self._list.key:
            self._chosen ^= {self._list.key}
            self._list.update({self._list.key})
            self._say()

    def action_all(self) -> None:
        """All, or none."""
        self._chosen = set() if len(self._named) == len(self._by_name) else set(self._by_name)
        self._list.update(self._by_name)
        self._say()

    @on(Table.Opened, "#choice")
    def _opened(self) -> None:
        self.action_choose()

    def action_preview(self) -> None:
        """Shows what it would do."""
        if self._named:
            everything = len(self._named) == len(self._by_name)
            self.console.propose(Restart(() if everything else self._named))

    def action_copy(self) -> None:
        """Copies the names of the chosen services."""
        self.console.copy(" ".join(self._named), "the chosen services")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter works once something is chosen."""
        return bool(self._named) if action == "preview" else True
