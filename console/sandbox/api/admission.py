"""What is decided about a write beyond the object itself: its namespace, LimitRanges, the service account.

Rules: Kubernetes' admission plugins NamespaceLifecycle, LimitRanger and ServiceAccount.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.sandbox.api import errors, pods, quantity
from console.sandbox.api.resources import Object, Resource

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery

_LIMIT_RANGER = "kubernetes.io/limit-ranger"
_KEPT = ("default", "kube-system", "kube-public")


def namespace(machinery: Machinery, kind: Resource, obj: Object) -> None:
    """The namespace must be there and must not be on its way out.

    Raises:
        StatusError: 404, or 403 with cause NamespaceTerminating.
    """
    if not kind.namespaced:
        return
    name = obj["metadata"]["namespace"]
    if machinery.get("namespaces", "", name)["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        error = errors.forbidden(kind, obj["metadata"]["name"], why)
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        error.details["causes"] = [cause]
        raise error


def deletion(kind: Resource, name: str) -> None:
    """The namespaces that a cluster cannot be without stay.

    Raises:
        StatusError: 403.
    """
    if kind.name == "namespaces" and name in _KEPT:
        raise errors.forbidden(kind, name, "this namespace may not be deleted")


def mutate(machinery: Machinery, kind: Resource, obj: Object) -> None:
    """Adds what the cluster decides: labels of a namespace, a pod's account and limits.

    Raises:
        StatusError: 403, a LimitRange is not kept to, or the service account is not there.
    """
    if kind.name == "namespaces":
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    if kind.name == "pods":
        _service_account(machinery, kind, obj)
        for each in machinery.store.entries("limitranges", obj["metadata"]["namespace"]):
            _limits(kind, obj, each.object)
        obj["status"]["qosClass"] = pods.quality(obj)


def _service_account(machinery: Machinery, kind: Resource, pod: Object) -> None:
    spec, metadata = pod["spec"], pod["metadata"]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    if not machinery.find("serviceaccounts", metadata["namespace"], account):
        why = (
            f'error looking up service account {metadata["namespace"]}/{account}: serviceaccount "{account}" not found'
        )
        raise errors.forbidden(kind, metadata["name"], why)
    spec["serviceAccountName"] = spec["serviceAccount"] = account


def _limits(kind: Resource, pod: Object, limit_range: Object) -> None:
    spec = pod["spec"]
    problems: list[str] = []
    for item in limit_range["spec"].get("limits", ()):
        if item["type"] == "Container":
            for container in pods.containers(spec):
                _annotate(pod, _set_defaults(container, item), container["name"])
                problems += _problems("Container", container.get("resources", {}), item)
        elif item["type"] == "Pod":
            problems += _problems("Pod", pods.resources(pod), item)
    if problems:
        why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise errors.forbidden(kind, pod["metadata"]["name"], why)


def _set_defaults(container: Object, item: Object) -> dict[str, list[str]]:
    """Fills in what the container leaves out; returns what it set, as `request` and `limit`."""
    resources = container.setdefault("resources", {})
    done: dict[str, list[str]] = {}
    for field, source in (("requests", "defaultRequest"), ("limits", "default")):
        for name, amount in (item.get(source) or {}).items():
            if name not in (resources.get(field) or {}):
                resources.setdefault(field, {})[name] = amount
                done.setdefault(field.rstrip("s"), []).append(name)
    return done


def _annotate(pod: Object, done: dict[str, list[str]], container: str) -> None:
    said = "; ".join(f"{', '.join(sorted(names))} {field} for container {container}" for field, names in done.items())
    if said:
        annotations = pod["metadata"].setdefault("annotations", {})
        before = annotations.get(_LIMIT_RANGER)
        annotations[_LIMIT_RANGER] = f"{before}; {said}" if before else f"LimitRanger plugin set: {said}"


def _problems(scope: str, resources: Object, item: Object) -> list[str]:
    found = []
    for name, bound in (item.get("min") or {}).items():
        requested = resources.get("requests", {}).get(name)
        if requested is None:
            found.append(f"minimum {name} usage per {scope} is {bound}.  No request is specified")
        elif quantity.parse(requested) < quantity.parse(bound):
            found.append(f"minimum {name} usage per {scope} is {bound}, but request is {requested}")
    for name, bound in (item.get("max") or {}).items():
        limit = resources.get("limits", {}).get(name)
        if limit is None:
            found.append(f"maximum {name} usage per {scope} is {bound}.  No limit is specified")
        elif quantity.parse(limit) > quantity.parse(bound):
            found.append(f"maximum {name} usage per {scope} is {bound}, but limit is {limit}")
    return found + _ratio_problems(scope, resources, item)


def _ratio_problems(scope: str, resources: Object, item: Object) -> list[str]:
    """How far a limit may be from its request."""
    found = []
    for name, bound in (item.get("maxLimitRequestRatio") or {}).items():
        request, limit = (quantity.parse(resources.get(each, {}).get(name, "0")) for each in ("requests", "limits"))
        head = f"{name} max limit to request ratio per {scope} is {bound}, but"
        if not request:
            found.append(f"{head} no request is specified or request is 0.")
        elif not limit:
            found.append(f"{head} no limit is specified or limit is 0.")
        elif limit / request > quantity.parse(bound):
            found.append(f"{head} provided ratio is {limit / request:.6f}.")
    return found
