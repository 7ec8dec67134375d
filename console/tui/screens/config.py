"""Configuration: keys of ConfigMaps and Secrets, who reads them and how; edited here, applied as an operation."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from functools import partial

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from console.model.configuration import Configuration
from console.model.operations import Configure
from console.model.plan import ObjectRef
from console.tui.bindings import bindings
from console.tui.present.cells import Cell
from console.tui.present.configured import COLUMNS, Edits, key_cells, key_lines
from console.tui.present.lines import faint, line
from console.tui.screens.beside import BesideScreen
from console.tui.screens.edit import EditScreen
from console.tui.widgets.reading import Reading
from console.tui.widgets.table import Table


class ConfigScreen(BesideScreen):
    """Every key of a service's configuration, or of the stack's. Nothing is changed here: Enter shows the plan.

    Args:
        about: the service; everything if none is named.
    """

    place = "config"
    BINDINGS = bindings(place)

    def __init__(self, about: str = "") -> None:
        super().__init__()
        self.heading = "config"
        self._service = about
        self._found: dict[ObjectRef, Configuration] = {}
        self._rows: dict[str, tuple[ObjectRef, str]] = {}
        self._edits: dict[ObjectRef, dict[str, str | None]] = {}
        self._bases: dict[ObjectRef, dict[str, str] | None] = {}

    def panel(self) -> Iterable[Widget]:
        """The keys, and what there is to know about the selected one."""
        self._list = Table(COLUMNS, self._row, title="Configuration", id="keys-of-config")
        self._about_key = Reading(title="Who reads it", id="readers")
        yield self._list
        yield self._about_key
        yield Static("e edits the value, Ctrl-d takes the key away.\nEnter: the plan", classes="said")

    def on_mount(self) -> None:
        """Says what it waits for."""
        super().on_mount()
        self._list.focus()
        self._list.show((), [line(faint("loading ..."))])

    def on_screen_resume(self) -> None:
        """Values may be others since."""
        self.run_worker(self._load(), name="config", exclusive=True)

    async def _load(self) -> None:
        engine = await self.console.connected()
        read = partial(engine.configuration, self._service)
        found = await self.attempt(read, lambda lines: self._list.show((), lines))
        if found is None:
            return
        self._found = {each.ref: each for each in found}
        for ref in list(self._edits):
            live = self._found[ref].live if ref in self._found else None
            self._edits[ref] = {key: value for key, value in self._edits[ref].items() if (live or {}).get(key) != value}
        self._arrange()

    def _arrange(self) -> None:
        self._rows = {}
        for ref, each in self._found.items():
            for key in dict.fromkeys([*(each.live or each.released), *self._edits_of(ref)]):
                self._rows[f"{ref.namespace}/{ref} {key}"] = (ref, key)
        named = f" of {self._service}" if self._service else ""
        self._list.entitle(f"Configuration{named}")
        self._list.show(list(self._rows), [line(faint(f"there is no ConfigMap and no Secret{named}"))])
        self._explain()

    def _edits_of(self, ref: ObjectRef) -> Edits:
        return self._edits.get(ref, {})

    def _row(self, row: str) -> Sequence[Cell]:
        ref, key = self._rows[row]
        return key_cells(self._found[ref], key, self._edits_of(ref), self.glyphs)

    @on(Table.Moved, "#keys-of-config")
    def _explain(self) -> None:
        if at := self._rows.get(self._list.key):
            ref, key = at
            self._about_key.show(key_lines(self._found[ref], key, self._edits_of(ref), self.glyphs))
        self.refresh_bindings()

    # -- editing

    @on(Table.Opened, "#keys-of-config")
    def action_edit(self) -> None:
        """Opens the editor."""
        if at := self._rows.get(self._list.key):
            self.run_worker(self._edit(*at), name="edit", exclusive=True, group="edit")

    async def _edit(self, ref: ObjectRef, key: str) -> None:
        each = self._found[ref]
        before = {**(each.live or {}), **self._edits_of(ref)}.get(key)
        shown = "" if each.secret or before is None else before
        typed = await self.app.push_screen_wait(EditScreen(f"{ref} {key}", shown, hidden=each.secret))
        if typed is None:
            return
        if each.secret:
            engine = await self.console.connected()
            engine.redactor.add(f"{ref.name} {key}", typed)
            typed = base64.b64encode(typed.encode()).decode()
        self._want(ref, key, typed)

    def action_take_away(self) -> None:
        """The key goes."""
        if at := self._rows.get(self._list.key):
            self._want(*at, None)

    def _want(self, ref: ObjectRef, key: str, value: str | None) -> None:
        live = self._found[ref].live
        if not self._edits_of(ref):
            # What somebody else writes from now on is not overwritten.
            self._bases[ref] = dict(live) if live is not None else None
        edits = self._edits.setdefault(ref, {})
        edits[key] = value
        if (live or {}).get(key) == value:
            del edits[key]
        self._redraw()

    def action_revert(self) -> None:
        """The value as it was."""
        if at := self._rows.get(self._list.key):
            self._edits.get(at[0], {}).pop(at[1], None)
            self._redraw()

    def _redraw(self) -> None:
        self._list.update(self._rows.keys())
        self._explain()

    # -- going on

    def action_preview(self) -> None:
        """Shows what the edits of the selected object would do."""
        at = self._rows.get(self._list.key)
        if at and (edits := self._edits_of(at[0])):
            self.console.propose(Configure(at[0], dict(edits), base=self._bases.get(at[0])))

    def action_copy(self) -> None:
        """Copies what is known about the key."""
        self.console.copy(self._about_key.text, self._list.key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter works once something of the selected object was edited."""
        at = self._rows.get(self._list.key)
        return bool(at and self._edits_of(at[0])) if action == "preview" else True
