"""The status of a Deployment: its counts, and its conditions Available, Progressing and ReplicaFailure.

Reasons and texts: `pkg/controller/deployment/{progress,sync}.go`. `kubectl rollout status` and `wait` read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.controllers import revisions
from console.sandbox.controllers.rollout import Bounds
from console.sandbox.controllers.status import condition, find

NO_DEADLINE = 2**31 - 1
AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"


def set_condition(conditions: list[Object], new: Object) -> list[Object]:
    """Replaces a condition unless status and reason are the same; then it stays as it is, with its times."""
    old = find(conditions, new["type"])
    if old and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return conditions
    moment = times.time()
    same = old is not None and old["status"] == new["status"]
    since = old["lastTransitionTime"] if old and same else moment
    made = new | {"lastUpdateTime": moment, "lastTransitionTime": since}
    return [*(each for each in conditions if each["type"] != new["type"]), made]


def counts(deployment: Object, new: Object | None, every: Sequence[Object]) -> Object:
    """The numbers of the status; Kubernetes leaves out those that are 0."""
    available = sum(revisions.count(each, "availableReplicas") for each in every)
    status = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": sum(revisions.count(each, "replicas") for each in every),
        "updatedReplicas": revisions.count(new, "replicas") if new else 0,
        "readyReplicas": sum(revisions.count(each, "readyReplicas") for each in every),
        "availableReplicas": available,
        "unavailableReplicas": max(sum(revisions.size(each) for each in every) - available, 0),
        "collisionCount": (deployment.get("status") or {}).get("collisionCount", 0),
    }
    return {key: value for key, value in status.items() if value}


def availability(deployment: Object, status: Object) -> Object:
    """The condition Available: enough pods, by the strategy's allowance."""
    if status.get("availableReplicas", 0) >= Bounds.of(deployment).least:
        return condition("Available", True, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    message = "Deployment does not have minimum availability."
    return condition("Available", False, "MinimumReplicasUnavailable", message)


def complete(deployment: Object, status: Object) -> bool:
    """Every wanted pod is of the new template and available, and no other is left."""
    wanted: int = deployment["spec"].get("replicas", 1)
    numbers = [status.get(each, 0) for each in ("updatedReplicas", "replicas", "availableReplicas")]
    generation: int = deployment["metadata"].get("generation", 0)
    return numbers == [wanted] * 3 and int(status.get("observedGeneration", 0)) >= generation


def advanced(deployment: Object, status: Object) -> bool:
    """Something got better since the status that is stored."""
    before = deployment.get("status") or {}

    def old_pods(of: Object) -> int:
        old: int = of.get("replicas", 0) - of.get("updatedReplicas", 0)
        return old

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    more = any(status.get(each, 0) > before.get(each, 0) for each in grown)
    return more or old_pods(status) < old_pods(before)


def has_deadline(deployment: Object) -> bool:
    """The Deployment is to be declared stuck at some point."""
    seconds: int = deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE)
    return seconds != NO_DEADLINE


def time_left(deployment: Object, progressing: Object | None) -> float | None:
    """Seconds until the rollout counts as stuck; None when that cannot come to pass any more."""
    if not progressing or not has_deadline(deployment) or progressing["reason"] in (AVAILABLE, TIMED_OUT):
        return None
    limit = timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])
    return (times.parse(progressing["lastUpdateTime"]) + limit - times.now()).total_seconds()


def progress(deployment: Object, status: Object, new: Object | None, conditions: list[Object]) -> list[Object]:
    """The conditions with Progressing brought up to date."""
    if not has_deadline(deployment):
        return [each for each in conditions if each["type"] != "Progressing"]
    current = find(conditions, "Progressing")
    whole = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if whole and current and current["reason"] == AVAILABLE:
        return conditions
    subject = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return set_condition(conditions, condition("Progressing", True, AVAILABLE, message))
    if advanced(deployment, status):
        return _progressing(conditions, current, f"{subject} is progressing.")
    left = time_left(deployment, current)
    if left is not None and left < 0:
        message = f"{subject} has timed out progressing."
        return set_condition(conditions, condition("Progressing", False, TIMED_OUT, message))
    return conditions


def _progressing(conditions: list[Object], current: Object | None, message: str) -> list[Object]:
    """Progress renews the time of the last update even if nothing else changes: the deadline counts from there."""
    moment = times.time()
    since = current["lastTransitionTime"] if current and current["status"] == "True" else moment
    made = condition("Progressing", True, "ReplicaSetUpdated", message)
    made |= {"lastUpdateTime": moment, "lastTransitionTime": since}
    return [*(each for each in conditions if each["type"] != "Progressing"), made]


def failure(new: Object | None, every: Sequence[Object], conditions: list[Object]) -> list[Object]:
    """The conditions with ReplicaFailure as the new ReplicaSet has it, else as any other."""
    sets = [*([new] if new else []), *every]
    found = next((each for one in sets if (each := _failure_of(one))), None)
    if not found:
        return [each for each in conditions if each["type"] != "ReplicaFailure"]
    return set_condition(conditions, condition("ReplicaFailure", found["status"], found["reason"], found["message"]))


def _failure_of(replica_set: Object) -> Object | None:
    return find((replica_set.get("status") or {}).get("conditions"), "ReplicaFailure")


def pausing(deployment: Object, conditions: list[Object]) -> list[Object]:
    """The conditions with Progressing set aside while paused, and taken up again after."""
    current = find(conditions, "Progressing")
    if not has_deadline(deployment) or (current and current["reason"] == TIMED_OUT):
        return conditions
    paused = bool(deployment["spec"].get("paused"))
    known = current is not None and current["reason"] == PAUSED
    if paused == known:
        return conditions
    reason, message = (PAUSED, "Deployment is paused") if paused else ("DeploymentResumed", "Deployment is resumed")
    return set_condition(conditions, condition("Progressing", "Unknown", reason, message))
