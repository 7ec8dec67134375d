"""Run: the steps as they go, what is waited for, the log of the selected step, and the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.worker import Worker

from console.model.repeating import operation_of
from console.model.run import Run, StepState
from console.model.state import View
from console.tui.bindings import bindings
from console.tui.bridge import FLOWING
from console.tui.present.cells import Cell
from console.tui.present.lines import Tone
from console.tui.present.load import load_lines
from console.tui.present.runs import (
    STEP_COLUMNS,
    part_of,
    progress_line,
    row_cells,
    run_rows,
    verdict_lines,
    waiting_lines,
)
from console.tui.screens.ask import Ask, Choice
from console.tui.screens.beside import BesideScreen
from console.tui.widgets.bytelog import ByteLog
from console.tui.widgets.logview import LogView
from console.tui.widgets.reading import Reading
from console.tui.widgets.table import Table

_CHUNK = 262_144
_PAUSED = "paused: what has begun goes on, nothing else begins"


class RunScreen(BesideScreen):
    """Watches one run. The run is the engine's: it goes on when this closes.

    Args:
        run_id: which.
        beside: whether the grid stays in sight.
    """

    place = "run"
    pace = FLOWING
    BINDINGS = bindings(place)
    CSS_PATH = "run.tcss"

    def __init__(self, run_id: str, *, beside: bool = False) -> None:
        super().__init__(beside=beside)
        self.heading = "run"
        self.run_id = run_id
        self._following = True
        self._shown = ""
        self._tail: Worker[None] | None = None
        self._more = asyncio.Event()

    def panel(self) -> Iterable[Widget]:
        """Steps, reasons, log, and the bar over the whole."""
        self._list = Table(STEP_COLUMNS, self._cells, title="Steps", titles=False, id="steps")
        self._reasons = Reading(title="Waiting for", id="reasons")
        self._log = LogView(title="Log", id="log", labels=False)
        self._load = Reading(title="Load", id="load")
        self._bar = Reading(title="Run", id="bar")
        yield Horizontal(self._list, Vertical(self._reasons, self._log), id="panes")
        yield self._load
        yield self._bar

    def on_mount(self) -> None:
        """Begins with what is known."""
        self._bar.can_focus = self._load.can_focus = False
        self._list.focus()
        super().on_mount()
        self._reasons.display = self._reasons.total > 0
        self._load.display = self._load.total > 0
        self.call_after_refresh(self._fit)

    @property
    def course(self) -> Run | None:
        """The run as the store has it."""
        found = self.view.run if self.view else None
        return found if found is not None and found.run_id == self.run_id else None

    # -- drawing

    def take(self, view: View) -> None:
        """How far it is."""
        super().take(view)
        run = self.course
        if run is None:
            return
        rows = run_rows(run, self._list.key, self.now)
        if rows == self._list.keys:
            self._list.tick()
        else:
            self._list.show(rows)
        self._steer(run)
        self._more.set()
        self._explain(run)
        self._chart(run)
        self.tick(self.now)
        self.refresh_bindings()

    def tick(self, now: float) -> None:
        """Times go on."""
        super().tick(now)
        run = self.course
        if run is not None:
            self.heading = run.kind
            self._list.tick()
            self._bar.entitle(
                "Run", "paused: what has begun goes on, nothing else begins  p goes on" if run.paused else ""
            )
            self._bar.show(
                [
                    progress_line(
                        run,
                        now,
                        max(20, self._bar.row_width - 1 if self._bar.size.width else self.size.width - 4),
                        self.glyphs,
                    )
                ]
            )

    def flush(self) -> None:
        """Lines of the log."""
        self._log.flush()

    def _steer(self, run: Run) -> None:
        """The cursor follows what runs, until a person takes it."""
        if self._following:
            active = [id for id, step in run.steps.items() if step.state in {StepState.RUNNING, StepState.WAITING}]
            failed = [id for id, step in run.steps.items() if step.state is StepState.FAILED]
            if target := (failed or active)[:1]:
                self._list.select(target[0])
        self._show_log()

    def _fit(self) -> None:
        """Draws anew what depends on a width that only the layout tells."""
        if (run := self.course) is not None:
            self._chart(run)
            self.tick(self.now)

    def _chart(self, run: Run) -> None:
        load = (run.verdict.load if run.verdict else None) or run.load
        self._load.display = load is not None
        if load is not None:
            width = self._load.row_width - 1 if self._load.size.width else self.size.width - 4
            self._load.entitle("Load", load.target)
            self._load.show(load_lines(load, run.load_seconds, width, self.glyphs))

    def _explain(self, run: Run) -> None:
        lines = verdict_lines(run.verdict, self.glyphs) if run.verdict else waiting_lines(run, self.glyphs)
        self._reasons.entitle("Verdict" if run.verdict else "Waiting for")
        self._reasons.set_class(run.verdict is not None and run.verdict.ok, "-good")
        self._reasons.set_class(run.verdict is not None and not run.verdict.ok, "-bad")
        self._reasons.display = bool(lines)
        self._reasons.show(lines)

    def _cells(self, key: str) -> Sequence[Cell]:
        run = self.course
        return row_cells(run, key, self.now, self.glyphs) if run else [("", Tone.PLAIN)] * len(STEP_COLUMNS)

    # -- the log of the selected step

    @on(Table.Moved, "#steps")
    def _moved(self, event: Table.Moved) -> None:
        self._following = self._following and not event.by_hand
        self._show_log()

    def _show_log(self) -> None:
        key = self._list.key
        if not key or key == self._shown:
            return
        self._shown = key
        self._log.entitle(f"Log of {key}")
        if self._tail is not None:
            self._tail.cancel()
        log = ByteLog()
        self._log.instead = "no output yet"
        self._log.replace(log)
        self._tail = self.run_worker(self._read(key, log), name=f"tail {key}", group="tail")

    async def _read(self, key: str, log: ByteLog) -> None:
        """Reads the step's file from its beginning, then what is added, until the run has ended."""
        engine = await self.console.connected()
        step_id, part = part_of(key)
        file, offset, rest = engine.step_log(self.run_id, step_id), 0, b""
        while True:
            self._more.clear()
            over = self.over
            data = await asyncio.to_thread(_read_from, file, offset)
            offset += len(data)
            lines, newline, rest = (rest + data).rpartition(b"\n")
            log.append(step_id, _lines_of(part, lines + newline))
            if data:
                continue
            if over:
                log.append(step_id, _lines_of(part, rest))
                self._log.instead = "this step printed nothing"
                self._log.refresh()
                return
            await self._more.wait()

    @property
    def over(self) -> bool:
        """True once the run has ended."""
        return self.course is not None and self.course.verdict is not None

    # -- what can be done

    def action_follow(self) -> None:
        """Selects whichever step is running."""
        self._following = True
        if self.course is not None:
            self._steer(self.course)

    def action_pause(self) -> None:
        """Holds before the next service, or goes on."""
        if self.course is not None and not self.over:
            self.run_worker(self._pause(not self.course.paused), exclusive=True, group="pause", name="pause")

    async def _pause(self, paused: bool) -> None:
        engine = await self.console.connected()
        change = engine.pause if paused else engine.resume
        change(self.run_id)

    def action_cancel(self) -> None:
        """Asks once, then ends the run cleanly."""
        if not self.over:
            self.run_worker(self._cancel(), exclusive=True, group="cancel", name="cancel")

    async def _cancel(self) -> None:
        question = "Cancel this run? It ends cleanly: what was reached stays, and the verdict says how to go on."
        if await self.app.push_screen_wait(Ask(question, [Choice("y", "yes", "Cancel the run")], "Let it go on")):
            self.notify("cancelling: the step that runs ends first")
            engine = await self.console.connected()
            await engine.cancel(self.run_id)

    def action_undo(self) -> None:
        """Shows what would take it back."""
        run = self.course
        undo = operation_of(run.verdict.undo) if run is not None and run.verdict is not None else None
        if undo is not None:
            self.console.propose(undo)

    def action_copy(self) -> None:
        """Copies the verdict, or the log that is on screen."""
        if self._reasons.display and not self._log.has_focus:
            self.console.copy(self._reasons.text, "the verdict" if self.over else "the reasons")
        else:
            self.console.copy(self._log.visible_text(), "the log on screen")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work: what has ended cannot be cancelled, what goes on cannot be undone."""
        if action == "undo":
            return self.course is not None and self.course.verdict is not None and bool(self.course.verdict.undo)
        return not self.over if action in {"cancel", "follow", "pause"} else True


def _lines_of(part: int, data: bytes) -> bytes:
    """The lines of one part without their mark; all lines of a step itself."""
    mark = f"#{part} ".encode()
    if not part:
        return data
    return b"".join(line.removeprefix(mark) + b"\n" for line in data.split(b"\n") if line.startswith(mark))


def _read_from(file: Path, offset: int) -> bytes:
    """The next bytes of a file; none if it is not there yet."""
    try:
        with file.open("rb") as stream:
            stream.seek(offset)
            return stream.read(_CHUNK)
    except FileNotFoundError:
        return b""
