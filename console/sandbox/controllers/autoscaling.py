"""The arithmetic of a HorizontalPodAutoscaler: pure, on numbers only (`pkg/controller/podautoscaler`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.controllers.pod import Pod

TOLERANCE = 0.1
SETTLING = 30.0
"""Seconds for which the CPU of a pod that has just become ready does not count: it is that of its start
(`--horizontal-pod-autoscaler-initial-readiness-delay` of kube-controller-manager)."""
DOWN_WINDOW = 300
_DEFAULT_UP: tuple[Object, ...] = (
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
)
_DEFAULT_DOWN: tuple[Object, ...] = ({"type": "Percent", "value": 100, "periodSeconds": 15},)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a metric says: the replicas it calls for, and the value it found."""

    replicas: int
    utilization: int | None
    average: float


def read(pods: Sequence[Pod], usage: Mapping[str, float], resource: str, target: Object, current: int) -> Reading:
    """The replicas that keep a resource's use at its target.

    Pods that are not ready, or have no figure, count as using nothing when more are called for, and as using all
    they may when fewer are: a missing figure never causes a change by itself.

    Args:
        pods: the workload's active pods.
        usage: what each of them uses, by uid, in base units.
        resource: `cpu` or `memory`.
        target: `averageUtilization` in percent of the request, or `averageValue` as a number in base units.
        current: replicas now.

    Raises:
        ValueError: there are no figures, or a pod has no request to compare with.
    """
    measured = [each for each in pods if each.ready and each.uid in usage]
    if not measured:
        why = f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
        raise ValueError(f"failed to get {resource} utilization: {why}")
    goal = {each.uid: _goal(each, resource, target) for each in pods}
    used = sum(usage[each.uid] for each in measured)
    ratio = used / sum(goal[each.uid] for each in measured)
    rest = [each for each in pods if each not in measured]
    if rest and abs(ratio - 1) > TOLERANCE:
        assumed = 0.0 if ratio > 1 else sum(goal[each.uid] for each in rest)
        whole = (used + assumed) / sum(goal.values())
        ratio = 1.0 if (whole > 1) != (ratio > 1) else whole
    replicas = current if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * len(pods))
    requested = sum(float(each.requests.get(resource, 0)) for each in measured)
    return Reading(replicas, round(100 * used / requested) if requested else None, used / len(measured))


def _goal(pod: Pod, resource: str, target: Object) -> float:
    if "averageUtilization" not in target:
        return float(target["averageValue"])
    requested = float(pod.requests.get(resource, 0))
    if not requested:
        raise ValueError(f"failed to get {resource} utilization: missing request for {resource} in pod {pod.key.name}")
    return requested * float(target["averageUtilization"]) / 100


def settled(pod: Pod, now: datetime, seconds: float) -> bool:
    """Whether a pod has been ready for so many seconds."""
    return bool(pod.ready_since) and (now - times.parse(pod.ready_since)).total_seconds() >= seconds


def rate_limit(rules: Object | None, current: int, changed: Callable[[float], int], *, up: bool) -> int:
    """The number of replicas that the policies of one direction allow now.

    Args:
        rules: `behavior.scaleUp` or `scaleDown`.
        current: replicas now.
        changed: how many were added (up) or removed (down) in the last so many seconds.
        up: the direction.
    """
    given = (rules or {}).get("policies") or (_DEFAULT_UP if up else _DEFAULT_DOWN)
    chosen = (rules or {}).get("selectPolicy", "Max")
    if chosen == "Disabled":
        return current
    sign = 1 if up else -1
    limits: list[int] = []
    for each in given:
        base = current - sign * changed(each["periodSeconds"])
        step = each["value"] if each["type"] == "Pods" else math.ceil(base * each["value"] / 100)
        limits.append(base + sign * step)
    widest = max(limits) if up == (chosen == "Max") else min(limits)
    return max(widest, current) if up else min(max(widest, 0), current)
