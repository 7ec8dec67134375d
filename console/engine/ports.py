"""What the engine needs of the world: cluster, image builder, registry, journal, externals. Adapters implement it.

Every method that reaches out raises the errors of `console.model.errors`, and nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from console.model.drills.judging import DrillResult
from console.model.events import Fact
from console.model.identity import ClusterIdentity
from console.model.load import Load
from console.model.plan import ObjectRef
from console.model.run import Part, Progress
from console.model.stack import FIELD_MANAGER, JSON, BuildSource
from console.model.verify.disturbed import Sessions
from console.model.workload import External, ProbeKind, Usage

if TYPE_CHECKING:
    from console.engine.patience import Patience
    from console.model.redaction import Redactor


@dataclass(frozen=True, slots=True)
class Right:
    """A right as RBAC grants it. Empty `namespace`: everywhere; empty `name`: any object."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        what = f"{resource}/{self.subresource}" if self.subresource else resource
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {what}{named}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whether we have a right, and the API server's reason if it gives one."""

    right: Right
    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Which log of a container. `since_time` is RFC 3339; `tail` counts lines."""

    namespace: str
    pod: str
    container: str
    follow: bool = False
    previous: bool = False
    since_time: str = ""
    tail: int | None = None


@dataclass(slots=True)
class LogPosition:
    """How far a log was read: the stamp of the last line, and how many lines with that stamp were read.

    Given again to `Cluster.logs`, reading goes on with the next line, after whatever broke it off. `part` are the bytes
    that were read of the last line if it came without its end; 0: it came whole.
    """

    stamp: str = ""
    lines_at_stamp: int = 0
    part: int = 0

    def advance(self, stamp: str, lines: int) -> None:
        """Moves behind `lines` whole lines of that stamp, the last ones read."""
        self.part = 0
        self.lines_at_stamp = lines + (self.lines_at_stamp if stamp == self.stamp else 0)
        self.stamp = stamp


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command in a container ended. `whole` is False where there was more output than was asked for."""

    code: int
    stdout: bytes = field(default=b"", repr=False)
    stderr: bytes = field(default=b"", repr=False)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class ProbeCount:
    """How often the kubelet saw a probe succeed and fail, since the container was started."""

    pod_uid: str
    container: str
    kind: ProbeKind
    ok: int
    failed: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: its status and the start of its text; `status` None: nobody answered, the text says why.

    `pod` is who answered, empty where the answer does not say it.
    """

    status: int | None
    text: str
    pod: str = ""


class Cluster(Protocol):
    """One context of a kubeconfig. Read-only is enforced in the transport: GET, access reviews and dryRun=All only."""

    context: str
    server: str
    read_only: bool

    def patient(self, patience: Patience) -> Cluster:
        """The same, for a run: what gets no answer is asked again."""
        ...

    async def version(self) -> str:
        """The API server's version, like `v1.34.2`."""
        ...

    async def identity(self) -> str:
        """As whom the API server knows us; empty where it cannot say."""
        ...

    async def confirm(self) -> ClusterIdentity:
        """Which cluster this is. Raises RefusedError if it is not the one that the context stood for at the start."""
        ...

    async def get(self, ref: ObjectRef) -> JSON | None:
        """The object, None if it is not there."""
        ...

    async def list(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "") -> list[JSON]:
        """Every object of a kind, read in pages; of all namespaces if `namespace` is empty."""
        ...

    async def apply(
        self, manifest: JSON, *, dry_run: bool = False, force: bool = False, manager: str = FIELD_MANAGER
    ) -> JSON:
        """Server-side apply. Raises FieldConflictError if other managers own fields and `force` was not given."""
        ...

    async def create(self, manifest: JSON, *, dry_run: bool = False) -> JSON:
        """Creates the object. Raises ConflictError if it exists already."""
        ...

    async def replace(self, manifest: JSON, *, dry_run: bool = False) -> JSON:
        """Replaces the object of its resourceVersion. Raises ConflictError if that is not the newest."""
        ...

    async def patch(
        self,
        ref: ObjectRef,
        type: Literal["json", "merge", "strategic"],
        body: object,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> JSON:
        """Patches the object or one of its subresources."""
        ...

    async def delete(
        self,
        ref: ObjectRef,
        *,
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        uid: str = "",
        dry_run: bool = False,
    ) -> bool:
        """Asks for deletion; False if it was not there. Raises ConflictError if it has another uid than given."""
        ...

    async def evict(self, ref: ObjectRef, uid: str) -> None:
        """Evicts this very pod, if its disruption budget allows it.

        Raises:
            BudgetError: a disruption budget stands in the way.
            NotFoundError, ConflictError: the pod is not there any more.
        """
        ...

    async def right(self, verb: str, ref: ObjectRef) -> Right:
        """What RBAC must grant for a verb on an object's kind, in its namespace. NotFoundError: no such kind."""
        ...

    async def may(self, rights: Sequence[Right]) -> Sequence[Allowed]:
        """Which of these rights we have, in their order."""
        ...

    def watch(self, resource: str, namespace: str) -> AsyncIterator[Fact]:
        """What is there, `Relisted`, then every change, until the stream ends for whatever reason.

        `resource` is pods, events, deployments, statefulsets, daemonsets, replicasets or jobs. The outer loop, its
        back-off and `WatchLost` are the engine's.
        """
        ...

    def logs(self, request: LogRequest, position: LogPosition) -> AsyncIterator[bytes]:
        """Chunks of whole lines; `position` moves along. Raises NotFoundError if there is no log (yet)."""
        ...

    async def probe_counters(self, node: str, namespace: str) -> Sequence[ProbeCount]:
        """What the kubelet of a node counted for the probes of a namespace's pods."""
        ...

    async def usage(self, namespace: str) -> dict[str, Usage]:
        """What the pods of a namespace use, by name; empty where the cluster has no metrics."""
        ...

    async def pod_get(
        self, namespace: str, pod: str, port: int | str, path: str, scheme: str = "HTTP", timeout: float = 5.0
    ) -> tuple[int | None, str]:
        """What a pod answers to a GET, through the API server: status (None: could not be reached) and text."""
        ...

    async def service_get(self, namespace: str, service: str, port: int, path: str, scheme: str = "HTTP") -> Answer:
        """What a Service answers to a GET, through the API server; a redirect is an answer. Who asks sets the limit."""
        ...

    async def service_send(
        self, method: str, namespace: str, service: str, port: int, path: str, *, body: str = "", content_type: str = ""
    ) -> Answer:
        """The same for a request that writes or removes something. Raises RefusedError: read-only."""
        ...

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        timeout: float = 10.0,
        most: int = 1 << 21,
    ) -> ExecResult:
        """Runs a command in a container, without input; ends it after `timeout` seconds or `most` bytes of output.

        Raises:
            DeniedError: the right to exec is missing.
            NotFoundError: there is no such pod.
            ApplyError: the command cannot be begun there: no such program, no such container, no process.
            UnreachableError: the API server does not answer, or the command does not end in time.
            RefusedError: read-only.
        """
        ...

    async def close(self) -> None:
        """Closes every connection."""
        ...


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that was built: its name and tag, its size in bytes, and the folder that it lies in.

    `location` is None where a container engine keeps it; `digest` is that of its manifest, empty until a push tells it.
    """

    name: str
    tag: str
    digest: str
    size: int
    location: Path | None


@dataclass(frozen=True, slots=True)
class Building:
    """What builds images on this machine, in a few words, and what is to be warned of."""

    words: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class BuildWatcher:
    """Who is told how a build goes: `output` gets what it prints, `parts` the parts that are new or changed."""

    output: Callable[[bytes], None]
    parts: Callable[[Sequence[Part]], None] = lambda parts: None


class ImageBuilder(Protocol):
    """Builds images. Cancelling the task ends the build and all its processes."""

    async def platform(self) -> str:
        """What is built for where nothing else is said, like `linux/arm64`; empty where that is no matter."""
        ...

    async def check(self, sources: Sequence[BuildSource]) -> Building:
        """What builds these. Raises BuildError if one of them cannot be built on this machine."""
        ...

    async def tag(self, source: BuildSource) -> str:
        """The digest of all that goes into the image: its tag. Raises BuildError if the context cannot be read."""
        ...

    async def build(self, source: BuildSource, tag: str, watcher: BuildWatcher) -> BuiltImage:
        """Builds, or finds it built already. Raises BuildError."""
        ...


class PullAnswer(StrEnum):
    """How a registry answers who would pull: whoever it is may; with another login; that one may not."""

    ALLOWED = "allowed"
    LOGIN = "login"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A part of an image, unpacked: `what` it is in words, its digest, and its bytes, which are read once."""

    what: str
    digest: str
    pieces: AsyncIterator[bytes]


