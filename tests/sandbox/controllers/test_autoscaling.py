"""The arithmetic of autoscaling; numbers from Kubernetes' own tests where there are any."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from console.sandbox.controllers.autoscaling import rate_limit, read, settled
from console.sandbox.controllers.pod import Pod
from tests.sandbox.controllers.test_fit import pod

TARGET = {"averageUtilization": 50}


def pods(ready: int, unready: int = 0, request: str = "1") -> list[Pod]:
    made = [replace(pod(), uid=str(index), requests={"cpu": Decimal(request)}) for index in range(ready + unready)]
    return [replace(each, ready=index < ready) for index, each in enumerate(made)]


def usage(*cores: float) -> dict[str, float]:
    return {str(index): each for index, each in enumerate(cores)}


@pytest.mark.parametrize(
    ("used", "replicas", "utilization"),
    [((0.5, 0.5), 2, 50), ((0.54, 0.54), 2, 54), ((1, 1), 4, 100), ((0.1, 0.1), 1, 10), ((0.56, 0.56), 3, 56)],
)
def test_the_size_follows_the_use_beyond_a_tolerance(used: tuple[float, ...], replicas: int, utilization: int) -> None:
    reading = read(pods(2), usage(*used), "cpu", TARGET, 2)
    assert (reading.replicas, reading.utilization) == (replicas, utilization)


def test_the_use_of_a_start_does_not_count() -> None:
    started = replace(pod(), ready=True, ready_since="2026-01-31T12:00:00Z")
    assert not settled(started, datetime(2026, 1, 31, 12, 0, 29, tzinfo=UTC), 30)
    assert settled(started, datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC), 30)
    assert not settled(replace(started, ready_since=""), datetime(2026, 1, 31, 13, tzinfo=UTC), 0)


def test_pods_without_figures_dampen_and_never_turn_the_direction() -> None:
    up = read(pods(2, 1), usage(1.0, 1.0), "cpu", TARGET, 3)
    assert up.replicas == 4, "2 cores over 3 pods at half a core each, not 6"
    turned = read(pods(1, 3), usage(0.6), "cpu", TARGET, 4)
    assert turned.replicas == 4
    down = read(pods(3), usage(0.1, 0.1), "cpu", TARGET, 3)
    assert down.replicas == 2, "the third counts as using all that is aimed at"


def test_an_average_value_needs_no_request() -> None:
    reading = read(pods(2, request="0"), usage(0.4, 0.4), "cpu", {"averageValue": Decimal("0.2")}, 2)
    assert (reading.replicas, reading.utilization) == (4, None)


def test_what_cannot_be_computed_is_said() -> None:
    with pytest.raises(ValueError, match="no metrics returned from resource metrics API"):
        read(pods(1), {}, "cpu", TARGET, 1)
    with pytest.raises(ValueError, match="missing request for cpu in pod p"):
        read(pods(1, request="0"), usage(1), "cpu", TARGET, 1)


def test_policies_limit_the_change_within_their_period() -> None:
    assert rate_limit(None, 1, lambda seconds: 0, up=True) == 5, "by default the double, or four more"
    assert rate_limit(None, 10, lambda seconds: 0, up=True) == 20
    assert rate_limit(None, 10, lambda seconds: 0, up=False) == 0
    rules = {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}
    assert rate_limit(rules, 10, lambda seconds: 0, up=True) == 12
    assert rate_limit(rules, 12, lambda seconds: 2, up=True) == 12, "the two of this period were added already"
    assert rate_limit(rules, 10, lambda seconds: 0, up=False) == 8
    both = {
        "selectPolicy": "Min",
        "policies": [*rules["policies"], {"type": "Percent", "value": 100, "periodSeconds": 60}],
    }
    assert rate_limit(both, 10, lambda seconds: 0, up=True) == 12
    assert rate_limit({"selectPolicy": "Disabled"}, 10, lambda seconds: 0, up=False) == 10
