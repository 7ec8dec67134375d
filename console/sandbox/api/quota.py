"""ResourceQuotas: what a namespace may hold, refused beyond it, and counted exactly.

Rules and texts: `k8s.io/apiserver/pkg/admission/plugin/resourcequota` and `k8s.io/kubernetes/pkg/quota/v1`.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from console.sandbox.api import errors, pods, quantity
from console.sandbox.api.resources import RESOURCES, Object, Resource

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery

_CORE_COUNTS = {"configmaps", "pods", "resourcequotas", "secrets", "services"}
Amounts = Counter[str]


class Quotas:
    """Keeps `status.used` of every quota right, write by write, and refuses what would exceed one.

    Args:
        machinery: where the quotas and the counted objects are.
    """

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery
        for entry in machinery.store.entries("resourcequotas"):
            self._recount(entry.object)

    def _of(self, namespace: str) -> list[Object]:
        return [each.object for each in self._machinery.store.entries("resourcequotas", namespace)]

    def admit(self, kind: Resource, new: Object, old: Object | None) -> None:
        """Refuses a write that would take a quota's use beyond its limit.

        Raises:
            StatusError: 403 `exceeded quota: ...`, or `failed quota: ... must specify ...`.
        """
        for quota in self._of(new["metadata"].get("namespace", "")) if kind.namespaced else ():
            hard = quota["spec"].get("hard", {})
            if old is None:
                _check_specified(kind, new, quota)
            delta = _difference(quota, kind.name, new, old)
            used = quota.get("status", {}).get("used", {})
            over = [
                name for name in sorted(delta) if name in hard and delta[name] > 0 and _beyond(used, hard, name, delta)
            ]
            if over:
                raise errors.forbidden(kind, new["metadata"]["name"], _exceeded(quota, over, delta, used, hard))

    def account(self, resource: str, new: Object | None, old: Object | None) -> None:
        """Takes a write that has happened into the counts. An object with neither side changed costs nothing."""
        obj = new or old
        if obj is None or not RESOURCES[resource].namespaced:
            return
        if resource == "resourcequotas" and new and (old is None or old["spec"] != new["spec"]):
            self._recount(new)
            new = old = None
        for quota in self._of(obj["metadata"]["namespace"]):
            delta = _difference(quota, resource, new, old)
            if any(delta.values()):
                used = _amounts(quota.get("status", {}).get("used", {}))
                self._set_used(quota, used + delta if all(v >= 0 for v in delta.values()) else _sum(used, delta))

    def _recount(self, quota: Object) -> None:
        namespace = quota["metadata"]["namespace"]
        used: Amounts = Counter()
        for resource in {_counted(name) for name in quota["spec"].get("hard", {})} - {""}:
            for entry in self._machinery.store.entries(resource, namespace):
                used = _sum(used, _contribution(quota, resource, entry.object))
        self._set_used(quota, used)

    def _set_used(self, quota: Object, used: Amounts) -> None:
        hard = quota["spec"].get("hard", {})
        texts = {name: quantity.text(max(Decimal(used[name]), Decimal(0)), str(hard[name])) for name in hard}
        metadata = quota["metadata"]

        def change(current: Object) -> None:
            current["status"] = {"hard": hard, "used": texts}

        if self._machinery.find("resourcequotas", metadata["namespace"], metadata["name"]):
            self._machinery.mutate(
                "resourcequotas", metadata["namespace"], metadata["name"], change, subresource="status"
            )


def _sum(left: Amounts, right: Amounts) -> Amounts:
    return Counter({name: left[name] + right[name] for name in left.keys() | right.keys()})


def _amounts(texts: dict[str, str]) -> Amounts:
    return Counter({name: quantity.parse(each) for name, each in texts.items()})


def _beyond(used: Object, hard: Object, name: str, delta: Amounts) -> bool:
    return quantity.parse(used.get(name, "0")) + Decimal(delta[name]) > quantity.parse(hard[name])


def _exceeded(quota: Object, over: list[str], delta: Amounts, used: Object, hard: Object) -> str:
    asked = ",".join(f"{each}={quantity.text(Decimal(delta[each]), str(hard[each]))}" for each in over)
    now = ",".join(f"{each}={used.get(each, '0')}" for each in over)
    limited = ",".join(f"{each}={hard[each]}" for each in over)
    return f"exceeded quota: {quota['metadata']['name']}, requested: {asked}, used: {now}, limited: {limited}"


def _check_specified(kind: Resource, pod: Object, quota: Object) -> None:
    """A quota on a compute resource makes every container name its request or limit."""
    if kind.name != "pods" or not _in_scope(quota, pod):
        return
    names = [name for name in sorted(quota["spec"].get("hard", {})) if _compute(name)]
    lacking = []
    for name in names:
        field, resource = _compute(name) or ("", "")
        without = [
            each["name"]
            for each in pod["spec"].get("containers", ())
            if resource not in (each.get("resources", {}).get(field) or {})
        ]
        lacking += [f"{name} for: {','.join(without)}"] if without else []
    if lacking:
        why = f"failed quota: {quota['metadata']['name']}: must specify {'; '.join(lacking)}"
        raise errors.forbidden(kind, pod["metadata"]["name"], why)


def _compute(name: str) -> tuple[str, str] | None:
    """`requests.cpu` and `cpu` -> (requests, cpu); None for what is not a pod's compute resource."""
    if name in ("cpu", "memory", "ephemeral-storage"):
        return "requests", name
    field, _, resource = name.partition(".")
    return (field, resource) if field in ("requests", "limits") and resource != "storage" else None


def _counted(name: str) -> str:
    """The resource whose objects a hard limit counts."""
    if _compute(name) or name == "pods":
        return "pods"
    if name.startswith("count/"):
        qualified = name.removeprefix("count/")
        return next((each.name for each in RESOURCES.values() if each.qualified == qualified), "")
    return "services" if name.startswith("services.") else name if name in _CORE_COUNTS else ""


def _difference(quota: Object, resource: str, new: Object | None, old: Object | None) -> Amounts:
    after = _contribution(quota, resource, new) if new else Counter()
    before = _contribution(quota, resource, old) if old else Counter()
    return Counter({name: after[name] - before[name] for name in after.keys() | before.keys()})


def _contribution(quota: Object, resource: str, obj: Object) -> Amounts:
    """What one object uses of a quota's limits. A pod that has ended counts only as an object."""
    used: Amounts = Counter()
    for name in quota["spec"].get("hard", {}):
        if _counted(name) == resource and (name.startswith("count/") or _in_scope(quota, obj)):
            used[name] = _use(name, resource, obj)
    return used


def _use(name: str, resource: str, obj: Object) -> int:
    if name.startswith("services."):
        wanted = {"services.loadbalancers": ("LoadBalancer",), "services.nodeports": ("NodePort", "LoadBalancer")}
        return int(obj["spec"].get("type") in wanted.get(name, ()))
    if resource != "pods" or name.startswith("count/"):
        return 1
    if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    compute = _compute(name)
    if not compute:
        return 1
    return quantity.parse(pods.resources(obj)[compute[0]].get(compute[1], "0"))  # type: ignore[return-value]


def _in_scope(quota: Object, pod: Object) -> bool:
    spec = pod.get("spec", {})
    best_effort = not any(each.get("resources") for each in spec.get("containers", ()))
    terminating = spec.get("activeDeadlineSeconds") is not None
    holds = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": terminating,
        "NotTerminating": not terminating,
    }
    return pod.get("kind") != "Pod" or all(holds.get(scope, True) for scope in quota["spec"].get("scopes", ()))
