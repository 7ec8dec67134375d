"""Does a plan fit into the namespace's quotas: what its pods would take in addition, at most, while they roll out.

Counts of objects are checked by the API server itself in a dry run; pods are not, since controllers make them later.
Rules: kubernetes.io, "Resource Quotas"; "Init Containers", resource sharing; "Deployments", maxSurge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal

from console.model.gathered import ObjectState
from console.model.plan import ChangeKind, ObjectChange
from console.model.podspec import containers, pod_spec
from console.model.quantity import parse_quantity
from console.model.stack import JSON

Demand = dict[str, Decimal]
"""Cores, bytes, pieces by the names that quotas use: `pods`, `requests.cpu`, `limits.memory`."""

_NOTHING = Decimal(0)
_COUNTED = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Job", "Pod"})
# A quota may name requests without saying so.
_NAMES = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}
# What every container must say where a quota counts it (pkg/quota/v1/evaluator/core, validationSet).
_MUST_BE_GIVEN = frozenset({"requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
_MI = Decimal(1024) ** 2


def shortfalls(quotas: Iterable[JSON], states: Sequence[ObjectState], changes: Sequence[ObjectChange]) -> list[str]:
    """What does not fit: one line for each resource of each quota that is too small.

    Args:
        quotas: the ResourceQuotas of the namespace, as they will be.
        states: every declared object.
        changes: what happens to each, in the same order.
    """
    least = autoscaled_minimum(states)
    demand: Demand = {}
    for state, change in zip(states, changes, strict=True):
        if state.declared.ref.kind in _COUNTED and change.kind is not ChangeKind.UNCHANGED:
            demand = _sum(demand, _added(state, change, least.get(str(state.declared.ref), 1)))
    return [text for quota in quotas for text in _too_small(quota, demand)]


def unspecified(quotas: Iterable[JSON], states: Sequence[ObjectState], changes: Sequence[ObjectChange]) -> list[str]:
    """Containers that do not say what a quota counts: their pods would be refused, however much is free."""
    counted = {_NAMES.get(resource, resource) for quota in quotas for resource in _hard(quota)}
    found = []
    for state, change in zip(states, changes, strict=True):
        spec = pod_spec(state.declared.body) if change.kind is not ChangeKind.UNCHANGED else None
        for container in containers(spec or {}):
            for resource in sorted(counted & _MUST_BE_GIVEN - _container_demand(container).keys()):
                found.append(
                    f"{state.declared.ref}: container {container['name']} has no {resource}, and a quota asks for it"
                )
    return found


def autoscaled_minimum(states: Iterable[ObjectState]) -> Mapping[str, int]:
    """The least number of replicas that the stack's autoscalers keep, by `kind/name` of what they target."""
    specs = (each.declared.body["spec"] for each in states if each.declared.ref.kind == "HorizontalPodAutoscaler")
    targets = ((spec["scaleTargetRef"], int(spec.get("minReplicas") or 1)) for spec in specs)
    return {f"{target['kind'].lower()}/{target['name']}": least for target, least in targets}


def pod_demand(spec: JSON) -> Demand:
    """What one pod counts for: all that run side by side, or its hungriest moment before that."""
    steady: Demand = {}
    peak: Demand = {}
    for container in spec.get("initContainers") or ():
        demand = _container_demand(container)
        if container.get("restartPolicy") == "Always":
            steady = _sum(steady, demand)
        else:
            peak = _highest(peak, _sum(steady, demand))
    for container in spec.get("containers") or ():
        steady = _sum(steady, _container_demand(container))
    return {"pods": Decimal(1), **_highest(steady, peak)}


def _container_demand(container: JSON) -> Demand:
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    # A limit without a request is the request as well.
    requests = {**limits, **(resources.get("requests") or {})}
    named = {f"limits.{name}": value for name, value in limits.items()}
    named |= {f"requests.{name}": value for name, value in requests.items()}
    return {name: parse_quantity(value) or _NOTHING for name, value in named.items()}


def _added(state: ObjectState, change: ObjectChange, least: int) -> Demand:
    """What the rollout of a workload takes beyond what it has now."""
    wanted, live = state.declared.body, state.live or {}
    now = _replicas(live, 0) if live else 0
    then = _replicas(wanted, max(least, now))
    new, old = pod_demand(pod_spec(wanted) or {}), pod_demand(pod_spec(live) or {})
    rolls = bool(live) and any(field.path.startswith("spec.template.spec") for field in change.fields)
    surge = _surge(wanted, then) if rolls else 0
    demand = {}
    for name in {**new, **old}:
        after, before = new.get(name, _NOTHING), old.get(name, _NOTHING)
        demand[name] = max(_NOTHING, after * then - before * now) + after * surge
    return demand


def _replicas(body: JSON, default: int) -> int:
    if body["kind"] == "Pod":
        return 1
    field = "parallelism" if body["kind"] == "Job" else "replicas"
    given = (body.get("spec") or {}).get(field)
    return int(given) if given is not None else max(default, 1)


def _surge(body: JSON, replicas: int) -> int:
    strategy = body["spec"].get("strategy") or {}
    if body["kind"] != "Deployment" or strategy.get("type") == "Recreate":
        return 0
    surge = str((strategy.get("rollingUpdate") or {}).get("maxSurge", "25%"))
    if not surge.endswith("%"):
        return int(surge)
    return int((Decimal(surge[:-1]) * replicas / 100).to_integral_value(ROUND_CEILING))


def _hard(quota: JSON) -> JSON:
    """The limits of a quota that counts every pod; one with scopes counts only some."""
    spec = quota.get("spec") or {}
    hard: JSON = {} if spec.get("scopes") or spec.get("scopeSelector") else spec.get("hard") or {}
    return hard


def _too_small(quota: JSON, demand: Demand) -> Iterator[str]:
    used = (quota.get("status") or {}).get("used") or {}
    for resource, limit in _hard(quota).items():
        needed = demand.get(_NAMES.get(resource, resource), _NOTHING)
        hard = parse_quantity(limit) or _NOTHING
        free = max(_NOTHING, hard - (parse_quantity(used.get(resource)) or _NOTHING))
        if needed > free:
            words = [_text(resource, value) for value in (needed, free, hard)]
            name = quota["metadata"]["name"]
            yield f"resourcequota/{name}: {resource}: {words[0]} more needed, {words[1]} of {words[2]} free"


def _text(resource: str, value: Decimal) -> str:
    if resource.endswith(("memory", "storage")):
        return f"{value / _MI:.0f}Mi"
    return f"{value * 1000:.0f}m" if resource.endswith("cpu") and value % 1 else f"{value.normalize():f}"


def _sum(one: Demand, other: Demand) -> Demand:
    return {name: one.get(name, _NOTHING) + other.get(name, _NOTHING) for name in {**one, **other}}


def _highest(one: Demand, other: Demand) -> Demand:
    return {name: max(one.get(name, _NOTHING), other.get(name, _NOTHING)) for name in {**one, **other}}
