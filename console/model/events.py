"""Frozen facts: all that can happen. The store is fed with them, front ends follow them, ndjson prints them."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.model.diagnosis import Diagnosis
from console.model.drills.judging import Moment
from console.model.load import Load, LoadSecond
from console.model.plan import Plan
from console.model.run import Part, Progress, Verdict
from console.model.workload import ClusterEvent, External, Pod, ProbeResult, Usage, Workload


@dataclass(frozen=True, slots=True)
class PodObserved:
    """A pod is there, new or changed."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class PodGone:
    """A pod is no longer there."""

    uid: str


@dataclass(frozen=True, slots=True)
class WorkloadObserved:
    """A workload is there, new or changed."""

    workload: Workload


@dataclass(frozen=True, slots=True)
class WorkloadGone:
    """A workload is no longer there."""

    uid: str


@dataclass(frozen=True, slots=True)
class EventObserved:
    """The cluster recorded an event, or counted one up."""

    event: ClusterEvent


@dataclass(frozen=True, slots=True)
class ProbeObserved:
    """A probe's result is known."""

    pod_uid: str
    container: str
    result: ProbeResult


@dataclass(frozen=True, slots=True)
class UsageObserved:
    """What pods use, by pod uid; pods that are missing have no figure."""

    usage: dict[str, Usage]


@dataclass(frozen=True, slots=True)
class ExternalObserved:
    """An external was checked."""

    external: External


@dataclass(frozen=True, slots=True)
class Relisted:
    """A resource was listed anew: what is not among `uids` is gone; the view is live again."""

    resource: str
    uids: frozenset[str]
    at: float


@dataclass(frozen=True, slots=True)
class WatchBeat:
    """The watch of a resource said something, if only a bookmark; the view is live."""

    resource: str
    at: float


@dataclass(frozen=True, slots=True)
class WatchLost:
    """The watch of a resource broke; what is shown is stale since `at`. It is tried again by itself."""

    resource: str
    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The API server forbids what a pane needs; `right` names it, like "list pods in todo"."""

    resource: str
    right: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class ClusterChecked:
    """Whether the context still stands for the cluster of the start; `mismatch` says what differs, empty if nothing."""

    mismatch: str
    at: float


@dataclass(frozen=True, slots=True)
class ClueFound:
    """A closer look at a pod in trouble: a container's last words, or (no container) why no node can ever take it."""

    pod_uid: str
    container: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began. `command` is the command line that would repeat it."""

    run_id: str
    kind: str
    plan: Plan
    command: str
    at: float


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step of a run began."""

    run_id: str
    step_id: str
    at: float


@dataclass(frozen=True, slots=True)
class StepOutput:
    """A step printed: `lines` in all so far, and the last of them. The text itself is in the run's log file."""

    run_id: str
    step_id: str
    lines: int
    last: str
    at: float


@dataclass(frozen=True, slots=True)
class StepProgressed:
    """A step got on: bytes pushed, pods ready."""

    run_id: str
    step_id: str
    progress: Progress
    at: float


@dataclass(frozen=True, slots=True)
class StepParts:
    """Parts of a step that are new or changed: the instructions of a Dockerfile as they are built."""

    run_id: str
    step_id: str
    parts: tuple[Part, ...]
    at: float


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """A step waits, and this is why: transient causes, named while they are waited for. Empty when they are gone."""

    run_id: str
    step_id: str
    diagnoses: tuple[Diagnosis, ...]
    at: float


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is done; `detail` says what it achieved ("3/3 ready", "unchanged", "pushed 4.1 MB")."""

    run_id: str
    step_id: str
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step had nothing to do, or was left out after a failure; `why` says which."""

    run_id: str
    step_id: str
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed. `diagnoses` name the causes; `error` is the message for people."""

    run_id: str
    step_id: str
    error: str
    diagnoses: tuple[Diagnosis, ...]
    at: float


@dataclass(frozen=True, slots=True)
class LoadMeasured:
    """Once a second while requests are sent to the stack of a run: all so far, and what ended in that second."""

    run_id: str
    load: Load
    second: LoadSecond
    at: float


@dataclass(frozen=True, slots=True)
class DrillMoment:
    """Something happened in a drill: injected, noticed, rescheduled, ready again, undone, steady again."""

    run_id: str
    moment: Moment
    at: float


@dataclass(frozen=True, slots=True)
class RunPaused:
    """A run holds, or goes on: what has begun goes on to its end, nothing else begins."""

    run_id: str
    paused: bool
    at: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ended with its one verdict."""

    run_id: str
    verdict: Verdict
    at: float


@dataclass(frozen=True, slots=True)
class ReleaseObserved:
    """The newest release of the stack in the cluster; `changes` says by service what it changed."""

    number: int
    at: float
    outcome: str
    by: str
    changes: dict[str, str] = field(default_factory=dict)


Fact = (
    PodObserved
    | PodGone
    | WorkloadObserved
    | WorkloadGone
    | EventObserved
    | ProbeObserved
    | UsageObserved
    | ExternalObserved
    | Relisted
    | WatchBeat
    | WatchLost
    | Denied
    | ClusterChecked
    | ClueFound
    | RunStarted
    | StepStarted
    | StepOutput
    | StepProgressed
    | StepParts
    | StepWaiting
    | StepFinished
    | StepSkipped
    | StepFailed
    | LoadMeasured
    | DrillMoment
    | RunPaused
    | RunFinished
    | ReleaseObserved
)
