"""Versions that are not worth anything: the workload is sent with another template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from console.model.drills.calls import Injection
from console.model.drills.ground import Ground, NotApplicableError
from console.model.drills.restoring import changed
from console.model.podspec import pod_template
from console.model.stack import JSON

TAG = "stack-console-drill"
"""A tag that no image has."""
FEW = "8Mi"
"""Less memory than an interpreter takes to start; what is smaller needs the option `memory`."""
SLOW = "10"
"""Seconds for which a pod is not asked whether it is ready."""
_NEVER = {"tcpSocket": {"port": 1}, "periodSeconds": 1}


def image_missing(ground: Ground, options: Mapping[str, str]) -> Injection:
    """The application's image with a tag that does not exist."""

    def change(container: JSON) -> None:
        name = str(container["image"]).partition("@")[0]
        head, colon, tag = name.rpartition(":")
        container["image"] = f"{head if colon and '/' not in tag else name}:{TAG}"
        # A pull that is never tried proves nothing.
        container["imagePullPolicy"] = "Always"

    return _version(ground, change)


def crash_at_start(ground: Ground, options: Mapping[str, str]) -> Injection:
    """A command that ends with 1 at once."""

    def change(container: JSON) -> None:
        container["command"] = ["/bin/sh", "-c", "exit 1"]
        container.pop("args", None)

    return _version(ground, change)


def never_ready(ground: Ground, options: Mapping[str, str]) -> Injection:
    """A readiness probe that nothing answers."""
    return _version(ground, lambda container: container.update(readinessProbe=dict(_NEVER)))


def out_of_memory(ground: Ground, options: Mapping[str, str]) -> Injection:
    """A limit that the application does not get along with."""
    few = options.get("memory", FEW)

    def change(container: JSON) -> None:
        resources = container.get("resources") or {}
        # A request must not be larger than its limit.
        parts = {part: {**(resources.get(part) or {}), "memory": few} for part in ("requests", "limits")}
        container["resources"] = {**resources, **parts}

    return _version(ground, change)


def slow_start(ground: Ground, options: Mapping[str, str]) -> Injection:
    """Readiness is not asked for a while: every pod is replaced, none before its successor serves."""
    if not ground.container.get("readinessProbe"):
        raise NotApplicableError(f"{ground.service} has no readiness probe: it counts as ready at once")
    delay = options.get("seconds", SLOW)
    if not delay.isdigit():
        raise NotApplicableError(f"{delay!r} is no number of seconds")

    def change(container: JSON) -> None:
        container["readinessProbe"] = {**container["readinessProbe"], "initialDelaySeconds": int(delay)}

    return replace(_version(ground, change), hit=tuple(pod.uid for pod in ground.serving))


def _version(ground: Ground, change: Callable[[JSON], None]) -> Injection:
    ref = ground.workload
    spec = ground.bodies[ref]["spec"]
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        raise NotApplicableError(f"{ground.service} takes its old pods down before it makes new ones (Recreate)")
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        raise NotApplicableError(f"{ground.service} makes no new pods by itself (OnDelete)")
    if not ground.serving:
        raise NotApplicableError(f"no pod of {ground.service} is ready")

    def harm(body: JSON) -> None:
        template = pod_template(body)
        if template:
            change(template["spec"]["containers"][0])

    made = changed(ground, ref, harm)
    return Injection((made.send,), made.undo)
