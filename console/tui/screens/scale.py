"""Scale: by service the pods that there are and those that are wanted; what rules them, and what that would mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Static

from console.model.operations import MOST, Scale
from console.model.scaling import Scalable
from console.tui.bindings import bindings
from console.tui.present.cells import Cell
from console.tui.present.choosing import SCALE_COLUMNS, scale_cells, scale_lines
from console.tui.present.lines import faint, line
from console.tui.screens.beside import BesideScreen
from console.tui.widgets.reading import Reading
from console.tui.widgets.table import Table


class ScaleScreen(BesideScreen):
    """A number for each service. Nothing is changed here: Enter shows the plan.

    Args:
        about: the service that the cursor begins at.
    """

    place = "scale"
    BINDINGS = bindings(place)

    def __init__(self, about: str = "") -> None:
        super().__init__()
        self.heading = "scale"
        self._begin = about
        self._scalables: dict[str, Scalable] = {}
        self._wanted: dict[str, int] = {}
        self._typing = ""

    def panel(self) -> Iterable[Widget]:
        """The numbers, and what they would mean."""
        self._list = Table(SCALE_COLUMNS, self._row, title="Scale", id="numbers")
        self._meaning = Reading(title="What it means", id="meaning")
        yield self._list
        yield self._meaning
        yield Static("A number, + or -: how many pods are wanted.  Enter: the plan", classes="said")

    def on_mount(self) -> None:
        """Asks how it stands."""
        super().on_mount()
        self._list.focus()
        self._list.show((), [line(faint("loading ..."))])

    def on_screen_resume(self) -> None:
        """How it stands may be another since."""
        self.run_worker(self._load(), name="scale", exclusive=True)

    async def _load(self) -> None:
        engine = await self.console.connected()
        found = await self.attempt(engine.scalables, lambda lines: self._list.show((), lines))
        if found is None:
            return
        self._scalables = {each.service: each for each in found}
        self._wanted = {name: count for name, count in self._wanted.items() if name in self._scalables}
        self._list.show(list(self._scalables), [line(faint("nothing was deployed that can be scaled"))])
        self._list.select(self._begin)
        self._begin = ""
        self._explain()

    def _row(self, name: str) -> Sequence[Cell]:
        return scale_cells(self._scalables[name], self._wanted.get(name), self.glyphs)

    @on(Table.Moved, "#numbers")
    def _moved(self) -> None:
        self._typing = ""
        self._explain()

    def _explain(self) -> None:
        at = self._scalables.get(self._list.key)
        chosen = [(self._scalables[name], count) for name, count in self._chosen.items()]
        self._meaning.show(scale_lines(chosen, at, self.glyphs))
        self.refresh_bindings()

    @property
    def _chosen(self) -> dict[str, int]:
        """The numbers that differ from what there is."""
        return {name: count for name, count in self._wanted.items() if count != self._scalables[name].now}

    # -- numbers

    def on_key(self, event: Key) -> None:
        """Digits are typed into the selected row."""
        if len(event.key) == 1 and event.key.isdigit():
            event.stop()
            self._type(self._typing + event.key)

    def _type(self, digits: str) -> None:
        self._want(int(digits))
        self._typing = digits

    def action_rub_out(self) -> None:
        """Takes back the last digit, or the number."""
        if len(self._typing) > 1:
            self._type(self._typing[:-1])
        else:
            self._typing = ""
            self._wanted.pop(self._list.key, None)
            self._redraw()

    def action_more(self, count: int) -> None:
        """So many more, or fewer."""
        if each := self._scalables.get(self._list.key):
            self._typing = ""
            self._want(self._wanted.get(each.service, each.now) + count)

    def _want(self, count: int) -> None:
        if self._list.key in self._scalables:
            self._wanted[self._list.key] = max(0, min(MOST, count))
            self._redraw()

    def _redraw(self) -> None:
        self._list.update({self._list.key})
        self._explain()

    # -- going on

    @on(Table.Opened, "#numbers")
    def action_preview(self) -> None:
        """Shows what it would do."""
        if self._chosen:
            self.console.propose(Scale(self._chosen))

    def action_copy(self) -> None:
        """Copies what it would mean."""
        self.console.copy(self._meaning.text, "what it means")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter works once another number is wanted."""
        return bool(self._chosen) if action == "preview" else True
