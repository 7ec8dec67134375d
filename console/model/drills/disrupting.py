"""Evictions: by themselves, against a disruption budget, and of all that runs on a node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from console.model.drills.calls import Call, Cordon, Evict, Injection, Undo
from console.model.drills.ground import Ground, NotApplicableError, pod_ref
from console.model.plan import ObjectRef
from console.model.stack import JSON
from console.model.workload import Pod

Options = Mapping[str, str]
_KEEPS_AWAY = frozenset({"NoSchedule", "NoExecute"})


def evict(ground: Ground, options: Options) -> Injection:
    """One pod is evicted, as the budget allows."""
    pod = ground.serving[0]
    for budget in _budgets(ground):
        if not _allowed(budget):
            name = budget["metadata"]["name"]
            raise NotApplicableError(f"the disruption budget {name} allows no eviction now; evict-budget proves that")
    return Injection((Evict(pod_ref(pod), pod.uid),), hit=(pod.uid,))


def evict_budget(ground: Ground, options: Options) -> Injection:
    """One pod more is evicted than the budget allows."""
    budgets, pods = _budgets(ground), ground.serving
    if len(budgets) != 1:
        how = "several disruption budgets" if budgets else "no disruption budget"
        raise NotApplicableError(f"{ground.service} has {how}")
    allowed = _allowed(budgets[0])
    if allowed >= len(pods):
        raise NotApplicableError(f"the disruption budget allows all {len(pods)} pods to be evicted at once")
    calls = tuple(Evict(pod_ref(pod), pod.uid, may_be_refused=True) for pod in pods[: allowed + 1])
    return Injection(calls, hit=tuple(pod.uid for pod in pods[:allowed]))


def drain(ground: Ground, options: Options) -> Injection:
    """A node takes no more pods, and the stack's pods on it are evicted."""
    if ground.nodes is None:
        raise NotApplicableError("nodes may not be listed")
    name = options.get("node") or _busiest(ground.serving)
    nodes = {node["metadata"]["name"]: node for node in ground.nodes}
    if name not in nodes:
        raise NotApplicableError(f"there is no node {name}")
    template = ground.template["spec"]
    others = [each for key, each in nodes.items() if key != name and _takes(each, template)]
    if not others or not _takes(nodes[name], template):
        raise NotApplicableError(f"{name} is the only node that takes pods of {ground.service}")
    ref = ObjectRef("v1", "Node", "", name)
    pods = [pod for pod in ground.pods if pod.node == name and pod.service and pod.deleting is None]
    pods = [pod for pod in pods if pod.owner_kind not in {"DaemonSet", ""} and pod.phase not in {"Succeeded", "Failed"}]
    calls: list[Call] = [Cordon(ref), *(Evict(pod_ref(pod), pod.uid) for pod in pods)]
    return Injection(tuple(calls), Undo(uncordon=(ref,)), tuple(pod.uid for pod in pods))


def _busiest(pods: tuple[Pod, ...]) -> str:
    return Counter(pod.node for pod in pods).most_common(1)[0][0]


def _takes(node: JSON, spec: JSON) -> bool:
    """Whether a node takes pods of a template, as far as cordons, taints and its selector tell."""
    if (node.get("spec") or {}).get("unschedulable"):
        return False
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    taints = [each for each in (node.get("spec") or {}).get("taints") or () if each.get("effect") in _KEEPS_AWAY]
    return all(any(_tolerates(each, taint) for each in spec.get("tolerations") or ()) for taint in taints)


def _tolerates(toleration: JSON, taint: JSON) -> bool:
    """As the scheduler judges it (kubernetes.io, "Taints and Tolerations")."""
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    return toleration.get("key") == taint["key"] and (toleration.get("value") or "") == (taint.get("value") or "")


def _budgets(ground: Ground) -> list[JSON]:
    """The budgets that protect the service's pods."""
    labels = (ground.template.get("metadata") or {}).get("labels") or {}
    return [budget for budget in ground.budgets if _selects(budget["spec"].get("selector"), labels)]


def _selects(selector: JSON | None, labels: Mapping[str, str]) -> bool:
    if selector is None:
        return False
    plain = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return plain and all(_meets(each, labels) for each in selector.get("matchExpressions") or ())


def _meets(expression: JSON, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def _allowed(budget: JSON) -> int:
    return int((budget.get("status") or {}).get("disruptionsAllowed") or 0)
