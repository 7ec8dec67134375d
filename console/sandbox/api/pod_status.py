"""A pod in one line, as `kubectl get pods` shows it (`printPod` in `pkg/printers/internalversion/printers.go`)."""

from __future__ import annotations

from typing import Any

from console.sandbox.api.durations import age
from console.sandbox.api.resources import Object

NONE = "<none>"


def row(pod: Object) -> list[Any]:
    """Name, ready, status, restarts, age; then IP, node, nominated node, readiness gates."""
    spec, status = pod.get("spec", {}), pod.get("status") or {}
    statuses = status.get("containerStatuses") or []
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    ready = sum(1 for each in statuses if each.get("ready") and "running" in each.get("state", {}))
    ready += sum(1 for each in _of(status, sidecars) if each.get("ready"))
    total = len(spec.get("containers") or ()) + len(sidecars)
    counted = (
        [*statuses, *_of(status, sidecars)] if not _initializing(pod) else status.get("initContainerStatuses") or []
    )
    name, created = pod["metadata"]["name"], pod["metadata"].get("creationTimestamp")
    addresses = status.get("podIPs") or [{}]
    wide = [addresses[0].get("ip") or NONE, spec.get("nodeName") or NONE, status.get("nominatedNodeName") or NONE]
    return [name, f"{ready}/{total}", reason(pod), _restarts(counted), age(created), *wide, _gates(pod)]


def reason(pod: Object) -> str:
    """The word in the column Status."""
    status = pod.get("status") or {}
    phase = status.get("phase", "")
    found = _initializing(pod) or _container_reason(status, status.get("reason") or phase)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    return str(found)


def _container_reason(status: Object, found: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or []):
        state = each.get("state", {})
        if (state.get("waiting") or {}).get("reason"):
            found = state["waiting"]["reason"]
        elif state.get("terminated"):
            found = _ended(state["terminated"])
        elif each.get("ready") and state.get("running") is not None:
            running = True
    if found == "Completed" and running:
        return "Running" if _condition(status, "Ready") else "NotReady"
    return found


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    signal = terminated.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{terminated.get('exitCode', 0)}"


def _initializing(pod: Object) -> str:
    """`Init:...` while init containers have not all succeeded, else empty."""
    status, spec = pod.get("status") or {}, pod.get("spec", {})
    if _condition(status, "Initialized"):
        return ""
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    for number, each in enumerate(status.get("initContainerStatuses") or ()):
        state = each.get("state", {})
        ended, waiting = state.get("terminated"), (state.get("waiting") or {}).get("reason")
        if (ended and not ended.get("exitCode")) or (each["name"] in sidecars and each.get("started")):
            continue
        if ended:
            return f"Init:{_ended(ended)}"
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{number}/{len(spec.get('initContainers') or ())}"
    return ""


def _condition(status: Object, type: str) -> bool:
    return any(each["type"] == type and each["status"] == "True" for each in status.get("conditions") or ())


def _of(status: Object, containers: list[Object]) -> list[Object]:
    names = {each["name"] for each in containers}
    return [each for each in status.get("initContainerStatuses") or () if each["name"] in names]


def _restarts(statuses: list[Object]) -> str:
    count = sum(each.get("restartCount", 0) for each in statuses)
    ends = [(each.get("lastState") or {}).get("terminated", {}).get("finishedAt") for each in statuses]
    last = max(filter(None, ends), default=None)
    return f"{count} ({age(last)} ago)" if count and last else str(count)


def _gates(pod: Object) -> str:
    gates = pod.get("spec", {}).get("readinessGates") or ()
    met = sum(1 for each in gates if _condition(pod.get("status") or {}, each["conditionType"]))
    return f"{met}/{len(gates)}" if gates else NONE
