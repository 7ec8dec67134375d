"""A stack on one of its targets: files read and checked, patches and values of the target applied, every object placed.

What stands in `stack.yaml` itself is `stackfile.py`; this is what the rest of the program works with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from console.model.drills.judging import DrillSource
from console.model.errors import Problem
from console.model.load import DEFAULT_RATE
from console.model.plan import ObjectRef

JSON = dict[str, Any]

FIELD_MANAGER = "stack-console"
"""As whom the console owns fields of objects (server-side apply)."""
REPLICAS_MANAGER = "stack-console-replicas"
"""As whom it owns the replicas of a new workload until an autoscaler takes them over."""
STACK_LABEL = "stack-console/stack"
SERVICE_LABEL = "stack-console/service"
"""Labels that the console puts on the metadata of every object it applies; never on pod templates."""
RELEASE_ANNOTATION = "stack-console/release"
"""Number of the release that applied the object; on object metadata only."""
CHECKSUM_ANNOTATION = "stack-console/config"
"""On pod templates: keyed checksum of the ConfigMap and Secret keys that containers read as environment."""
RESTARTED_ANNOTATION = "stack-console/restarted-at"
"""On pod templates: when a rolling restart was asked for."""
LOOK_ANNOTATION = "stack-console/looked-after"
"""On pods: when their kubelet was asked to look after the files of their volumes."""
STOPPED_ANNOTATION = "stack-console/stopped"
"""On workloads of a stack that was stopped: the replicas that each had; on a CronJob that it ran."""

TargetKind = Literal["sandbox", "kubernetes"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file. The file is relative to the working directory where it lies below it."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSource:
    """All that an image is made of. Paths are absolute; `name` is the image's name without registry and tag.

    `prepare`, `command` and `environment` are those of the embedded cluster's bundle. `passed` names variables of the
    console's own environment that `prepare` may see, besides the few that every program needs.
    """

    service: str
    name: str
    context: Path
    dockerfile: Path
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    platforms: tuple[str, ...] = ()
    network: str = ""
    secrets: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object as it is declared, before the console's own additions. `body` must not be changed.

    `ref.namespace` is filled in for namespaced kinds, as is `body["metadata"]["namespace"]`.
    """

    ref: ObjectRef
    body: JSON
    place: Place
    service: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the stack.

    `image` is the name that manifests use, empty where they name existing images; `build` is None where nothing is
    built; `after` names services and externals that must be ready before; `timeout` is in seconds, None for the
    default. A workload in the shared manifests that no service names is a service of its own name.
    """

    name: str
    image: str
    build: BuildSource | None
    manifests: tuple[Manifest, ...]
    after: tuple[str, ...] = ()
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class ExternalSource:
    """An external: its URL lies in a key of a Secret. `provision` is "embedded" where the console starts its own."""

    name: str
    kind: str
    secret: str
    key: str
    provision: Literal["", "embedded"] = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the stack goes. `context` is empty for the embedded cluster, which brings its own kubeconfig."""

    name: str
    kind: TargetKind
    namespace: str
    context: str = ""
    registry: str = ""
    protected: bool = False


@dataclass(frozen=True, slots=True)
class HarmlessKey:
    """A key of a service's ConfigMap that `verify` may change for a while: to the first value that it has not now."""

    service: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Canary:
    """How `verify` writes records and reads them again, by plain HTTP through the stack's Ingress.

    `{id}` in paths and body stands for a text that is new each time, `{key}` in `read` and `remove` for the field `key`
    of the answer, which is JSON then. What is read must contain the text. Empty `remove`: the records stay.
    """

    path: str
    read: str
    method: str = "POST"
    body: str = ""
    content_type: str = "application/json"
    key: str = ""
    remove: str = ""


@dataclass(frozen=True, slots=True)
class Pooling:
    """How many connections to an external each pod of a service may have, and how many more are no matter."""

    external: str
    service: str
    per_pod: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What `verify` measures the stack by. Times are in seconds."""

    deploy_within: float = 300.0
    config_effective_within: float = 60.0
    scale_service: str = ""
    scale_from: int = 1
    scale_to: int = 10
    ready_within: float = 60.0
    config: HarmlessKey | None = None
    canary: Canary | None = None
    pool: Pooling | None = None


@dataclass(frozen=True, slots=True)
class ProbeLoad:
    """Where requests go that measure the stack while it changes: `rate` are requests a second.

    Empty `service`: to the stack's Ingress; empty `path`: that of the Ingress, or of a readiness probe.
    """

    service: str = ""
    path: str = ""
    rate: float = DEFAULT_RATE


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack on one target. `shared` are the manifests that come before the services; `warnings` are not certain."""

    name: str
    file: Path
    target: Target
    services: tuple[Service, ...]
    shared: tuple[Manifest, ...] = ()
    externals: tuple[ExternalSource, ...] = ()
    acceptance: Acceptance = Acceptance()
    warnings: tuple[Problem, ...] = ()
    probe_load: ProbeLoad = ProbeLoad()
    drills: tuple[DrillSource, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of the stack's file."""
        return self.file.parent

    @property
    def namespace(self) -> str:
        """The namespace that its objects go to unless they name another one."""
        return self.target.namespace

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """Every object, the shared ones first."""
        return self.shared + tuple(manifest for service in self.services for manifest in service.manifests)

    def service(self, name: str) -> Service | None:
        """The service of that name."""
        return next((service for service in self.services if service.name == name), None)