class Registry(Protocol):
    """Where images are pushed to and the cluster pulls from."""

    def reference(self, name: str, tag: str) -> str:
        """How manifests name the image."""
        ...

    async def has(self, name: str, tag: str) -> str | None:
        """The digest of the image, None if the registry does not have it. Raises PushError."""
        ...

    async def push(self, image: BuiltImage, progress: Callable[[Progress], None]) -> str:
        """Pushes what the registry does not have yet; the manifest's digest. Raises PushError."""
        ...

    async def check_push(self, name: str) -> None:
        """Proves that we may push, without a trace: starts and cancels an upload. Raises PushError."""
        ...

    async def try_pull(self, name: str, docker_config: str = "") -> PullAnswer:
        """Whether an image could be pulled with the logins of a pull secret, without one if empty. Raises PushError."""
        ...

    def contents(self, reference: str, most: int) -> AsyncIterator[ImagePart]:
        """What an image consists of: configuration with history, and layers, each read before the next one.

        Raises:
            PushError: it cannot be read, is packed in a way that is not known, or has more than `most` bytes of layers.
        """
        ...

    def reached_from(self, address: str) -> bool:
        """Whether the machine of an address reaches the registry by the name that manifests have for it."""
        ...

    async def close(self) -> None:
        """Closes every connection."""
        ...


