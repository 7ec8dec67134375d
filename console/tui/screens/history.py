"""History: releases as the cluster keeps them, to go back to and to compare; runs as this machine does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from console.model.operations import RollBack
from console.model.release import Release
from console.tui.bindings import bindings
from console.tui.present.cells import Cell
from console.tui.present.lines import Line, faint, line
from console.tui.present.past import (
    RELEASE_COLUMNS,
    RUN_COLUMNS,
    drift_lines,
    evidence_lines,
    release_cells,
    release_lines,
    run_cells,
)
from console.tui.present.plans import change_lines
from console.tui.screens.beside import BesideScreen
from console.tui.screens.text import TextScreen
from console.tui.widgets.table import Table

if TYPE_CHECKING:
    from console.engine.ports import RunRecord

_RUNS, _RELEASES = "Runs from this machine", "Releases in the cluster"


class HistoryScreen(BesideScreen):
    """Two tables; Enter shows the evidence of a run, or what a release consists of."""

    place = "history"
    BINDINGS = bindings(place)

    def __init__(self) -> None:
        super().__init__()
        self.heading = "history"
        self._releases: dict[str, Release] = {}
        self._runs: dict[str, RunRecord] = {}
        self._marked = ""

    def panel(self) -> Iterable[Widget]:
        """Releases above, runs below."""
        self._release_table = Table(RELEASE_COLUMNS, self._release_cells, title=_RELEASES, id="releases")
        self._run_table = Table(RUN_COLUMNS, self._run_cells, title=_RUNS, id="runs")
        yield self._release_table
        yield self._run_table

    def _run_cells(self, key: str) -> Sequence[Cell]:
        return run_cells(self._runs[key], self.glyphs)

    def _release_cells(self, key: str) -> Sequence[Cell]:
        return release_cells(self._releases[key], self.now, self.glyphs, marked=key == self._marked)

    def on_mount(self) -> None:
        """Says what it waits for."""
        super().on_mount()
        self._release_table.focus()
        self._say([line(faint("loading ..."))])

    def on_screen_resume(self) -> None:
        """Asks for both: there may be more since."""
        self.run_worker(self._load(), name="history", exclusive=True)

    def _say(self, lines: Sequence[Line]) -> None:
        for table in (self._run_table, self._release_table):
            table.show((), lines)

    async def _load(self) -> None:
        engine = await self.console.connected()
        history = await self.attempt(engine.history, self._say)
        if history is None:
            return
        self._releases = {str(release.number): release for release in history.releases}
        self._runs = {run.run_id: run for run in history.runs}
        self._run_table.show(list(self._runs), [line(faint("no run yet"))])
        self._release_table.show(list(self._releases), [line(faint("no release yet"))])
        self.refresh_bindings()

    def tick(self, now: float) -> None:
        """Ages."""
        super().tick(now)
        self._release_table.tick()

    def on_descendant_focus(self) -> None:
        """Which keys work depends on what has the focus."""
        self.refresh_bindings()

    @on(Table.Opened, "#releases")
    @on(Table.Opened, "#runs")
    def action_open(self) -> None:
        """Shows what stands behind a row."""
        if self._run_table.has_focus and self._run_table.key:
            run = self._runs[self._run_table.key]
            self.app.push_screen(TextScreen(f"run {run.run_id}", lambda: self._evidence(run)))
        elif release := self._release:
            self.app.push_screen(TextScreen(f"release {release.number}", lambda: self._release_text(release)))

    @property
    def _release(self) -> Release | None:
        """The selected release, if the releases have the focus."""
        return None if self._run_table.has_focus else self._releases.get(self._release_table.key)

    async def _release_text(self, release: Release) -> Sequence[Line]:
        return release_lines(release, self.glyphs)

    async def _evidence(self, run: RunRecord) -> Sequence[Line]:
        engine = await self.console.connected()
        return evidence_lines(run, await engine.evidence(run.run_id), self.glyphs)

    # -- releases

    def action_mark(self) -> None:
        """The release that others are compared with, or none."""
        if release := self._release:
            key = str(release.number)
            before, self._marked = self._marked, "" if key == self._marked else key
            self._release_table.update({before, key})

    def action_compare(self) -> None:
        """What lies between the selected release and the marked one, else the one before it."""
        release = self._release
        other = self._marked or self._before(release)
        if release is None or not other or other == str(release.number):
            self.notify("no other release: Space marks one", markup=False)
            return
        first, last = sorted((int(other), release.number))
        self.app.push_screen(TextScreen(f"release {first} and {last}", lambda: self._differences(first, last)))

    def _before(self, release: Release | None) -> str:
        keys = list(self._releases)
        index = keys.index(str(release.number)) + 1 if release else len(keys)
        return keys[index] if index < len(keys) else ""

    async def _differences(self, first: int, last: int) -> Sequence[Line]:
        engine = await self.console.connected()
        changes = await engine.compare(first, last)
        return change_lines(changes, self.glyphs) or [line(faint(f"release {first} and {last} hold the same"))]

    def action_go_back(self) -> None:
        """Shows what going back to the selected release would do."""
        if release := self._release:
            self.console.propose(RollBack(release.number))

    def action_drift(self) -> None:
        """What differs from the newest release."""
        self.app.push_screen(TextScreen("drift", self._drift))

    async def _drift(self) -> Sequence[Line]:
        engine = await self.console.connected()
        return drift_lines(await engine.drift(), engine.stack.name, self.now)

    def action_copy(self) -> None:
        """Copies the number or id."""
        table = self._run_table if self._run_table.has_focus else self._release_table
        if table.key:
            self.console.copy(table.key, table.key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Releases can be compared and gone back to, runs cannot."""
        return self._release is not None if action in {"compare", "go_back", "mark"} else True
