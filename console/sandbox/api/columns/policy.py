"""Cells of nodes, events, configuration, limits and rights."""

from __future__ import annotations

from collections.abc import Iterable

from console.sandbox.api.columns.cells import NONE, Row, age_of, name_of, spec_of, status_of
from console.sandbox.api.durations import age
from console.sandbox.api.resources import Object


def node(obj: Object) -> Row:
    """A Node."""
    status, info = status_of(obj), status_of(obj).get("nodeInfo", {})
    ready = next((each["status"] for each in status.get("conditions", ()) if each["type"] == "Ready"), None)
    state = {"True": "Ready", None: "Unknown"}.get(ready, "NotReady")
    state += ",SchedulingDisabled" if spec_of(obj).get("unschedulable") else ""
    addresses = {each["type"]: each["address"] for each in status.get("addresses", ())}
    wide = [addresses.get(each, NONE) for each in ("InternalIP", "ExternalIP")]
    system = [info.get(each) or "<unknown>" for each in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    return [name_of(obj), state, _roles(obj), age_of(obj), info.get("kubeletVersion", ""), *wide, *system]


def _roles(obj: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    roles = {each.removeprefix(prefix) for each in obj["metadata"].get("labels", ()) if each.startswith(prefix)}
    return ",".join(sorted(roles)) or NONE


def event(obj: Object) -> Row:
    """An Event."""
    about, series = obj.get("involvedObject", {}), obj.get("series") or {}
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"))
    last = (
        age(series.get("lastObservedTime") or obj.get("lastTimestamp")) if series or obj.get("lastTimestamp") else first
    )
    target = "/".join(filter(None, (about.get("kind", "").lower(), about.get("name"))))
    source = obj.get("source") or {}
    reporter = ", ".join(filter(None, (source.get("component"), source.get("host")))) or obj.get(
        "reportingComponent", ""
    )
    count = series.get("count") or obj.get("count") or 1
    head = [last, obj.get("type", ""), obj.get("reason", ""), target, about.get("fieldPath", ""), reporter]
    return [*head, obj.get("message", "").strip(), first, count, name_of(obj)]


def secret(obj: Object) -> Row:
    """A Secret."""
    return [name_of(obj), obj.get("type", ""), len(obj.get("data") or {}), age_of(obj)]


def config_map(obj: Object) -> Row:
    """A ConfigMap."""
    return [name_of(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), age_of(obj)]


def autoscaler(obj: Object) -> Row:
    """A HorizontalPodAutoscaler."""
    spec, target = spec_of(obj), spec_of(obj).get("scaleTargetRef", {})
    metrics = [_metric(each, obj) for each in spec.get("metrics") or ()]
    shown = ", ".join(metrics[:2]) + (f" + {len(metrics) - 2} more..." if len(metrics) > 2 else "")
    bounds = [
        str(spec.get("minReplicas", "<unset>")),
        spec.get("maxReplicas"),
        status_of(obj).get("currentReplicas", 0),
    ]
    return [name_of(obj), f"{target.get('kind')}/{target.get('name')}", shown or NONE, *bounds, age_of(obj)]


def _metric(metric: Object, obj: Object) -> str:
    if metric.get("type") != "Resource":
        return "<unknown>"
    name, target = metric["resource"]["name"], metric["resource"].get("target", {})
    current: Object = {}
    for each in status_of(obj).get("currentMetrics") or ():
        if each.get("resource", {}).get("name") == name:
            current = each["resource"].get("current", {})
    if "averageValue" in target:
        return f"{name}: {current.get('averageValue', '<unknown>')}/{target['averageValue']}"
    now = f"{current['averageUtilization']}%" if "averageUtilization" in current else "<unknown>"
    wanted = f"{target['averageUtilization']}%" if "averageUtilization" in target else "<auto>"
    return f"{name}: {now}/{wanted}"


def disruption_budget(obj: Object) -> Row:
    """A PodDisruptionBudget."""
    spec = spec_of(obj)
    bounds = [str(spec.get(each, "N/A")) for each in ("minAvailable", "maxUnavailable")]
    return [name_of(obj), *bounds, status_of(obj).get("disruptionsAllowed", 0), age_of(obj)]


def binding(obj: Object) -> Row:
    """A RoleBinding or ClusterRoleBinding."""
    role = obj["roleRef"]
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for each in obj.get("subjects") or ():
        name = f"{each.get('namespace')}/{each['name']}" if each["kind"] == "ServiceAccount" else each["name"]
        subjects.setdefault(each["kind"], []).append(name)
    return [
        name_of(obj),
        f"{role['kind']}/{role['name']}",
        age_of(obj),
        *(", ".join(each) for each in subjects.values()),
    ]


def role(obj: Object) -> Row:
    """A Role or ClusterRole."""
    return [name_of(obj), obj["metadata"].get("creationTimestamp")]


def lease(obj: Object) -> Row:
    """A Lease."""
    return [name_of(obj), spec_of(obj).get("holderIdentity", ""), age_of(obj)]


def quota(obj: Object) -> Row:
    """A ResourceQuota."""
    hard, used = status_of(obj).get("hard", {}), status_of(obj).get("used", {})

    def show(names: Iterable[str]) -> str:
        return ", ".join(f"{each}: {used.get(each, '0')}/{hard[each]}" for each in sorted(names))

    limits = {each for each in hard if each.startswith("limits.")}
    return [name_of(obj), show(set(hard) - limits), show(limits), age_of(obj)]


def limit_range(obj: Object) -> Row:
    """A LimitRange."""
    return [name_of(obj), obj["metadata"].get("creationTimestamp")]


def revision(obj: Object) -> Row:
    """A ControllerRevision."""
    owner = next((each for each in obj["metadata"].get("ownerReferences", ()) if each.get("controller")), None)
    named = f"{owner['kind'].lower()}.{owner['apiVersion'].partition('/')[0]}/{owner['name']}" if owner else NONE
    return [name_of(obj), named, obj.get("revision"), age_of(obj)]
