"""Where the pods of a workload are described: the template in every kind that makes pods, and its containers."""

from __future__ import annotations

from collections.abc import Iterator

from console.model.stack import JSON

_TEMPLATE = ("spec", "template")
_TEMPLATES = {
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "ReplicationController": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Pod"})
"""Kinds that become ready; a CronJob never is, it only starts Jobs."""


def pod_template(body: JSON) -> JSON | None:
    """The pod template inside of an object, the very dictionary; None for kinds without one (a Pod has none)."""
    found: object = body
    if body.get("kind") not in _TEMPLATES:
        return None
    for key in _TEMPLATES[body["kind"]]:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def pod_spec(body: JSON) -> JSON | None:
    """The pod spec inside of an object, a Pod's own included."""
    holder = body if body.get("kind") == "Pod" else pod_template(body)
    spec = holder.get("spec") if holder else None
    return spec if isinstance(spec, dict) else None


def containers(spec: JSON) -> Iterator[JSON]:
    """Every container of a pod spec, those that initialise first."""
    for key in ("initContainers", "containers"):
        yield from spec.get(key) or ()
