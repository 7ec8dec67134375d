"""A run and its steps: what state they are in, and the one verdict at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from console.model.diagnosis import Diagnosis
from console.model.drills.judging import DrillResult, Moment
from console.model.load import Load, LoadSecond
from console.model.outcome import Outcome
from console.model.plan import Plan

_INTERNAL = "[internal]"
_TAKES_TIME = 1.0


class StepState(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """True once nothing more will happen to the step."""
        return self in {StepState.DONE, StepState.SKIPPED, StepState.FAILED}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is: `done` of `total` in `unit` ("pods", "bytes"); total is None where it cannot be known.

    `rate` are units a second since the step began, None where nobody measured it.
    """

    done: float
    total: float | None
    unit: str
    rate: float | None = None


class PartState(StrEnum):
    """Where a part of a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    CACHED = "cached"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a step that is followed by itself, like one instruction of a Dockerfile.

    `number` counts from 1; its lines in the log of the step begin with `#NUMBER `. `started` is in seconds since the
    epoch; `seconds` is how long it took, None until it has ended.
    """

    number: int
    name: str
    state: PartState = PartState.PENDING
    started: float | None = None
    seconds: float | None = None

    @property
    def mark(self) -> str:
        """What its lines in the log of the step begin with."""
        return f"#{self.number} "

    def notable(self, now: float) -> bool:
        """Whether people want to see it: what a builder does for itself only where it takes time, or failed."""
        if not self.name.startswith(_INTERNAL) or self.state is PartState.FAILED:
            return True
        took = self.seconds if self.seconds is not None else now - self.started if self.started is not None else 0.0
        return took >= _TAKES_TIME


@dataclass(frozen=True, slots=True)
class StepRun:
    """The course of one step of a plan."""

    step_id: str
    state: StepState = StepState.PENDING
    started: float | None = None
    ended: float | None = None
    detail: str = ""
    lines: int = 0
    last_line: str = ""
    progress: Progress | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who changes a stack now: `since` is in seconds since the epoch; `pid` is None if it is no console."""

    who: str
    host: str
    pid: int | None
    since: float
    command: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended, the same on every surface.

    `phases` are seconds by phase in order ("preflight", "build", ...); `evidence` names what was stored before anything
    was changed again; `addresses` are where the stack can be reached; `next_step` is what to do now; `holder` has the
    lock that was not to be had; `undo` is the command that takes back what was done; `effective` are
    the seconds until all pods had an edit, None where there was none or nobody can say; `load` is what became of
    requests that were sent meanwhile, None if none were asked for; `drill` is what a drill measured.
    """

    outcome: Outcome
    headline: str
    diagnoses: tuple[Diagnosis, ...]
    seconds: float
    phases: tuple[tuple[str, float], ...]
    release: int | None
    evidence: tuple[str, ...]
    addresses: tuple[str, ...]
    next_step: str
    warnings: tuple[str, ...] = ()
    holder: LockHolder | None = None
    undo: str = ""
    effective: float | None = None
    load: Load | None = None
    drill: DrillResult | None = None

    @property
    def ok(self) -> bool:
        """True if the run did what it was asked for."""
        return self.outcome is Outcome.DONE


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the console: its plan, its steps' course, and its verdict once there is one.

    `load` is what became so far of the requests that are sent meanwhile, `load_seconds` the last of them by second;
    `paused` while nothing new begins; `moments` are what happened in a drill.
    """

    run_id: str
    kind: str
    plan: Plan
    command: str
    started: float
    steps: dict[str, StepRun]
    ended: float | None = None
    verdict: Verdict | None = None
    load: Load | None = None
    load_seconds: tuple[LoadSecond, ...] = ()
    paused: bool = False
    moments: tuple[Moment, ...] = ()

    def with_step(self, step: StepRun) -> Run:
        """The same run with that step's course replaced."""
        return replace(self, steps={**self.steps, step.step_id: step})

    @property
    def expected_seconds(self) -> float | None:
        """How long the whole run should take by this stack's own past, None if there is none."""
        known = self.plan.expected_seconds
        return known if known else None
