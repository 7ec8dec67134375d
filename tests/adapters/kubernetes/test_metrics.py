"""Figures out of text: quantities, usage, and the kubelet's probe counters."""

from decimal import Decimal

import msgspec
import pytest

from console.adapters.kubernetes.metrics import PodMetricsList, parse_probe_counters, quantity, usage_of
from console.engine.ports import ProbeCount
from console.model.workload import ProbeKind, Usage

COUNTERS = """\
# HELP prober_probe_total [STABLE] Cumulative number of a liveness, readiness or startup probe for a container by result.
# TYPE prober_probe_total counter
prober_probe_total{container="web",namespace="todo",pod="web-1",pod_uid="u1",probe_type="Liveness",result="successful"} 12
prober_probe_total{container="web",namespace="todo",pod="web-1",pod_uid="u1",probe_type="Readiness",result="failed"} 3
prober_probe_total{container="web",namespace="todo",pod="web-1",pod_uid="u1",probe_type="Readiness",result="successful"} 1e+01
prober_probe_total{container="web",namespace="other",pod="web-9",pod_uid="u9",probe_type="Startup",result="failed"} 1
prober_probe_total{probe_type="Startup",result="unknown",pod_uid="u2",pod="web-2",namespace="todo",container="a\\"b"} 2
prober_probe_duration_seconds_count{container="web",namespace="todo",pod="web-1",probe_type="Liveness"} 12
"""  # noqa: E501 - one line a figure, as the kubelet writes them


def test_probe_counters_are_those_of_the_namespace():
    assert parse_probe_counters(COUNTERS, "todo") == [
        ProbeCount("u1", "web", ProbeKind.LIVENESS, 12, 0),
        ProbeCount("u1", "web", ProbeKind.READINESS, 10, 3),
        ProbeCount("u2", 'a\\"b', ProbeKind.STARTUP, 0, 0),
    ]


def test_a_kubelet_that_has_probed_nothing_has_no_counters():
    assert parse_probe_counters("", "todo") == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", "0"), ("2", "2"), ("1.5", "1.5"), ("250m", "0.25"), ("1234567n", "0.001234567"), ("5u", "0.000005")),
        *(("1k", "1000"), ("2M", "2000000"), ("1Ki", "1024"), ("1.5Gi", "1610612736"), ("1E", "1e18"), ("2e3", "2000")),
    ],
)
def test_quantities_are_read_as_kubernetes_writes_them(text, number):
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1gi", "--1", "1.2.3"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(text)


def test_a_pod_uses_what_its_containers_use_together():
    containers = [{"usage": {"cpu": "100m", "memory": "10Mi"}}, {"usage": {"cpu": "5000000n", "memory": "1Ki"}}]
    metrics = msgspec.convert({"items": [{"metadata": {"name": "web-1"}, "containers": containers}]}, PodMetricsList)
    assert usage_of(metrics) == {"web-1": Usage(0.105, 10 * 2**20 + 1024)}
