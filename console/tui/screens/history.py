"""History: releases as the cluster keeps them, runs as this machine does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widget import Widget

from console.model.release import Release
from console.tui.bindings import bindings
from console.tui.present.cells import Cell
from console.tui.present.lines import Line, faint, line
from console.tui.present.past import (
    RELEASE_COLUMNS,
    RUN_COLUMNS,
    evidence_lines,
    release_cells,
    release_lines,
    run_cells,
)
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.text import TextScreen
from console.tui.widgets.table import Table

if TYPE_CHECKING:
    from console.engine.ports import RunRecord

_RUNS, _RELEASES = "Runs from this machine", "Releases in the cluster"


class HistoryScreen(ConsoleScreen):
    """Two tables; Enter shows the evidence of a run, or what a release consists of."""

    place = "history"
    BINDINGS = bindings(place)

    def __init__(self) -> None:
        super().__init__()
        self.heading = "history"
        self._releases: dict[str, Release] = {}
        self._runs: dict[str, RunRecord] = {}

    def body(self) -> Iterable[Widget]:
        """Runs above, releases below."""
        self._run_table = Table(
            RUN_COLUMNS, lambda key: run_cells(self._runs[key], self.glyphs), title=_RUNS, id="runs"
        )
        self._release_table = Table(RELEASE_COLUMNS, self._release_cells, title=_RELEASES, id="releases")
        yield Vertical(self._run_table, self._release_table)

    def _run_cells(self, key: str) -> Sequence[Cell]:
        return run_cells(self._runs[key], self.glyphs)

    def _release_cells(self, key: str) -> Sequence[Cell]:
        return release_cells(self._releases[key], self.now, self.glyphs)

    def on_mount(self) -> None:
        """Asks for both."""
        super().on_mount()
        self._run_table.focus()
        self._say([line(faint("loading ..."))])
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

    def tick(self, now: float) -> None:
        """Ages."""
        self.head()
        self._release_table.tick()

    @on(Table.Opened)
    def action_open(self) -> None:
        """Shows what stands behind a row."""
        table = self._release_table if self._release_table.has_focus else self._run_table
        if table is self._release_table and table.key:
            release = self._releases[table.key]
            self.app.push_screen(TextScreen(f"release {release.number}", lambda: self._release_text(release)))
        elif table.key:
            run = self._runs[table.key]
            self.app.push_screen(TextScreen(f"run {run.run_id}", lambda: self._evidence(run)))

    async def _release_text(self, release: Release) -> Sequence[Line]:
        return release_lines(release, self.glyphs)

    async def _evidence(self, run: RunRecord) -> Sequence[Line]:
        engine = await self.console.connected()
        return evidence_lines(run, await engine.evidence(run.run_id), self.glyphs)

    def action_copy(self) -> None:
        """Copies the number or id."""
        table = self._release_table if self._release_table.has_focus else self._run_table
        if table.key:
            self.console.copy(table.key, table.key)
