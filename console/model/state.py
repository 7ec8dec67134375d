"""What the console believes: a frozen view, and what changed since the last one.

The engine's store is the only writer. A front end takes a `View` when the version moved on, and looks at `changed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from console.model.diagnosis import Diagnosis
from console.model.load import Load
from console.model.run import Run
from console.model.workload import ClusterEvent, External, Pod, ProbeKind, ProbeResult, Usage, Workload

_EMPTY: Mapping[Any, Any] = MappingProxyType({})


class Freshness(StrEnum):
    """How far a pane can be believed. Stale is never shown as empty."""

    LOADING = "loading"
    LIVE = "live"
    STALE = "stale"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class ResourceHealth:
    """How fresh a watched resource is: `since` when it became so, `beat` when it last said anything."""

    freshness: Freshness
    since: float
    beat: float | None = None
    detail: str = ""


class ServiceState(StrEnum):
    """One word for a service."""

    READY = "ready"
    STARTING = "starts"
    FAILING = "failing"
    STOPPED = "stopped"
    EXTERNAL = "external"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service of the stack in one line: `ready` of `desired` pods, its state and the diagnoses that concern it."""

    name: str
    state: ServiceState
    ready: int
    desired: int
    diagnoses: tuple[Diagnosis, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """A release as the cluster holds it."""

    number: int
    at: float
    outcome: str
    by: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of the activity pane: when, about what, and the words. `level` is "info", "warning" or "error"."""

    at: float
    about: str
    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class View:
    """What the console believes at one moment. Mappings are read-only and must not be kept past the next view.

    `changed` holds the pod uids that differ from the previous view of the same taker. Probe results are by pod uid,
    then by (container, kind). `mismatch` says why the context does not stand for the cluster of the start any more.
    """

    version: int
    stack: str
    target: str
    context: str
    namespace: str
    connected: bool
    services: tuple[ServiceView, ...] = ()
    pods: Mapping[str, Pod] = field(default_factory=lambda: _EMPTY)
    workloads: Mapping[str, Workload] = field(default_factory=lambda: _EMPTY)
    events: Mapping[str, ClusterEvent] = field(default_factory=lambda: _EMPTY)
    probes: Mapping[str, Mapping[tuple[str, ProbeKind], ProbeResult]] = field(default_factory=lambda: _EMPTY)
    usage: Mapping[str, Usage] = field(default_factory=lambda: _EMPTY)
    externals: tuple[External, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    health: Mapping[str, ResourceHealth] = field(default_factory=lambda: _EMPTY)
    release: ReleaseInfo | None = None
    run: Run | None = None
    mismatch: str = ""
    activity: tuple[Activity, ...] = ()
    changed: frozenset[str] = frozenset()
    changed_all: bool = False

    @property
    def load(self) -> Load | None:
        """What becomes of the requests that are sent to the stack of the run; None if none are."""
        return self.run.load if self.run else None

    @property
    def freshness(self) -> Freshness:
        """The freshness of the pods pane, the one that everything else leans on."""
        health = self.health.get("pods")
        return health.freshness if health else Freshness.LOADING
