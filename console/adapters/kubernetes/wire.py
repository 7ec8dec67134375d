"""The few fields of the API's JSON that a view needs, as the wire spells them. Everything else is skipped undecoded.

Field meanings: kubernetes.io, API reference. `gc=False` keeps 10,000 pods out of the garbage collector's sight: nothing
here can refer to itself. `null` stands where Go had an empty list or time, so lists and times are optional.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field


class Wire(Struct, rename="camel", gc=False, frozen=True):
    """Base: camelCase on the wire; frozen, so that equal declarations can share one translation."""


class OwnerReference(Wire, frozen=True):
    """Who owns an object; `controller` marks the one that manages it."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Metadata(Wire, frozen=True):
    """What every object has."""

    uid: str = ""
    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None


class AnnotatedMetadata(Metadata, frozen=True):
    """Metadata of workloads: a Deployment's revision is an annotation."""

    annotations: dict[str, str] | None = None


class HttpGet(Wire, frozen=True):
    """An HTTP probe."""

    port: int | str
    path: str = "/"
    scheme: str = "HTTP"


class Socket(Wire, frozen=True):
    """A TCP or gRPC probe."""

    port: int | str


class Exec(Wire, frozen=True):
    """A probe by command."""

    command: tuple[str, ...] = ()


class Probe(Wire, frozen=True):
    """A probe as declared, with the API's defaults."""

    http_get: HttpGet | None = None
    tcp_socket: Socket | None = None
    grpc: Socket | None = None
    exec: Exec | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3
    success_threshold: int = 1


class ContainerPort(Wire, frozen=True):
    """A port that a container names."""

    container_port: int
    name: str = ""


class ContainerSpec(Wire, frozen=True):
    """A container as declared."""

    name: str
    image: str = ""
    ports: tuple[ContainerPort, ...] | None = None
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None


class Waiting(Wire, frozen=True):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class Running(Wire, frozen=True):
    """Since when a container runs."""

    started_at: datetime | None = None


class Terminated(Wire, frozen=True):
    """How a container ended."""

    exit_code: int
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class State(Wire, frozen=True):
    """Exactly one of the three is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Wire, frozen=True):
    """A container as the kubelet reports it."""

    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: State | None = None
    last_state: State | None = None


class Condition(Wire, frozen=True):
    """A condition of a pod or workload."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class PodSpec(Wire, frozen=True):
    """A pod as declared."""

    containers: tuple[ContainerSpec, ...] | None = None
    init_containers: tuple[ContainerSpec, ...] | None = None
    node_name: str = ""
    restart_policy: str = "Always"


class PodStatus(Wire, frozen=True):
    """A pod as reported."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = field(default="", name="podIP")
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Wire, frozen=True):
    """A pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class WorkloadSpec(Wire, frozen=True):
    """What a controller is asked for; a Job speaks of completions."""

    replicas: int | None = None
    paused: bool = False
    completions: int | None = None
    parallelism: int | None = None


class WorkloadStatus(Wire, frozen=True):
    """What a controller has reached, in the words of all five kinds."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    update_revision: str = ""
    desired_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    active: int = 0
    succeeded: int = 0
    ready: int = 0
    conditions: tuple[Condition, ...] | None = None


class Workload(Wire, frozen=True):
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet or Job."""

    metadata: AnnotatedMetadata
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class InvolvedObject(Wire, frozen=True):
    """What an event is about; `field_path` names the container."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class Series(Wire, frozen=True):
    """How often an event of the newer API was seen."""

    count: int = 0
    last_observed_time: datetime | None = None


class Event(Wire, frozen=True):
    """An event, of the older (`count`, `lastTimestamp`) or the newer (`series`, `eventTime`) way of recording."""

    metadata: Metadata
    involved_object: InvolvedObject = InvolvedObject()
    type: str = "Normal"
    reason: str = ""
    message: str = ""
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: Series | None = None
