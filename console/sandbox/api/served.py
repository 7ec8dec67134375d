"""The kinds as the API serves them: all that are stored, and other forms of the same objects.

Views are `events.k8s.io/v1` Events and `autoscaling/v1` autoscalers: read and written through a translation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.sandbox.api.errors import no_such_path
from console.sandbox.api.resources import RESOURCES, Object, Resource
from console.sandbox.store import Change, Entry, encode

Translate = Callable[[Object], Object]


@dataclass(frozen=True, slots=True)
class View:
    """Another form of a stored kind: how an object gets into it (`outward`) and out of it (`inward`)."""

    kind: Resource
    outward: Translate
    inward: Translate


# -- events.k8s.io/v1

_EVENT_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}


def _renamed(names: dict[str, str]) -> Translate:
    return lambda obj: {names.get(key, key): value for key, value in obj.items()}


# -- autoscaling/v1


def _to_old_autoscaler(obj: Object) -> Object:
    spec, status = dict(obj["spec"]), dict(obj.get("status") or {})
    for metric in spec.pop("metrics", None) or ():
        target = _cpu(metric).get("target", {})
        if "averageUtilization" in target:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
    for metric in status.pop("currentMetrics", None) or ():
        current = _cpu(metric).get("current", {})
        if "averageUtilization" in current:
            status["currentCPUUtilizationPercentage"] = current["averageUtilization"]
    spec.pop("behavior", None)
    status.pop("conditions", None)
    return obj | {"spec": spec, "status": status}


def _cpu(metric: Object) -> Object:
    resource: Object = metric.get("resource") or {}
    return resource if resource.get("name") == "cpu" else {}


def _from_old_autoscaler(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    percentage = spec.pop("targetCPUUtilizationPercentage", None)
    if percentage is not None:
        target = {"type": "Utilization", "averageUtilization": percentage}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return obj | {"spec": spec}


_VIEWS = (
    View(
        Resource("events", "Event", "events.k8s.io", short=("ev",)),
        _renamed(_EVENT_NAMES),
        _renamed({new: old for old, new in _EVENT_NAMES.items()}),
    ),
    View(
        Resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", short=("hpa",), all=True),
        _to_old_autoscaler,
        _from_old_autoscaler,
    ),
)
_BY_KIND = {each.kind: each for each in _VIEWS}
_BY_PATH = {(each.group, each.version, each.name): each for each in (*RESOURCES.values(), *_BY_KIND)}


def find(group: str, version: str, resource: str) -> Resource:
    """The kind behind a path.

    Raises:
        StatusError: 404, there is none.
    """
    found = _BY_PATH.get((group, version, resource))
    if not found:
        raise no_such_path()
    return found


def everything() -> list[Resource]:
    """Every kind that is served."""
    return list(_BY_PATH.values())


def outward(kind: Resource, obj: Object) -> Object:
    """A stored object in the form of the kind that was asked for."""
    if kind not in _BY_KIND:
        return obj
    return _BY_KIND[kind].outward(obj) | {"apiVersion": kind.api_version}


def inward(kind: Resource, obj: Object) -> Object:
    """An object as the client sent it, in the form that is stored."""
    if kind not in _BY_KIND:
        return obj
    return _BY_KIND[kind].inward(obj) | {"apiVersion": RESOURCES[kind.name].api_version}


def body(kind: Resource, entry: Entry) -> bytes:
    """A stored object's JSON; without decoding it where the stored form is the one asked for."""
    return encode(outward(kind, entry.object)) if kind in _BY_KIND else entry.raw


def item(kind: Resource, entry: Entry) -> bytes:
    """The same without kind and apiVersion, as the items of a list are. The store writes these two first."""
    head = len(encode({"apiVersion": kind.api_version, "kind": kind.kind})) - 1
    return b"{" + body(kind, entry)[head + 1 :]


def change(kind: Resource, one: Change) -> Object:
    """The object of a change, in the form of the kind that was asked for."""
    return outward(kind, one.object)
