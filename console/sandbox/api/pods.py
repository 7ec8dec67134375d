"""What follows from a pod's spec: its containers, its resources, its quality of service."""

from __future__ import annotations

from typing import Any

from console.sandbox.api import quantity
from console.sandbox.api.resources import Object


def containers(spec: Object) -> list[Object]:
    """The init containers, then the containers."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def resources(pod: Object) -> dict[str, dict[str, Any]]:
    """Requests and limits of a whole pod: the containers' sum, or the largest init container's if that is more."""
    return {field: _effective(pod["spec"], field) for field in ("requests", "limits")}


def _effective(spec: Object, field: str) -> dict[str, str]:
    total: dict[str, Any] = {}
    units: dict[str, str] = {}
    for container in spec.get("containers", ()):
        for name, amount in (container.get("resources", {}).get(field) or {}).items():
            total[name] = total.get(name, 0) + quantity.parse(amount)
            units.setdefault(name, str(amount)[-1:])
    for container in spec.get("initContainers", ()):
        for name, amount in (container.get("resources", {}).get(field) or {}).items():
            total[name] = max(total.get(name, 0), quantity.parse(amount))
            units.setdefault(name, str(amount)[-1:])
    return {name: quantity.text(amount, like=units[name]) for name, amount in total.items()}


def quality(pod: Object) -> str:
    """`Guaranteed`: every container limits CPU and memory to what it requests; `BestEffort`: none names either.

    https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
    """
    total = resources(pod)
    if not any(name in total[field] for field in total for name in ("cpu", "memory")):
        return "BestEffort"
    return "Guaranteed" if all(_fixed(each) for each in containers(pod["spec"])) else "Burstable"


def _fixed(container: Object) -> bool:
    given = container.get("resources") or {}
    limits, requests = given.get("limits") or {}, given.get("requests") or {}
    return all(
        name in limits and quantity.parse(requests.get(name, limits[name])) == quantity.parse(limits[name])
        for name in ("cpu", "memory")
    )
