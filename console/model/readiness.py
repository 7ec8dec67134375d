"""One rule per kind: is an object as it should be, still on its way, or failed for good.

Workloads follow `kubectl rollout status`, other kinds the conventions of their own status; what reports nothing is
ready as soon as it exists. Both the model's workloads and raw objects are judged by the same rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from console.model.stack import JSON
from console.model.workload import Condition, Workload


@dataclass(frozen=True, slots=True)
class Readiness:
    """How an object stands. `done`: nothing more is waited for; `ok`: it is as it should be; `reason` for people."""

    done: bool
    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class _Rollout:
    """What the rules of workloads look at; counts are pods."""

    generation: int
    observed: int
    desired: int
    updated: int
    current: int
    ready: int
    available: int
    paused: bool
    conditions: Mapping[str, Condition]


def readiness(subject: Workload | JSON) -> Readiness:
    """Judges a workload of the model, or any object as the API server gives it."""
    if isinstance(subject, Workload):
        return _WORKLOADS[subject.kind](_of_workload(subject))
    if subject["metadata"].get("deletionTimestamp"):
        return _waits("is being deleted")
    kind = subject.get("kind", "")
    if kind in _WORKLOADS:
        return _WORKLOADS[kind](_of_object(subject))
    return _OTHERS.get(kind, _custom)(subject)


def _ready(reason: str) -> Readiness:
    return Readiness(True, True, reason)


def _waits(reason: str) -> Readiness:
    return Readiness(False, False, reason)


def _failed(reason: str) -> Readiness:
    return Readiness(True, False, reason)


# -- workloads


def _of_workload(source: Workload) -> _Rollout:
    return _Rollout(
        source.generation,
        source.observed_generation,
        source.desired,
        source.updated,
        source.current,
        source.ready,
        source.available,
        source.paused,
        {condition.type: condition for condition in source.conditions},
    )


def _of_object(body: JSON) -> _Rollout:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    kind, generation = body["kind"], body["metadata"].get("generation", 0)
    names = _COUNTS.get(kind, _COUNTS["Deployment"])
    desired = status.get(names[0], 0) if kind == "DaemonSet" else spec.get(names[0], 1)
    updated, current, ready, available = (status.get(name, 0) for name in names[1:])
    return _Rollout(
        generation,
        generation if kind == "Job" else status.get("observedGeneration", 0),
        desired,
        updated,
        current,
        ready,
        available,
        bool(spec.get("paused")),
        conditions_of(body),
    )


# Names of what is wanted, updated, current, ready and available.
_COUNTS = {
    "Deployment": ("replicas", "updatedReplicas", "replicas", "readyReplicas", "availableReplicas"),
    "DaemonSet": (
        *("desiredNumberScheduled", "updatedNumberScheduled", "currentNumberScheduled"),
        *("numberReady", "numberAvailable"),
    ),
    "Job": ("completions", "active", "active", "ready", "succeeded"),
    "ReplicaSet": ("replicas", "replicas", "replicas", "readyReplicas", "availableReplicas"),
}


def conditions_of(body: JSON) -> dict[str, Condition]:
    """The conditions of a raw object, by type; times are left out."""
    found: Sequence[JSON] = (body.get("status") or {}).get("conditions") or ()
    return {
        each["type"]: Condition(each["type"], each["status"], each.get("reason", ""), each.get("message", ""), None)
        for each in found
    }


def _unseen(rollout: _Rollout) -> Readiness | None:
    return _waits("its controller has not seen the change yet") if rollout.observed < rollout.generation else None


def _deployment(rollout: _Rollout) -> Readiness:
    progress = rollout.conditions.get("Progressing")
    if unseen := _unseen(rollout):
        return unseen
    if progress and progress.reason == "ProgressDeadlineExceeded":
        return _failed(progress.message or "its progress deadline was exceeded")
    if rollout.updated < rollout.desired:
        paused = ", and the rollout is paused" if rollout.paused else ""
        return _waits(f"{rollout.updated} of {rollout.desired} pods updated{paused}")
    if rollout.current > rollout.updated:
        return _waits(f"{rollout.current - rollout.updated} old pods are still there")
    return _available(rollout)


def _available(rollout: _Rollout) -> Readiness:
    if rollout.available < rollout.desired:
        return _waits(f"{rollout.available} of {rollout.desired} pods available")
    return _ready(f"{rollout.available}/{rollout.desired} available")


def _replica_set(rollout: _Rollout) -> Readiness:
    return _unseen(rollout) or _available(rollout)


def _daemon_set(rollout: _Rollout) -> Readiness:
    if unseen := _unseen(rollout):
        return unseen
    if rollout.updated < rollout.desired:
        return _waits(f"{rollout.updated} of {rollout.desired} pods updated")
    return _available(rollout)


def _stateful_set(rollout: _Rollout) -> Readiness:
    if unseen := _unseen(rollout):
        return unseen
    if rollout.ready < rollout.desired:
        return _waits(f"{rollout.ready} of {rollout.desired} pods ready")
    if rollout.updated < rollout.desired:
        return _waits(f"{rollout.updated} of {rollout.desired} pods updated")
    return _ready(f"{rollout.ready}/{rollout.desired} ready")


def _job(rollout: _Rollout) -> Readiness:
    complete, failed = rollout.conditions.get("Complete"), rollout.conditions.get("Failed")
    if complete and complete.status == "True":
        return _ready("complete")
    if failed and failed.status == "True":
        return _failed(failed.message or failed.reason or "failed")
    return _waits(f"{rollout.available} of {rollout.desired} completed")


_WORKLOADS: Mapping[str, Callable[[_Rollout], Readiness]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
}


# -- everything else


def _pod(body: JSON) -> Readiness:
    status = body.get("status") or {}
    phase, ready = status.get("phase", ""), conditions_of(body).get("Ready")
    if phase == "Succeeded":
        return _ready("completed")
    if phase == "Failed":
        return _failed(status.get("message") or status.get("reason") or "failed")
    if ready and ready.status == "True":
        return _ready("ready")
    return _waits((ready and ready.message) or phase.lower() or "not started yet")


def _service(body: JSON) -> Readiness:
    if (body.get("spec") or {}).get("type") != "LoadBalancer":
        return _ready("exists")
    given = ((body.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return _ready("has an address") if given else _waits("its load balancer has no address yet")


def _claim(body: JSON) -> Readiness:
    phase = (body.get("status") or {}).get("phase", "Pending")
    if phase == "Lost":
        return _failed("its volume is lost")
    return _ready("bound") if phase == "Bound" else _waits("no volume is bound yet")


def _namespace(body: JSON) -> Readiness:
    terminating = (body.get("status") or {}).get("phase") == "Terminating"
    return _waits("is being deleted") if terminating else _ready("active")


def _definition(body: JSON) -> Readiness:
    conditions = conditions_of(body)
    names, established = conditions.get("NamesAccepted"), conditions.get("Established")
    if names and names.status == "False":
        return _failed(names.message)
    return _ready("established") if established and established.status == "True" else _waits("not established yet")


def _exists(body: JSON) -> Readiness:
    return _ready("exists")


def _custom(body: JSON) -> Readiness:
    """As the common conventions have it (sigs.k8s.io/cli-utils, kstatus): `Stalled`, `Ready`, else it exists."""
    conditions = conditions_of(body)
    stalled, ready = conditions.get("Stalled"), conditions.get("Ready")
    if stalled and stalled.status == "True":
        return _failed(stalled.message or stalled.reason)
    if ready and ready.status != "True":
        return _waits(ready.message or ready.reason or "not ready yet")
    return _ready("exists")


_OTHERS: Mapping[str, Callable[[JSON], Readiness]] = {
    "Pod": _pod,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "Namespace": _namespace,
    "CustomResourceDefinition": _definition,
    # An autoscaler without figures, or an Ingress without an address, does not keep the rest from working.
    "HorizontalPodAutoscaler": _exists,
    "Ingress": _exists,
}
