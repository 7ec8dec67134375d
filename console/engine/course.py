"""The course of a run: what its steps do becomes facts, output in files, and seconds by phase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from console.engine.ports import Clock
from console.engine.steplog import INTERVAL, StepLog
from console.engine.store import Store
from console.model.diagnosis import Diagnosis
from console.model.events import (
    StepFailed,
    StepFinished,
    StepOutput,
    StepParts,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from console.model.plan import Plan, Step, StepKind
from console.model.redaction import Redactor
from console.model.run import Part, Progress, StepState


def log_file(folder: Path, step_id: str) -> Path:
    """The file for the output of a step, in the folder of its run."""
    return folder / f"{step_id.replace(':', '.').replace('/', '.')}.log"


class Course:
    """Tells the course of one run to the store.

    Args:
        run_id: the run.
        plan: its steps.
        store: gets the facts.
        folder: gets the output of the steps.
        redactor: masks what must not be shown.
        clock: when something happened.
    """

    def __init__(self, run_id: str, plan: Plan, store: Store, folder: Path, redactor: Redactor, clock: Clock) -> None:
        self.states = {step.id: StepState.PENDING for step in plan.steps}
        self._run_id = run_id
        self._plan = plan
        self._store = store
        self._folder = folder
        self._redactor = redactor
        self._clock = clock
        self._times: dict[str, tuple[float, float]] = {}

    def started(self, step: Step) -> None:
        """A step begins."""
        now = self._clock()
        self.states[step.id] = StepState.RUNNING
        self._times[step.id] = (now, now)
        self._store.dispatch(StepStarted(self._run_id, step.id, now))

    def log(self, step: Step) -> StepLog:
        """Where the output of a step goes."""

        def tell(lines: int, last: str) -> None:
            self._store.dispatch(StepOutput(self._run_id, step.id, lines, last, self._clock()))

        return StepLog(log_file(self._folder, step.id), self._redactor, tell)

    def progress(self, step: Step) -> Callable[[Progress], None]:
        """What tells how far a step is, and how fast it goes: ten times a second at most, the end always."""
        told = 0.0

        def tell(progress: Progress) -> None:
            nonlocal told
            now = self._clock()
            if now - told >= INTERVAL or progress.done == progress.total:
                told = now
                passed = now - self._times[step.id][0]
                rate = progress.done / passed if passed > 0 and progress.unit == "bytes" else None
                self._store.dispatch(StepProgressed(self._run_id, step.id, replace(progress, rate=rate), now))

        return tell

    def parts(self, step: Step) -> Callable[[Sequence[Part]], None]:
        """What tells the parts of a step that are new or changed."""

        def tell(parts: Sequence[Part]) -> None:
            told = tuple(replace(part, name=self._redactor.text(part.name)) for part in parts)
            self._store.dispatch(StepParts(self._run_id, step.id, told, self._clock()))

        return tell

    def waiting(self, step: Step, diagnoses: tuple[Diagnosis, ...]) -> None:
        """A step waits, and why; nothing: the causes are gone."""
        self._store.dispatch(StepWaiting(self._run_id, step.id, diagnoses, self._clock()))

    def finished(self, step: Step, detail: str) -> float:
        """A step is done; the seconds that it took."""
        now = self._end(step, StepState.DONE)
        self._store.dispatch(StepFinished(self._run_id, step.id, self._redactor.text(detail), now))
        return now - self._times[step.id][0]

    def skipped(self, step: Step, why: str) -> None:
        """A step was left out, or broken off."""
        now = self._end(step, StepState.SKIPPED)
        self._store.dispatch(StepSkipped(self._run_id, step.id, why, now))

    def failed(self, step: Step, error: str, diagnoses: tuple[Diagnosis, ...]) -> None:
        """A step failed."""
        now = self._end(step, StepState.FAILED)
        self._store.dispatch(StepFailed(self._run_id, step.id, self._redactor.text(error), diagnoses, now))

    def phases(self) -> tuple[tuple[str, float], ...]:
        """Seconds during which at least one step of each phase was going on, in order; phases may overlap."""
        spans: dict[StepKind, list[tuple[float, float]]] = {}
        for step in self._plan.steps:
            if step.id in self._times:
                spans.setdefault(step.kind, []).append(self._times[step.id])
        return tuple((kind.value, round(_covered(spans[kind]), 3)) for kind in StepKind if kind in spans)

    def of(self, *states: StepState) -> Sequence[Step]:
        """The steps in any of these states, in the order of the plan."""
        return [step for step in self._plan.steps if self.states[step.id] in states]

    def _end(self, step: Step, state: StepState) -> float:
        now = self._clock()
        self.states[step.id] = state
        if step.id in self._times:
            self._times[step.id] = (self._times[step.id][0], now)
        return now


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds that lie in at least one of the spans."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
