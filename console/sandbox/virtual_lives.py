"""The scripted life of a virtual pod: what its annotations say, and how each moment of it shows in its status."""

from __future__ import annotations

import re
from collections.abc import Iterable

from console.sandbox.api import times
from console.sandbox.api.resources import Object

_UNITS = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h)?$")


def seconds(text: str, default: float) -> float:
    """A duration as annotations have it; the default when it is not one."""
    found = _DURATION.match(text)
    return float(found[1]) * _UNITS[found[2] or ""] if found else default


class Script:
    """What a pod's annotations say about its life; see `virtual.py`."""

    __slots__ = ("failure", "ready_after", "restart_every", "uid", "unready_for")

    def __init__(self, pod: Object) -> None:
        self.uid = pod["metadata"]["uid"]
        told = pod["metadata"].get("annotations") or {}
        self.ready_after = seconds(told.get("sandbox/ready-after", ""), 0.0)
        self.restart_every = seconds(told.get("sandbox/restart-every", ""), 0.0)
        self.unready_for = seconds(told.get("sandbox/unready-for", ""), 1.0)
        self.failure = told.get("sandbox/fail", "")


def conditions(ready: bool) -> Iterable[Object]:
    """The conditions of a virtual pod."""
    reason = {} if ready else {"reason": "ContainersNotReady", "message": "containers with unready status"}
    for type_, status in (("Initialized", True), ("ContainersReady", ready), ("Ready", ready)):
        yield {"type": type_, "status": str(status)} | ({} if status else reason)


def container_statuses(pod: Object, *, ready: bool, waiting: str, restarted: bool) -> list[Object]:
    """What a kubelet would say of the containers.

    Args:
        pod: with the statuses as they were.
        ready: all of them are.
        waiting: the reason why they do not run; empty when they do.
        restarted: they have just ended and begun again.
    """
    before = {each["name"]: each for each in pod["status"].get("containerStatuses") or ()}
    moment = times.time()
    found = []
    for container in pod["spec"]["containers"]:
        old = before.get(container["name"], {})
        started = old.get("state", {}).get("running", {}).get("startedAt", moment)
        running = {"running": {"startedAt": moment if restarted else started}}
        ended = {"exitCode": 1, "reason": "Error", "startedAt": started, "finishedAt": moment}
        found.append(
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": ready,
                "started": not waiting,
                "restartCount": old.get("restartCount", 0) + restarted,
                "state": {"waiting": {"reason": waiting}} if waiting else running,
                "lastState": {"terminated": ended} if restarted else old.get("lastState", {}),
            }
        )
    return found
