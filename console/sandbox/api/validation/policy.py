"""Rules for autoscalers, disruption budgets, quotas, limits, roles (`pkg/apis/*/validation`)."""

from __future__ import annotations

from collections.abc import Iterator

from console.sandbox.api import quantity
from console.sandbox.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from console.sandbox.api.resources import Object
from console.sandbox.api.validation.metadata import selector
from console.sandbox.api.validation.workloads import int_or_percent

_BUDGET = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")


def autoscaler(obj: Object) -> Iterator[FieldError]:
    """A HorizontalPodAutoscaler."""
    spec = obj["spec"]
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if low < 1:
        yield invalid("spec.minReplicas", low, "must be greater than or equal to 1")
    if high < 1:
        yield invalid("spec.maxReplicas", high, "must be greater than 0")
    if high < low:
        yield invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for field in ("kind", "name"):
        if not target.get(field):
            yield required(f"spec.scaleTargetRef.{field}")
    if not target.get("apiVersion"):
        yield invalid("spec.scaleTargetRef.apiVersion", "", "apiVersion must specify API group")
    for number, metric in enumerate(spec.get("metrics") or ()):
        yield from _metric(metric, f"spec.metrics[{number}]")


def _metric(metric: Object, path: str) -> Iterator[FieldError]:
    known = ("ContainerResource", "External", "Object", "Pods", "Resource")
    kind = metric.get("type")
    if not kind:
        yield required(f"{path}.type", "must specify a metric source type")
    elif kind not in known:
        yield unsupported(f"{path}.type", kind, known)
    elif kind == "Resource":
        yield from _resource_metric(metric.get("resource"), f"{path}.resource")


def _resource_metric(source: Object | None, path: str) -> Iterator[FieldError]:
    if source is None:
        yield required(path, "must populate information for the given metric source")
        return
    if not source.get("name"):
        yield required(f"{path}.name", "must specify a resource name")
    target = source.get("target") or {}
    given = [each for each in ("averageUtilization", "averageValue") if target.get(each) is not None]
    if not given:
        why = "must set either a target raw value or a target utilization"
        yield required(f"{path}.target.averageUtilization", why)
    if len(given) > 1:
        yield forbidden_field(
            f"{path}.target.averageValue", "may not set both a target raw value and a target utilization"
        )
    if "averageUtilization" in given and target["averageUtilization"] < 1:
        yield invalid(f"{path}.target.averageUtilization", target["averageUtilization"], "must be greater than 0")


def disruption_budget(obj: Object) -> Iterator[FieldError]:
    """A PodDisruptionBudget."""
    spec = obj.get("spec") or {}
    given = [each for each in ("minAvailable", "maxUnavailable") if spec.get(each) is not None]
    if len(given) > 1:
        shown = {name[0].upper() + name[1:]: spec.get(name) for name in _BUDGET}
        yield invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for field in given:
        yield from int_or_percent(spec[field], f"spec.{field}")
    yield from selector(spec.get("selector"), "spec.selector")


def quota(obj: Object) -> Iterator[FieldError]:
    """A ResourceQuota."""
    for name, amount in ((obj.get("spec") or {}).get("hard") or {}).items():
        if quantity.parse(amount) < 0:
            yield invalid(f"spec.hard[{name}]", amount, "must be greater than or equal to 0")


_BOUNDS = (
    ("min", "max", "min", "min"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest"),
    ("min", "default", "default", "min"),
    ("default", "max", "default", "max"),
)
"""Of two fields the lower and the higher, the one that an error names, and the one whose value it shows."""

_BOUND_NAMES = {"min": "min", "max": "max", "default": "default", "defaultRequest": "default request"}


def limit_range(obj: Object) -> Iterator[FieldError]:
    """A LimitRange: its bounds and defaults must not contradict each other."""
    for number, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        for low, high, field, shown in _BOUNDS:
            for name, amount in (item.get(low) or {}).items():
                limit = (item.get(high) or {}).get(name)
                if limit is not None and quantity.parse(amount) > quantity.parse(limit):
                    why = f"{_BOUND_NAMES[low]} value {amount} is greater than {_BOUND_NAMES[high]} value {limit}"
                    yield invalid(f"spec.limits[{number}].{field}[{name}]", item[shown][name], why)


def event(obj: Object) -> Iterator[FieldError]:
    """An Event: it lies beside what it is about; what has no namespace is told of in `default`."""
    about, place = (obj.get("involvedObject") or {}).get("namespace", ""), obj["metadata"].get("namespace", "")
    if about != place and not (about == "" and place in ("default", "kube-system")):
        yield invalid("involvedObject.namespace", about, "does not match event.namespace")


def lease(obj: Object) -> Iterator[FieldError]:
    """A Lease."""
    spec = obj.get("spec") or {}
    if (seconds := spec.get("leaseDurationSeconds")) is not None and seconds <= 0:
        yield invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if (transitions := spec.get("leaseTransitions")) is not None and transitions < 0:
        yield invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0")


def role(obj: Object) -> Iterator[FieldError]:
    """A Role or ClusterRole."""
    for number, rule in enumerate(obj.get("rules") or ()):
        path = f"rules[{number}]"
        if not rule.get("verbs"):
            yield required(f"{path}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            if obj["kind"] == "Role":
                why = "namespaced rules cannot apply to non-resource URLs"
                yield invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], why)
            continue
        if not rule.get("apiGroups"):
            yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{path}.resources", "resource rules must supply at least one resource")


def binding(obj: Object) -> Iterator[FieldError]:
    """A RoleBinding or ClusterRoleBinding."""
    reference = obj.get("roleRef") or {}
    kinds = ("ClusterRole",) if obj["kind"] == "ClusterRoleBinding" else ("ClusterRole", "Role")
    if reference.get("kind") not in kinds:
        yield unsupported("roleRef.kind", reference.get("kind", ""), kinds)
    if not reference.get("name"):
        yield required("roleRef.name")
    for number, subject in enumerate(obj.get("subjects") or ()):
        path = f"subjects[{number}]"
        if not subject.get("name"):
            yield required(f"{path}.name")
        if subject.get("kind") not in ("Group", "ServiceAccount", "User"):
            yield unsupported(f"{path}.kind", subject.get("kind", ""), ("Group", "ServiceAccount", "User"))
        elif (
            subject["kind"] == "ServiceAccount" and obj["kind"] == "ClusterRoleBinding" and not subject.get("namespace")
        ):
            yield required(f"{path}.namespace")


def binding_update(new: Object, old: Object) -> Iterator[FieldError]:
    """What a binding refers to never changes."""
    if new.get("roleRef") != old.get("roleRef"):
        yield invalid("roleRef", new.get("roleRef"), "cannot change roleRef")
