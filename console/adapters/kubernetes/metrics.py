"""Figures: the kubelet's probe counters (`/metrics/probes`), and what pods use (metrics.k8s.io).

Counters: kubernetes.io, "Kubernetes Metrics Reference", `prober_probe_total` (stable since 1.26). Quantities:
apimachinery's `resource.Quantity`.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct

from console.engine.ports import ProbeCount
from console.model.workload import ProbeKind, Usage

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(r"([+-]?[0-9.]+)(?:[eE]([+-]?\d+)|([numkMGTPE]i?|Ki)?)")


class _Metadata(Struct):
    name: str


class _Container(Struct):
    usage: dict[str, str]


class _PodMetrics(Struct):
    metadata: _Metadata
    containers: list[_Container]


class PodMetricsList(Struct):
    """What metrics.k8s.io lists for a namespace."""

    items: list[_PodMetrics]


PODS_METRICS = msgspec.json.Decoder(PodMetricsList)


def quantity(text: str) -> Decimal:
    """A quantity like `250m`, `1.5Gi` or `2e3` as a number.

    Raises:
        ValueError: the text is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    try:
        if match is None:
            raise InvalidOperation
        number, exponent, suffix = match.groups()
        return Decimal(number) * (Decimal(10) ** int(exponent) if exponent else _SUFFIXES[suffix or ""])
    except (InvalidOperation, KeyError):
        raise ValueError(f"{text!r} is no quantity") from None


def usage_of(metrics: PodMetricsList) -> dict[str, Usage]:
    """What each pod uses, by pod name: the sum over its containers."""
    return {item.metadata.name: _sum(item.containers) for item in metrics.items}


def _sum(containers: list[_Container]) -> Usage:
    cpu = sum(quantity(each.usage.get("cpu", "0")) for each in containers)
    memory = sum(quantity(each.usage.get("memory", "0")) for each in containers)
    return Usage(float(cpu), int(memory))


def parse_probe_counters(text: str, namespace: str) -> list[ProbeCount]:
    """How often each probe of a namespace's pods succeeded and failed, from the kubelet's Prometheus text."""
    wanted = f'namespace="{namespace}"'
    counts: dict[tuple[str, str, str], dict[str, int]] = {}
    for line in text.splitlines():
        if not line.startswith("prober_probe_total{") or wanted not in line:
            continue
        labels = dict(_LABEL.findall(line))
        key = (labels["pod_uid"], labels["container"], labels["probe_type"].lower())
        counts.setdefault(key, {})[labels["result"]] = int(float(line.rpartition(" ")[2]))
    return [
        ProbeCount(uid, container, ProbeKind(kind), results.get("successful", 0), results.get("failed", 0))
        for (uid, container, kind), results in counts.items()
        if kind in set(ProbeKind)
    ]
