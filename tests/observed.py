"""Pods, workloads and events of the model, as short as a test wants them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from console.model.workload import (
    ClusterEvent,
    Condition,
    Container,
    ContainerState,
    Pod,
    ProbeKind,
    ProbeResult,
    ProbeSource,
    ProbeSpec,
    Termination,
    Workload,
)

READY = ProbeSpec(ProbeKind.READINESS, "GET :8000/ready", 1.0, 1.0, 3, 1, 0.0)
LIVE = replace(READY, kind=ProbeKind.LIVENESS, action="GET :8000/live")
START = replace(READY, kind=ProbeKind.STARTUP)


def container(name: str = "main", **more: Any) -> Container:
    """A container that serves, unless something else is said; `waiting` gives its reason and message."""
    base = Container(
        name, f"registry/{name}:1", ContainerState.RUNNING, "", "", True, True, 0, 10.0, False, (8000,), (), None, None
    )
    return replace(base, **more)


def waiting(reason: str, message: str = "", **more: Any) -> Container:
    """A container that waits."""
    more = {"state": ContainerState.WAITING, "ready": False, "started": False, "since": None} | more
    return container(reason=reason, message=message, **more)


def starting(**more: Any) -> Container:
    """A container that runs and does not serve yet."""
    return container(**({"ready": False, "started": False, "probes": (READY,)} | more))


def ended(code: int = 1, reason: str = "Error", message: str = "", at: float = 100.0) -> Termination:
    """The end of a run that lasted a second."""
    return Termination(code, reason, message, None, at - 1, at)


def pod(*containers: Container, uid: str = "", **more: Any) -> Pod:
    """A pod of the service backend, made by its ReplicaSet; ready if its containers are."""
    name = more.pop("name", uid or "backend-7c9f-2xk")
    ready = all(each.ready for each in containers)
    conditions = (Condition("PodScheduled", "True", "", "", 0.0), Condition("Ready", str(ready), "", "", 5.0))
    base = Pod(
        uid or f"uid-{name}",
        "todo",
        name,
        "backend",
        "ReplicaSet",
        "backend-7c9f",
        "7c9f",
        "node-1",
        "10.0.0.1",
        "Running",
        "",
        "",
        0.0,
        None,
        "Always",
        conditions,
        containers or (container(),),
        "1",
    )
    return replace(base, **more)


def workload(kind: str = "Deployment", name: str = "backend", **more: Any) -> Workload:
    """A workload with two pods, all well."""
    base = Workload(
        f"uid-{kind.lower()}-{name}", kind, "todo", name, "backend", "", 1, 1, 2, 2, 2, 2, 2, False, "1", 0.0, ()
    )
    return replace(base, **more)


def condition(type: str, status: str, reason: str = "", message: str = "", since: float = 50.0) -> Condition:
    """A condition."""
    return Condition(type, status, reason, message, since)


def event(reason: str, message: str, about: str = "uid-backend-7c9f-2xk", **more: Any) -> ClusterEvent:
    """A warning about the pod."""
    base = ClusterEvent(
        f"{about}-{reason}-{message}"[:80],
        "Pod",
        "todo",
        about.removeprefix("uid-"),
        about,
        "main",
        "Warning",
        reason,
        message,
        1,
        99.5,
        99.5,
    )
    return replace(base, **more)


def failed(kind: ProbeKind, answer: str = "", streak: int = 3) -> dict[tuple[str, ProbeKind], ProbeResult]:
    """One probe of the container `main` that fails."""
    return {("main", kind): ProbeResult(kind, False, streak, 90.0, ProbeSource.METRICS, answer)}
