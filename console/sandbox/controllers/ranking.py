"""Which pods go first when a ReplicaSet gets smaller (`controller.ActivePodsWithRanks` in `pkg/controller`)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from console.sandbox.api import times
from console.sandbox.controllers.pod import Pod

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def to_delete(pods: Sequence[Pod], related: Iterable[Pod], count: int, now: datetime) -> list[Pod]:
    """The `count` pods whose loss costs least.

    In order: those without a node, then pending, not ready, of low deletion cost, on nodes with many related pods,
    ready for a short time, restarted often, young.

    Args:
        pods: the ReplicaSet's active pods.
        related: the active pods of all ReplicaSets of the same owner.
        count: how many are to go.
        now: ages are compared on a logarithmic scale from here, so that nearly equal ones go at random (by uid).
    """
    crowds = Counter(each.node for each in related if each.node)
    return sorted(pods, key=lambda pod: _cost(pod, crowds, now))[:count]


def _cost(pod: Pod, crowds: Counter[str], now: datetime) -> tuple[Any, ...]:
    return (
        bool(pod.node),
        _PHASES.get(pod.phase, 2),
        pod.ready,
        pod.deletion_cost,
        -crowds[pod.node],
        _magnitude(pod.ready_since, now),
        -pod.restarts,
        _magnitude(pod.created, now),
        pod.uid,
    )


def _magnitude(since: str, now: datetime) -> int:
    """The age in powers of two; an unknown one counts as none at all, which goes first."""
    seconds = (now - times.parse(since)).total_seconds() if since else 0
    return int(math.log2(seconds)) + 1 if seconds >= 1 else 0
