"""Pods that run on any cluster that has an image with a shell, and what to ask of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.cluster import Cluster, Object

FOREVER = "trap 'exit 0' TERM; while true; do sleep 0.1; done"
"""Runs until it is asked to end, and then ends at once."""


SERVE = """cd /work; touch started
if command -v python3 > /dev/null; then exec python3 -u -m http.server 8080 --bind "$POD_IP"; fi
exec httpd -f -v -p "$POD_IP:8080" """
"""Serves the files in /work, by Python or by BusyBox."""


@dataclass(frozen=True)
class Image:
    """An image with a shell; for servers with Python or BusyBox's `httpd`."""

    name: str

    def container(self, script: str, **fields: Any) -> Object:
        """A container that runs a script."""
        return {"name": "main", "image": self.name, "command": ["/bin/sh", "-c", script], **fields}

    def pod(self, script: str = FOREVER, name: str = "pod", spec: Object | None = None, **fields: Any) -> Object:
        """A pod of one container; `fields` are the container's."""
        defaults = {"terminationGracePeriodSeconds": 1}
        whole = {**defaults, "containers": [self.container(script, **fields)], **(spec or {})}
        return {"metadata": {"name": name, "labels": {"app": name}}, "spec": whole}

    def server(self, name: str = "pod", spec: Object | None = None, **fields: Any) -> Object:
        """A pod that serves the files in its /work on port 8080; there is one at first, `started`."""
        own = {
            "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "volumeMounts": [{"name": "work", "mountPath": "/work"}],
            "ports": [{"name": "http", "containerPort": 8080}],
        }
        volumes = {"volumes": [{"name": "work", "emptyDir": {}}], **(spec or {})}
        return self.pod(SERVE, name, volumes, **own, **fields)

    def once(self, script: str, name: str = "pod", spec: Object | None = None, **fields: Any) -> Object:
        """A pod that runs a script to its end."""
        return self.pod(script, name, {"restartPolicy": "Never", **(spec or {})}, **fields)

    def deployment(self, replicas: int = 2, script: str = FOREVER, **fields: Any) -> Object:
        """The Deployment `web`; `fields` are the container's."""
        template = self.pod(script, **fields)
        template["metadata"] = {"labels": {"app": "web"}}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        return {"metadata": {"name": "web"}, "spec": spec}


def status_of(pod: Object, kind: str = "containerStatuses") -> Object:
    """The status of the pod's first container; empty before there is one."""
    found: list[Object] = (pod.get("status") or {}).get(kind) or [{}]
    return found[0]


def waiting(*reasons: str) -> Callable[[Object], bool]:
    """The pod's first container waits for one of these reasons."""
    return lambda pod: (status_of(pod).get("state", {}).get("waiting") or {}).get("reason") in reasons


def terminated(pod: Object) -> Object:
    """How the pod's first container ended; empty while it has not."""
    found: Object = status_of(pod).get("state", {}).get("terminated") or {}
    return found


def phase(*phases: str) -> Callable[[Object], bool]:
    """The pod has got to one of these phases."""
    return lambda pod: pod["status"].get("phase") in phases


def end(cluster: Cluster, pod: Object) -> Object:
    """Runs a pod to its end; how its container ended."""
    name = cluster.create("pods", pod)["metadata"]["name"]
    return terminated(cluster.until("pods", name, terminated, "its end"))


def log(cluster: Cluster, name: str, **query: Any) -> str:
    """A part of a pod's log."""
    options = "&".join(f"{key}={value}" for key, value in query.items())
    found: str = cluster.request("GET", cluster.path("pods", name) + f"/log?{options}")
    return found


def event(cluster: Cluster, name: str, reason: str) -> Object:
    """The first Event with a reason about an object."""
    for change in cluster.watch("events"):
        found: Object = change["object"]
        if (found["involvedObject"]["name"], found["reason"]) == (name, reason):
            return found
    raise AssertionError(f"no Event {reason} about {name}")
