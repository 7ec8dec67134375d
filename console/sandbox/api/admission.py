"""What is decided about a write beyond the object itself: its namespace, LimitRanges, the service account.

Rules: Kubernetes' admission plugins NamespaceLifecycle, LimitRanger and ServiceAccount.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.sandbox.api import errors, pods, quantity
from console.sandbox.api.resources import Object, Resource

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery

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
                _set_defaults(container, item)
                problems += _problems("Container", container.get("resources", {}), item)
        elif item["type"] == "Pod":
            problems += _problems("Pod", pods.resources(pod), item)
    if problems:
        why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise errors.forbidden(kind, pod["metadata"]["name"], why)


def _set_defaults(container: Object, item: Object) -> None:
    resources = container.setdefault("resources", {})
    for field, source in (("limits", "default"), ("requests", "defaultRequest")):
        for name, amount in (item.get(source) or {}).items():
            resources.setdefault(field, {}).setdefault(name, amount)


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
    return found
