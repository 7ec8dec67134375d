"""Is there room on the nodes for more pods: by what they request and what is free, as the scheduler counts it.

Rules: kubernetes.io, "Resource Management for Pods and Containers"; "Kubernetes Scheduler", NodeResourcesFit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from console.model.nodes import candidates
from console.model.quantity import parse_quantity
from console.model.quota import Demand, pod_demand
from console.model.stack import JSON

_COUNTED = {"cpu": "requests.cpu", "memory": "requests.memory", "pods": "pods"}
"""What a node offers, and what pods ask for by the name that quotas have for it."""
_ENDED = frozenset({"Succeeded", "Failed"})
_NOTHING = Decimal(0)


def room_for(spec: JSON, count: int, nodes: Iterable[JSON], pods: Sequence[JSON]) -> tuple[int, str]:
    """For how many of so many more pods there is room now, and what is short for the others.

    Args:
        spec: of the pods.
        count: how many more are wanted.
        nodes: all of the cluster.
        pods: all of the cluster, those that have ended too.
    """
    demand = pod_demand(spec)
    there: dict[str, list[JSON]] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _ENDED:
            there.setdefault((pod.get("spec") or {}).get("nodeName", ""), []).append(pod)
    free = [_free(node, there.get(node["metadata"]["name"], ())) for node in candidates(nodes, spec)]
    placed, short = 0, "no node takes such pods"
    for room in free:
        while placed < count and not (lacking := _lacking(room, demand)):
            placed += 1
            for name, key in _COUNTED.items():
                room[name] -= demand.get(key, _NOTHING)
        short = lacking if placed < count else ""
    return placed, "" if placed == count else short


def _free(node: JSON, pods: Sequence[JSON]) -> Demand:
    offered = (node.get("status") or {}).get("allocatable") or {}
    room = {name: parse_quantity(offered.get(name)) or _NOTHING for name in _COUNTED}
    for pod in pods:
        taken = pod_demand(pod["spec"])
        for name, key in _COUNTED.items():
            room[name] -= taken.get(key, _NOTHING)
    return room


def _lacking(room: Demand, demand: Demand) -> str:
    return ", ".join(name for name, key in _COUNTED.items() if demand.get(key, _NOTHING) > room[name])
