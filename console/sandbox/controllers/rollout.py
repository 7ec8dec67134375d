"""The arithmetic of a Deployment's rollout: pure, on numbers only.

Rules: `pkg/controller/deployment/util/deployment_util.go` and `rolling.go`, in their order of steps and rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from console.sandbox.api.resources import Object


def resolve(value: int | str, total: int, *, up: bool) -> int:
    """A count, or a percentage of `total` rounded up or down."""
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a rollout may go beyond and below the wanted number of pods.

    Attributes:
        replicas: how many pods are wanted.
        surge: how many more there may be for a while.
        unavailable: how many of them may be missing for a while.
    """

    replicas: int
    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: Object) -> Bounds:
        """From a Deployment's strategy. Recreate has neither surge nor allowance."""
        spec = deployment["spec"]
        replicas = spec.get("replicas", 1)
        if spec["strategy"]["type"] != "RollingUpdate":
            return cls(replicas, 0, 0)
        rolling = spec["strategy"].get("rollingUpdate") or {}
        surge = resolve(rolling.get("maxSurge", "25%"), replicas, up=True)
        unavailable = resolve(rolling.get("maxUnavailable", "25%"), replicas, up=False)
        if surge == unavailable == 0:
            unavailable = 1  # a percentage of few pods may round to nothing, which would never get anywhere
        return cls(replicas, surge, min(unavailable, replicas))

    @property
    def most(self) -> int:
        """No more pods than this at any time; 0 when none are wanted."""
        return self.replicas + self.surge if self.replicas else 0

    @property
    def least(self) -> int:
        """No fewer available pods than this at any time."""
        return self.replicas - self.unavailable


@dataclass(frozen=True, slots=True)
class Count:
    """One ReplicaSet in numbers: the pods it is to have, and those that are available."""

    wanted: int
    available: int


def new_size(bounds: Bounds, new: Count, total: int) -> int:
    """The size of the new ReplicaSet in the next step of a rolling update; `total` is what all of them are to have."""
    if new.wanted >= bounds.replicas:
        return bounds.replicas
    room = bounds.most - total
    return new.wanted + min(max(room, 0), bounds.replicas - new.wanted)


def old_sizes(bounds: Bounds, new: Count, old: Sequence[Count]) -> list[int]:
    """The sizes of the old ReplicaSets (oldest first) in the next step of a rolling update.

    First pods that are not available anyway are given up, then available ones as far as the bounds allow.
    """
    sizes = [each.wanted for each in old]
    removable = sum(sizes) + new.wanted - bounds.least - (new.wanted - new.available)
    if not sum(sizes) or removable <= 0:
        return sizes
    for index, each in enumerate(old):
        broken = min(removable, max(sizes[index] - each.available, 0))
        sizes[index] -= broken
        removable -= broken
    spare = new.available + sum(each.available for each in old) - bounds.least
    for index, size in enumerate(sizes):
        gone = min(size, max(spare, 0))
        sizes[index] -= gone
        spare -= gone
    return sizes


def proportional(bounds: Bounds, sizes: Sequence[int], largest_before: Sequence[int]) -> list[int]:
    """Spreads a change of the wanted number over several active ReplicaSets, larger ones first.

    Args:
        bounds: of the new number.
        sizes: of the ReplicaSets, the one that leftovers go to first.
        largest_before: for each, the most pods there were allowed to be when it was last scaled.
    """
    to_add = bounds.most - sum(sizes)
    added, result = 0, []
    for size, before in zip(sizes, largest_before, strict=True):
        share = _share(bounds, size, before)
        left = to_add - added
        change = 0 if not size or not left else min(share, left) if to_add > 0 else max(share, left)
        result.append(size + change)
        added += change
    if result and to_add:
        result[0] = max(result[0] + to_add - added, 0)
    return result


def _share(bounds: Bounds, size: int, before: int) -> int:
    if not bounds.replicas:
        return -size
    return _round(size * (bounds.replicas + bounds.surge) / (before or 1)) - size


def _round(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
