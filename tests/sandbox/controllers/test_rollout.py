"""The arithmetic of a rollout. Expected numbers are those of Kubernetes' own unit tests where there are any."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.sandbox.controllers.rollout import Bounds, Count, new_size, old_sizes, proportional


def deployment(replicas: int, surge: int | str, unavailable: int | str) -> dict[str, Any]:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),  # surge is rounded up, unavailability down
        (3, "25%", "25%", (1, 0)),
        (1, "25%", "25%", (1, 0)),
        (1, 0, "25%", (0, 1)),  # both would be nothing: one may be missing
        (2, 0, 5, (0, 2)),  # no more can be missing than there are
        (0, "25%", "25%", (0, 0)),
        (7, "100%", 1, (7, 1)),
    ],
)
def test_bounds_round_as_kubernetes_does(
    replicas: int, surge: int | str, unavailable: int | str, expected: tuple[int, int]
) -> None:
    bounds = Bounds.of(deployment(replicas, surge, unavailable))
    assert (bounds.surge, bounds.unavailable) == expected


@pytest.mark.parametrize(
    ("replicas", "surge", "old", "new", "expected"),
    [(10, 0, 0, 0, 10), (10, 5, 0, 0, 10), (10, 0, 10, 0, 0), (10, 5, 10, 0, 5), (10, 5, 10, 5, 5), (10, 2, 2, 15, 10)],
)
def test_the_new_replica_set_grows_into_the_room_there_is(
    replicas: int, surge: int, old: int, new: int, expected: int
) -> None:
    """TestDeploymentController_reconcileNewReplicaSet."""
    assert new_size(Bounds(replicas, surge, 0), Count(new, new), old + new) == expected


@pytest.mark.parametrize(
    ("unavailable", "old", "available", "new", "ready", "expected"),
    [
        (0, 10, 10, 0, 0, 10),
        (2, 10, 10, 0, 0, 8),
        (2, 10, 8, 0, 0, 8),  # those that do not work anyway go first
        (2, 10, 0, 0, 0, 8),
        (2, 8, 8, 2, 0, 8),
        (2, 8, 8, 2, 2, 6),
    ],
)
def test_old_replica_sets_shrink_as_far_as_enough_stay_available(
    unavailable: int, old: int, available: int, new: int, ready: int, expected: int
) -> None:
    """TestDeploymentController_reconcileOldReplicaSets."""
    assert old_sizes(Bounds(10, 0, unavailable), Count(new, ready), [Count(old, available)]) == [expected]


def test_broken_pods_of_every_old_replica_set_go_before_working_ones() -> None:
    """TestDeploymentController_cleanupUnhealthyReplicas: up to as many as may go at all."""
    assert old_sizes(Bounds(10, 3, 2), Count(0, 0), [Count(4, 4), Count(6, 2)]) == [4, 4]


@given(
    replicas=st.integers(1, 30),
    surge=st.integers(0, 10),
    unavailable=st.integers(0, 10),
    unready=st.lists(st.booleans(), min_size=200, max_size=200),
)
def test_a_rollout_ends_and_never_leaves_its_bounds(
    replicas: int, surge: int, unavailable: int, unready: list[bool]
) -> None:
    """Whatever order pods get ready in."""
    bounds = Bounds.of(deployment(replicas, surge, unavailable))
    new, available, old = 0, 0, replicas
    for wait in unready:
        size = new_size(bounds, Count(new, available), new + old)
        if size != new:
            new = size
        else:
            [old] = old_sizes(bounds, Count(new, available), [Count(old, old)])
        assert new + old <= replicas + bounds.surge
        assert available + old >= replicas - bounds.unavailable
        if available < new and not wait:
            available += 1
    while (new, available, old) != (replicas, replicas, 0):
        before = (new, available, old)
        new = new_size(bounds, Count(new, available), new + old)
        [old] = old_sizes(bounds, Count(new, available), [Count(old, old)])
        available = new
        assert (new, available, old) != before, "it got stuck"


@pytest.mark.parametrize(
    ("replicas", "surge", "sizes", "before", "expected"),
    [
        (12, 0, [5, 5], 10, [6, 6]),
        (6, 0, [5, 5], 10, [3, 3]),
        (5, 0, [3, 3, 3], 10, [1, 2, 2]),  # one after the other, until enough are gone
        (0, 0, [5, 5], 10, [0, 0]),
        (20, 3, [10, 2], 13, [19, 4]),
    ],
)
def test_a_change_of_scale_is_shared_in_proportion(
    replicas: int, surge: int, sizes: list[int], before: int, expected: list[int]
) -> None:
    result = proportional(Bounds(replicas, surge, 0), sizes, [before] * len(sizes))
    assert sum(result) == (replicas + surge if replicas else 0)
    assert result == expected


@given(
    replicas=st.integers(0, 50), surge=st.integers(0, 10), sizes=st.lists(st.integers(1, 20), min_size=2, max_size=5)
)
def test_shares_always_add_up_and_are_never_negative(replicas: int, surge: int, sizes: list[int]) -> None:
    ordered = sorted(sizes, reverse=True)
    result = proportional(Bounds(replicas, surge, 0), ordered, [sum(sizes)] * len(sizes))
    assert min(result) >= 0
    assert sum(result) == (replicas + surge if replicas else 0)