class Externals(Protocol):
    """What a stack needs that is not part of it."""

    async def provision(self, name: str, kind: str) -> str:
        """Starts one of our own, or finds it running; its URL, which is secret. Raises PreflightError."""
        ...

    async def known(self, name: str, kind: str) -> str | None:
        """The secret URL of the one of our own if it runs already; starts nothing."""
        ...

    async def withdraw(self, name: str, kind: str) -> None:
        """Ends the one of our own, if there is one; its data stays."""
        ...

    async def check(self, name: str, kind: str, url: str) -> External:
        """Whether it can be reached now; what it says never holds the URL."""
        ...

    async def sessions(self, name: str, kind: str, url: str) -> Sessions:
        """The sessions that others have there. Raises PreflightError where it does not tell."""
        ...


class SecretValues(Protocol):
    """Where values of Secrets come from on this machine."""

    def lookup(self, key: str) -> str | None:
        """The value for a key of a Secret, None if this machine has none."""
        ...


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the journal keeps it. `ended` and `outcome` are None and empty while it goes on, or if it was killed.

    `cluster` says where it was: context, server and identity of the cluster. `load` is what became of the requests that
    were sent to the stack meanwhile, None if none were; `drill` is what a drill measured.
    """

    run_id: str
    kind: str
    stack: str
    target: str
    started: float
    command: str
    ended: float | None = None
    outcome: str = ""
    headline: str = ""
    release: int | None = None
    phases: tuple[tuple[str, float], ...] = ()
    cluster: str = ""
    load: Load | None = None
    drill: DrillResult | None = None


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """Something that was seen before anything was changed again; `text` is redacted."""

    run_id: str
    kind: str
    subject: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class UndoRecord:
    """How to undo what a drill or an edit did; written before it is done."""

    undo_id: str
    run_id: str
    stack: str
    target: str
    action: JSON
    at: float


class Journal(Protocol):
    """What this machine remembers: runs, how long steps took, evidence, undo records."""

    async def record_run(self, run: RunRecord) -> None:
        """Keeps a run, in place of what was kept under its id."""
        ...

    async def runs(self, stack: str, limit: int = 50) -> list[RunRecord]:
        """The runs of a stack, the newest first."""
        ...

    async def record_step(self, run_id: str, stack: str, target: str, step_id: str, seconds: float) -> None:
        """Keeps how long a step took that was done."""
        ...

    async def step_seconds(self, stack: str, target: str, limit: int = 10) -> Mapping[str, tuple[float, ...]]:
        """How long each step took in the past, the newest first, by step id."""
        ...

    async def steps(self, run_id: str) -> Mapping[str, float]:
        """The seconds of the steps of a run that were done, by step id; those of old runs are dropped."""
        ...

    async def record_evidence(self, items: Sequence[EvidenceItem]) -> None:
        """Keeps evidence, on disk when this returns."""
        ...

    async def evidence(self, run_id: str) -> list[EvidenceItem]:
        """The evidence of a run, in the order it was kept."""
        ...

    async def record_undo(self, record: UndoRecord) -> None:
        """Keeps how to undo something, on disk when this returns."""
        ...

    async def undo_records(self, stack: str, target: str) -> list[UndoRecord]:
        """What is still to be undone, the newest first."""
        ...

    async def drop_undo(self, undo_id: str) -> None:
        """Forgets what was undone."""
        ...

    async def close(self) -> None:
        """Closes the file."""
        ...


class Visitor(Protocol):
    """Sends single requests to a stack, as its users do."""

    async def get(self, url: str, *, host: str = "", fresh: bool = False) -> Answer:
        """What an address answers to a GET; a redirect is an answer. Who asks bounds the time.

        Args:
            url: where to.
            host: the name that is asked for there, if it is not that of the URL.
            fresh: over a connection of its own.
        """
        ...

    async def send(self, method: str, url: str, *, host: str = "", body: str = "", content_type: str = "") -> Answer:
        """What an address answers to a request with a body, and to one that removes something; as `get` else."""
        ...

    async def close(self) -> None:
        """Closes every connection."""
        ...


class Clock(Protocol):
    """The time: seconds since the epoch, as it is shown and kept."""

    def __call__(self) -> float:
        """Now."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the engine reaches, picked once by the target's kind."""

    cluster: Cluster
    builder: ImageBuilder
    registry: Registry
    externals: Externals
    journal: Journal
    secrets: SecretValues
    redactor: Redactor
    clock: Clock
    visitor: Visitor
