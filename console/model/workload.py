"""What is observed of a running stack: pods, containers, probe results, workloads, events.

Times are seconds since the epoch; CPU is in cores, memory in bytes. `None` means *not known*, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProbeKind(StrEnum):
    """The three probes of a container (kubernetes.io, Configure Liveness, Readiness and Startup Probes)."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


class ProbeSource(StrEnum):
    """Where a probe's result is known from, the most exact first."""

    METRICS = "kubelet metrics"
    NOW = "probe now"
    EVENT = "event"
    STATUS = "container status"


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """How a container is probed. `action` reads like `GET :8000/ready`, `tcp :5432` or `exec pg_isready`."""

    kind: ProbeKind
    action: str
    period: float
    timeout: float
    failure_threshold: int
    success_threshold: int
    initial_delay: float


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The last known result of one probe.

    `ok` is None while nothing is known. `streak` counts equal results in a row, `at` is when the newest was seen,
    `answer` is the probe's own words, like `HTTP probe failed with statuscode: 503`.
    """

    kind: ProbeKind
    ok: bool | None
    streak: int
    at: float | None
    source: ProbeSource
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Termination:
    """How a container ended."""

    exit_code: int
    reason: str
    message: str
    signal: int | None
    started: float | None
    finished: float | None


class ContainerState(StrEnum):
    """The three states of a container (kubernetes.io, Pod Lifecycle)."""

    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod, as its status and its declaration tell."""

    name: str
    image: str
    state: ContainerState
    reason: str
    message: str
    ready: bool
    started: bool
    restarts: int
    since: float | None
    init: bool
    ports: tuple[int, ...]
    probes: tuple[ProbeSpec, ...]
    ended: Termination | None
    last: Termination | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a pod or workload; `status` is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str
    message: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, reduced to what the console shows and judges by. `service` is the stack's service it belongs to."""

    uid: str
    namespace: str
    name: str
    service: str
    owner_kind: str
    owner_name: str
    revision: str
    node: str
    ip: str
    phase: str
    reason: str
    message: str
    created: float
    deleting: float | None
    restart_policy: str
    conditions: tuple[Condition, ...]
    containers: tuple[Container, ...]
    resource_version: str

    @property
    def restarts(self) -> int:
        """Restarts of all its containers."""
        return sum(container.restarts for container in self.containers)

    @property
    def ready(self) -> bool:
        """True if the pod serves: its Ready condition is true and it is not being deleted."""
        return self.deleting is None and any(c.type == "Ready" and c.status == "True" for c in self.conditions)

    def condition(self, type: str) -> Condition | None:
        """The condition of that type, if the pod has it."""
        return next((condition for condition in self.conditions if condition.type == type), None)


@dataclass(frozen=True, slots=True)
class Workload:
    """A controller of pods (Deployment, StatefulSet, DaemonSet, Job, or a ReplicaSet under a Deployment)."""

    uid: str
    kind: str
    namespace: str
    name: str
    service: str
    owner_uid: str
    generation: int
    observed_generation: int
    desired: int
    updated: int
    current: int
    ready: int
    available: int
    paused: bool
    revision: str
    created: float
    conditions: tuple[Condition, ...]
    autoscaled: bool = False

    def condition(self, type: str) -> Condition | None:
        """The condition of that type, if the workload has it."""
        return next((condition for condition in self.conditions if condition.type == type), None)


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """An Event of the cluster about one object. `count` occurrences between `first` and `last`."""

    uid: str
    kind: str
    namespace: str
    name: str
    about_uid: str
    container: str
    type: str
    reason: str
    message: str
    count: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a pod uses: CPU in cores, memory in bytes."""

    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class External:
    """An external of the stack as last checked. `ok` is None while it was not checked yet."""

    name: str
    kind: str
    ok: bool | None
    detail: str
    at: float | None
