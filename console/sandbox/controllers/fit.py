"""Whether a pod may run on a node, and which node suits it best: pure.

Filters, their order and their words follow `pkg/scheduler/framework/plugins`. A node is refused by the first filter
that does not hold; the resource filter names everything that is short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from console.sandbox.api import quantity
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Requirement, Selector
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import Load

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": ">", "Lt": "<"}
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node and what is on it.

    Attributes:
        on_it: what the pods bound to it take.
    """

    node: Object
    on_it: Load

    @property
    def name(self) -> str:
        """The node's name."""
        return str(self.node["metadata"]["name"])

    @property
    def labels(self) -> Mapping[str, str]:
        """The node's labels."""
        return self.node["metadata"].get("labels") or {}

    def free(self, resource: str) -> Decimal:
        """What is left of a resource."""
        return self.allocatable(resource) - self.used(resource)

    def allocatable(self, resource: str) -> Decimal:
        """What the node has of a resource."""
        amounts = (self.node.get("status") or {}).get("allocatable") or {}
        return quantity.parse(amounts.get(resource, "0"))

    def used(self, resource: str) -> Decimal:
        """What the pods on the node request of a resource, or how many they are."""
        return Decimal(self.on_it.count) if resource == "pods" else self.on_it.requests.get(resource, Decimal(0))


class Refusal(NamedTuple):
    """Why a node does not take a pod, and whether it would if others left."""

    reason: str
    others_in_the_way: bool = False


def refusals(spec: Object, pod: Pod, place: NodeView) -> list[Refusal]:
    """Why a pod cannot run on a node; empty when it can."""
    for check in _FILTERS:
        if found := check(spec, pod, place):
            return found
    return []


def takes(spec: Object, place: NodeView) -> bool:
    """Whether a node takes pods of this kind, whatever else is on it: taints, selectors and affinity."""
    named = spec.get("nodeName")
    if named and named != place.name:
        return False
    return not any(check(spec, None, place) for check in (_tainted, _affine))


def tolerates(tolerations: Iterable[Object], taint: Object) -> bool:
    """Whether one of the tolerations covers a taint."""
    return any(_covers(each, taint) for each in tolerations)


def _covers(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def _cordoned(spec: Object, pod: Pod, place: NodeView) -> list[Refusal]:
    taint = {"key": UNSCHEDULABLE, "effect": "NoSchedule"}
    if place.node["spec"].get("unschedulable") and not tolerates(spec.get("tolerations") or (), taint):
        return [Refusal("node(s) were unschedulable")]
    return []


def _tainted(spec: Object, pod: Pod | None, place: NodeView) -> list[Refusal]:
    for taint in place.node["spec"].get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not tolerates(spec.get("tolerations") or (), taint):
            return [Refusal(f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}")]
    return []


def _affine(spec: Object, pod: Pod | None, place: NodeView) -> list[Refusal]:
    wanted = Selector.labels(spec.get("nodeSelector") or {})
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = required.get("nodeSelectorTerms") or () if required else None
    if wanted.matches(place.labels) and (terms is None or any(term_matches(each, place) for each in terms)):
        return []
    return [Refusal("node(s) didn't match Pod's node affinity/selector")]


def term_matches(term: Object, place: NodeView) -> bool:
    """Whether a node meets all of a node selector term; an empty term meets nothing."""
    fields = {"metadata.name": place.name}
    by_label, by_field = term.get("matchExpressions") or (), term.get("matchFields") or ()
    return bool(by_label or by_field) and all(
        _requirement(each).matches(values)
        for expressions, values in ((by_label, place.labels), (by_field, fields))
        for each in expressions
    )


def _requirement(expression: Object) -> Requirement:
    return Requirement(expression["key"], _OPERATORS[expression["operator"]], tuple(expression.get("values") or ()))


def _ports_free(spec: Object, pod: Pod, place: NodeView) -> list[Refusal]:
    if any(place.on_it.ports[each.host, each.protocol] for each in pod.ports if each.host):
        return [Refusal("node(s) didn't have free ports for the requested pod ports", True)]
    return []


def _fits(spec: Object, pod: Pod, place: NodeView) -> list[Refusal]:
    short = [Refusal("Too many pods", True)] if place.free("pods") < 1 else []
    for resource, amount in pod.requests.items():
        if amount > 0 and amount > place.free(resource):
            short.append(Refusal(f"Insufficient {resource}", amount <= place.allocatable(resource)))
    return short


_FILTERS: tuple[Callable[[Object, Pod, NodeView], list[Refusal]], ...] = (
    _cordoned,
    _tainted,
    _affine,
    _ports_free,
    _fits,
)


def best(spec: Object, pod: Pod, places: Sequence[NodeView]) -> NodeView:
    """The node with the fewest pods of the same owner, then by preference, then the emptiest."""
    return min(places, key=lambda place: _cost(spec, pod, place))


def _cost(spec: Object, pod: Pod, place: NodeView) -> tuple[Any, ...]:
    same = place.on_it.owners[pod.owner] if pod.owner else 0
    load = sum(_share(place, resource) for resource in ("cpu", "memory"))
    return -_preference(spec, place), same, load, place.on_it.count, place.name


def _preference(spec: Object, place: NodeView) -> int:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    liked: int = sum(each["weight"] for each in terms if term_matches(each["preference"], place))
    soft = [each for each in place.node["spec"].get("taints") or () if each["effect"] == "PreferNoSchedule"]
    return liked - sum(1 for each in soft if not tolerates(spec.get("tolerations") or (), each))


def _share(place: NodeView, resource: str) -> float:
    used, free = place.used(resource), place.free(resource)
    return float(used / (used + free)) if used + free else 0.0


def unschedulable(found: Sequence[list[Refusal]]) -> str:
    """The sentence that tells why no node takes a pod: `0/2 nodes are available: 2 Insufficient cpu. ...`."""
    if not found:
        return "no nodes available to schedule pods"
    head = f"0/{len(found)} nodes are available"
    preemption = [_preemption(one) for one in found]
    reasons = [each.reason for one in found for each in one]
    return f"{head}: {_listed(reasons)}. no new claims to deallocate, preemption: {head}: {_listed(preemption)}."


def _listed(reasons: Iterable[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in Counter(reasons).items()))


def _preemption(found: list[Refusal]) -> str:
    """What ending other pods would bring: nothing, as none here has a lower priority."""
    if all(each.others_in_the_way for each in found):
        return "No preemption victims found for incoming pod"
    return "Preemption is not helpful for scheduling"
