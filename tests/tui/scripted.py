"""An engine whose course is scripted, behind the real facade's calls; its store is the real one.

The only double in these tests: what the real engine does is tested with the real sandbox elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from console.engine.logs import LogChunk
from console.engine.ports import EvidenceItem, RunRecord
from console.engine.store import Store
from console.model.configuration import Configuration, Foreign, Reading, Way
from console.model.drift import Drift
from console.model.errors import NotFoundError, RefusedError, UsageError
from console.model.events import (
    EventObserved,
    ExternalObserved,
    PodObserved,
    ProbeObserved,
    ReleaseObserved,
    Relisted,
    RunFinished,
    RunPaused,
    RunStarted,
    UsageObserved,
    WorkloadObserved,
)
from console.model.operations import Operation
from console.model.outcome import Outcome
from console.model.plan import ChangeKind, Check, FieldChange, ObjectChange, ObjectRef, Plan, Step, StepKind
from console.model.redaction import Redactor
from console.model.release import Release
from console.model.run import LockHolder, Verdict
from console.model.scaling import Scalable
from console.model.stack import ExternalSource, Service, Stack, Target
from console.model.state import View
from console.model.workload import (
    ClusterEvent,
    Condition,
    Container,
    ContainerState,
    External,
    Pod,
    ProbeKind,
    ProbeResult,
    ProbeSource,
    ProbeSpec,
    Termination,
    Usage,
    Workload,
)

NOW = 1_790_000_000.0
SERVICES = ("backend", "mcp-server", "ai-agent", "frontend")
_KINDS = ("deployments", "statefulsets", "daemonsets", "replicasets", "jobs")


def spec(kind: ProbeKind, path: str = "/ready") -> ProbeSpec:
    return ProbeSpec(kind, f"GET :8000{path}", 1.0, 1.0, 30 if kind is ProbeKind.STARTUP else 3, 1, 0.0)


PROBES = (spec(ProbeKind.STARTUP, "/started"), spec(ProbeKind.READINESS), spec(ProbeKind.LIVENESS, "/alive"))


def container(name: str, **changes: Any) -> Container:
    base = Container(
        name=name,
        image=f"localhost:5000/todo-{name}:3f2a",
        state=ContainerState.RUNNING,
        reason="",
        message="",
        ready=True,
        started=True,
        restarts=0,
        since=NOW - 700,
        init=False,
        ports=(8000,),
        probes=PROBES,
        ended=None,
        last=None,
    )
    return replace(base, **changes)


def pod(service: str, suffix: str, *, ready: bool = True, **changes: Any) -> Pod:
    name = f"{service}-7c9f8d6b5c-{suffix}"
    status = "True" if ready else "False"
    base = Pod(
        uid=f"uid-{name}",
        namespace="todo",
        name=name,
        service=service,
        owner_kind="ReplicaSet",
        owner_name=f"{service}-7c9f8d6b5c",
        revision="7c9f8d6b5c",
        node="node-1",
        ip="10.0.0.7",
        phase="Running",
        reason="",
        message="",
        created=NOW - 720,
        deleting=None,
        restart_policy="Always",
        conditions=(
            Condition("PodScheduled", "True", "", "", NOW - 720),
            Condition("Ready", status, "" if ready else "ContainersNotReady", "", NOW - 700),
        ),
        containers=(container(service),),
        resource_version="1",
    )
    return replace(base, **changes)


def workload(service: str, desired: int, ready: int) -> Workload:
    return Workload(
        uid=f"uid-deployment-{service}",
        kind="Deployment",
        namespace="todo",
        name=service,
        service=service,
        owner_uid="",
        generation=2,
        observed_generation=2,
        desired=desired,
        updated=desired,
        current=desired,
        ready=ready,
        available=ready,
        paused=False,
        revision="2",
        created=NOW - 720,
        conditions=(Condition("Available", "True" if ready else "False", "", "", NOW - 700),),
    )


def crashed() -> Pod:
    end = Termination(1, "Error", "MCP_URL is not set", None, NOW - 62, NOW - 61)
    broken = container(
        "ai-agent",
        state=ContainerState.WAITING,
        reason="CrashLoopBackOff",
        message="back-off 40s restarting failed container",
        ready=False,
        started=False,
        restarts=4,
        last=end,
    )
    return pod("ai-agent", "zz1k4", ready=False, created=NOW - 180, containers=(broken,))


def starting() -> Pod:
    fresh = container("mcp-server", ready=False, started=False, since=NOW - 5)
    return pod("mcp-server", "p4wq2", ready=False, created=NOW - 6, containers=(fresh,))


def pods() -> list[Pod]:
    return [
        pod("backend", "2xkd8"),
        pod("backend", "9qdm2"),
        pod("backend", "xw7hs"),
        pod("mcp-server", "k8s2n"),
        starting(),
        crashed(),
        pod("frontend", "aa2b9"),
        pod("frontend", "bb7c3"),
    ]


def result(kind: ProbeKind, ok: bool, streak: int, ago: float, answer: str = "") -> ProbeResult:
    return ProbeResult(kind, ok, streak, NOW - ago, ProbeSource.METRICS, answer)


def fill(store: Store) -> None:
    """A stack of which one service starts and one fails."""
    store.connected("kind-dev")
    for kind in _KINDS:
        store.dispatch(Relisted(kind, frozenset(), NOW - 3))
    for service, desired, ready in (("backend", 3, 3), ("mcp-server", 2, 1), ("ai-agent", 1, 0), ("frontend", 2, 2)):
        store.dispatch(WorkloadObserved(workload(service, desired, ready)))
    members = pods()
    store.dispatch(*(PodObserved(each) for each in members))
    store.dispatch(Relisted("pods", frozenset(each.uid for each in members), NOW - 3))
    store.dispatch(Relisted("events", frozenset(), NOW - 3))
    for index, each in enumerate(member for member in members if member.ready):
        name = each.containers[0].name
        store.dispatch(
            ProbeObserved(each.uid, name, result(ProbeKind.STARTUP, True, 1, 700)),
            ProbeObserved(each.uid, name, result(ProbeKind.READINESS, True, 700 + index, index % 3)),
            ProbeObserved(each.uid, name, result(ProbeKind.LIVENESS, True, 300, 4)),
        )
    failing = result(ProbeKind.STARTUP, False, 3, 1, "connection refused")
    store.dispatch(ProbeObserved(starting().uid, "mcp-server", failing))
    store.dispatch(UsageObserved({each.uid: Usage(0.03, 41 * 2**20) for each in members if each.ready}))
    store.dispatch(ExternalObserved(External("database", "postgres", True, "PostgreSQL 18 answers", NOW - 2)))
    store.dispatch(ReleaseObserved(7, NOW - 125, "done", "anna@laptop"))
    store.dispatch(EventObserved(backoff_event()))


def backoff_event() -> ClusterEvent:
    broken = crashed()
    return ClusterEvent(
        uid="event-1",
        kind="Pod",
        namespace="todo",
        name=broken.name,
        about_uid=broken.uid,
        container="ai-agent",
        type="Warning",
        reason="BackOff",
        message="Back-off restarting failed container",
        count=4,
        first=NOW - 170,
        last=NOW - 20,
    )


def steps() -> tuple[Step, ...]:
    update = ObjectChange(
        ObjectRef("apps/v1", "Deployment", "todo", "backend"),
        "backend",
        ChangeKind.UPDATE,
        (
            FieldChange("spec.replicas", ChangeKind.UPDATE, "2", "3"),
            FieldChange(
                "spec.template.spec.containers[backend].image", ChangeKind.UPDATE, "todo-backend:1", "todo-backend:2"
            ),
            FieldChange("metadata.annotations.old", ChangeKind.DELETE, "yes", ""),
        ),
    )
    create = ObjectChange(
        ObjectRef("v1", "ConfigMap", "todo", "backend"),
        "backend",
        ChangeKind.CREATE,
        (FieldChange("data.LOG_LEVEL", ChangeKind.CREATE, "", "info"),),
    )
    return (
        Step("preflight", StepKind.PREFLIGHT, "preflight", expected_seconds=0.4),
        Step("build:backend", StepKind.BUILD, "build backend", "backend", ("preflight",), expected_seconds=8.0),
        Step("push:backend", StepKind.PUSH, "push backend", "backend", ("build:backend",), expected_seconds=2.0),
        Step("apply:backend", StepKind.APPLY, "apply backend", "backend", ("push:backend",), (create, update), 0.5),
        Step("wait:backend", StepKind.WAIT, "wait for backend", "backend", ("apply:backend",), expected_seconds=6.0),
        Step("record", StepKind.RECORD, "record the release", needs=("wait:backend",), expected_seconds=0.1),
    )


def plan(**changes: Any) -> Plan:
    checks = (Check("cluster", True, "v1.34.2"), Check("push", True, "allowed"), Check("quota", None, "nearly used up"))
    base = Plan(
        kind="deploy",
        stack="todo",
        target="dev",
        namespace="todo",
        context="kind-dev",
        protected=False,
        steps=steps(),
        checks=checks,
        expected_seconds=17.0,
    )
    return replace(base, **changes)


def verdict(**changes: Any) -> Verdict:
    base = Verdict(
        outcome=Outcome.DONE,
        headline="deployed todo to dev",
        diagnoses=(),
        seconds=16.2,
        phases=(("preflight", 0.4), ("build", 8.1), ("push", 1.7), ("apply", 0.5), ("rollout", 5.5)),
        release=8,
        evidence=(),
        addresses=("http://127.0.0.1:8080/",),
        next_step="",
    )
    return replace(base, **changes)


def stack(*, protected: bool = False) -> Stack:
    target = Target("dev", "kubernetes", "todo", "kind-dev", "localhost:5000", protected)
    services = tuple(
        Service(name, f"todo-{name}", None, (), SERVICES[:rank][-1:]) for rank, name in enumerate(SERVICES)
    )
    externals = (ExternalSource("database", "postgres", "database", "url"),)
    return Stack("todo", Path("stacks/todo/stack.yaml"), target, services, externals=externals)


def scalable(service: str, now: int, **more: Any) -> Scalable:
    return Scalable(service, ObjectRef("apps/v1", "Deployment", "todo", service), now, **more)


SCALABLES = (
    scalable("backend", 3, bounds=(2, 6), budget="poddisruptionbudget/backend", keeps="2"),
    scalable("mcp-server", 2),
    scalable("ai-agent", 1),
    scalable("frontend", 2),
)


def configured(kind: str, values: dict[str, str], **more: Any) -> Configuration:
    """What the backend has and reads of one object, every key as environment but those that look like files."""
    ref, owner = ObjectRef("v1", kind, "todo", "backend"), ObjectRef("apps/v1", "Deployment", "todo", "backend")
    readings = tuple(
        Reading(ref, key, "backend", owner, "main", Way.FILE if "." in key else Way.ENVIRONMENT, key)
        for key in values
        if key != "IDLE"
    )
    return Configuration(ref, "backend", "9", values, more.pop("released", values), (), readings, (), **more)


CONFIGURED = (
    configured(
        "ConfigMap",
        {"LOG_LEVEL": "info", "settings.yaml": "cache: 10\nworkers: 4\n", "IDLE": "yes"},
        released={"LOG_LEVEL": "warning", "settings.yaml": "cache: 10\nworkers: 4\n", "IDLE": "yes"},
        foreign=(Foreign("LOG_LEVEL", "kubectl-edit", "2026-09-21T09:50:00Z"),),
    ),
    configured("Secret", {"TOKEN": "c2VjcmV0LXZhbHVl"}, foreign=()),
)


@dataclass(frozen=True)
class History:
    releases: tuple[Release, ...]
    runs: tuple[RunRecord, ...]


@dataclass
class ScriptedEngine:
    """What it was asked for is kept in its lists; what it answers can be replaced.

    Attributes:
        folder: where step logs lie.
    """

    folder: Path
    stack: Stack = field(default_factory=stack)
    next_plan: Plan | Exception = field(default_factory=plan)
    read_only: bool = False
    chunks: list[LogChunk] = field(default_factory=list)
    asked_logs: list[dict[str, Any]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    options: list[Any] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    earlier: int | None = 6
    configured: tuple[Configuration, ...] = field(default_factory=lambda: CONFIGURED)
    left: LockHolder | None = None
    compared: list[tuple[int, int]] = field(default_factory=list)
    closed: bool = False
    probe_answer: ProbeResult | Exception | None = None
    more_logs: asyncio.Event = field(default_factory=asyncio.Event)
    open_logs: int = 0
    tell_followed: Callable[[int, int], None] = lambda followed, known: None

    def __post_init__(self) -> None:
        self.redactor = Redactor()
        externals = [(each.name, each.kind) for each in self.stack.externals]
        names = [service.name for service in self.stack.services]
        self.store = Store(self.stack.name, self.stack.target.name, self.stack.namespace, names, externals)

    async def start(self) -> None:
        """The store is filled by the test."""

    async def close(self) -> None:
        self.closed = True

    async def plan(self) -> Plan:
        if isinstance(self.next_plan, Exception):
            raise self.next_plan
        return self.next_plan

    async def plan_operation(self, operation: Operation) -> Plan:
        self.operations.append(operation)
        if isinstance(self.next_plan, Exception):
            raise self.next_plan
        return replace(self.next_plan, kind=operation.kind, about=operation.about)

    async def configuration(self, name: str = "") -> tuple[Configuration, ...]:
        return tuple(each for each in self.configured if name in {"", each.service})

    async def scalables(self) -> tuple[Scalable, ...]:
        return SCALABLES

    async def interrupted(self) -> LockHolder | None:
        return self.left

    async def earlier_release(self) -> int:
        if self.earlier is None:
            raise UsageError("todo has no earlier good release", hint="`history` lists its releases")
        return self.earlier

    def run(self, plan: Plan, options: Any) -> str:
        if self.read_only:
            raise RefusedError("nothing is changed in read-only mode", hint="leave out --read-only")
        self.options.append(options)
        self.store.dispatch(RunStarted("run-1", plan.kind, plan, options.command, NOW))
        return "run-1"

    async def cancel(self, run_id: str) -> None:
        self.cancelled.append(run_id)
        self.store.dispatch(RunFinished(run_id, verdict(outcome=Outcome.INTERRUPTED, headline="interrupted"), NOW))

    def pause(self, run_id: str) -> None:
        self.store.dispatch(RunPaused(run_id, True, NOW))

    def resume(self, run_id: str) -> None:
        self.store.dispatch(RunPaused(run_id, False, NOW))

    def step_log(self, run_id: str, step_id: str) -> Path:
        return self.folder / f"{step_id.replace(':', '-')}.log"

    def follow_logs(
        self,
        services: Sequence[str] = (),
        pods: Sequence[str] = (),
        *,
        told: Callable[[int, int], None] = lambda followed, known: None,
        **options: Any,
    ) -> AsyncGenerator[LogChunk, None]:
        self.asked_logs.append({"services": tuple(services), "pods": tuple(pods), **options})
        self.tell_followed = told
        return self._logs(options.get("follow_on", True))

    async def _logs(self, follow_on: bool) -> AsyncGenerator[LogChunk, None]:
        position = 0
        self.open_logs += 1
        try:
            while True:
                while position < len(self.chunks):
                    yield self.chunks[position]
                    position += 1
                if not follow_on:
                    return
                self.more_logs.clear()
                await self.more_logs.wait()
        finally:
            self.open_logs -= 1

    def say(self, pod: str, text: str, at: float = NOW) -> None:
        """A pod writes lines."""
        service = pod.partition("-7c9f")[0]
        self.chunks.append(LogChunk(service, pod, service, text.encode(), at))
        self.more_logs.set()

    async def read(self, ref: ObjectRef) -> dict[str, Any]:
        if ref.name.endswith("gone"):
            raise NotFoundError(f"{ref} is not there any more")
        return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": ref.name, "labels": {"a": "1"}}}

    def events_of(self, uid: str) -> tuple[ClusterEvent, ...]:
        return tuple(event for event in self.store.view().events.values() if event.about_uid == uid)

    async def probe_now(self, pod_uid: str, container: str, kind: ProbeKind) -> ProbeResult:
        if isinstance(self.probe_answer, Exception):
            raise self.probe_answer
        answer = self.probe_answer or ProbeResult(kind, True, 1, NOW, ProbeSource.NOW, "200 ready")
        self.store.dispatch(ProbeObserved(pod_uid, container, answer))
        return answer

    async def drift(self) -> tuple[Drift, ...]:
        ref = ObjectRef("apps/v1", "Deployment", "todo", "backend")
        return (Drift(ref, "backend", ("spec", "replicas"), "2", "3", "kubectl-edit", NOW - 600, 2, 3),)

    async def history(self) -> History:
        body = {"kind": "ConfigMap", "metadata": {"name": "backend", "namespace": "todo"}}
        release = Release(
            7, "todo", "dev", NOW - 125, "anna@laptop", "done", {"backend": "todo-backend:2"}, (body,), "k"
        )
        older = replace(
            release, number=6, at=NOW - 90_000, outcome="rollout", kind="scale", about="backend scaled to 3"
        )
        first = replace(release, number=5, at=NOW - 200_000)
        done = RunRecord("20260921-0955-a1", "deploy", "todo", "dev", NOW - 140, "stack-console deploy todo", NOW - 125)
        ended = replace(done, outcome="done", headline="deployed todo to dev", release=7, phases=(("build", 8.1),))
        failed = replace(
            done,
            run_id="20260920-1200-b2",
            started=NOW - 90_030,
            ended=NOW - 90_000,
            outcome="rollout",
            headline="ai-agent did not become ready",
        )
        return History((release, older, first), (ended, failed))

    async def compare(self, before: int, after: int) -> tuple[ObjectChange, ...]:
        self.compared.append((before, after))
        return tuple(change for step in steps() for change in step.changes)

    async def evidence(self, run_id: str) -> list[EvidenceItem]:
        if run_id.endswith("b2"):
            return [EvidenceItem(run_id, "previous log", "pod/ai-agent-1", "MCP_URL is not set\nexit 1", NOW - 90_001)]
        return []

    async def settled(self) -> View:
        return self.store.view()
