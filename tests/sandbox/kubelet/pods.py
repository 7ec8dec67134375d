"""Pods for tests, and what to ask of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from tests.cluster import WAIT, Cluster

Object = dict[str, Any]
SERVER = """
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = pathlib.Path(os.environ["FOLDER"], self.path.strip("/"))
        self.send_response(int(status.read_text()) if status.exists() else 200)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Handler).serve_forever()
"""
"""Answers with the status that a file named as the path holds, in $FOLDER; 200 without one."""
POD_IP: Object = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
FOREVER = ["sleep", "600"]


def shell(script: str) -> list[str]:
    """The words of a command that a shell runs."""
    return ["/bin/sh", "-c", script]


def container(command: list[str], **fields: Any) -> Object:
    """A container of the image that is always there."""
    return {"name": "main", "image": "busybox", "command": command, **fields}


def pod(main: Object, **spec: Any) -> Object:
    """A pod of one container, with a name of its own and little grace."""
    defaults = {"terminationGracePeriodSeconds": 1, "restartPolicy": "Always"}
    return {
        "metadata": {"name": f"pod-{uuid.uuid4().hex[:6]}"},
        "spec": {"containers": [main], **defaults, **spec},
    }


def once(script: str, **fields: Any) -> Object:
    """A pod that runs a script to its end, once."""
    spec = fields.pop("spec", {})
    return pod(container(shell(script), **fields), restartPolicy="Never", **spec)


def web(**fields: Any) -> Object:
    """A container that serves HTTP on its pod's port 8080."""
    env = [POD_IP, {"name": "FOLDER", "value": "/status"}, *fields.pop("env", [])]
    mounts = [{"name": "status", "mountPath": "/status"}]
    ports = [{"name": "http", "containerPort": 8080}]
    return container(["python", "-c", SERVER], env=env, ports=ports, volumeMounts=mounts, **fields)


STATUS_VOLUME: Object = {"name": "status", "emptyDir": {}}


def run(cluster: Cluster, body: Object) -> str:
    """Creates a pod; its name."""
    created = cluster.create("pods", body)
    return str(created["metadata"]["name"])


def status_of(each: Object, kind: str = "containerStatuses", number: int = 0) -> Object:
    """The status of one of a pod's containers; empty before there is one."""
    statuses = (each.get("status") or {}).get(kind) or []
    found: Object = statuses[number] if len(statuses) > number else {}
    return found


def waiting(reason: str) -> Callable[[Object], bool]:
    """The pod's first container waits for this reason."""
    return lambda each: bool(status_of(each).get("state", {}).get("waiting", {}).get("reason") == reason)


def terminated(each: Object) -> Object:
    """How the pod's first container ended, empty while it has not."""
    found: Object = status_of(each).get("state", {}).get("terminated") or {}
    return found


def last(each: Object) -> Object:
    """How the pod's first container ended the time before."""
    found: Object = status_of(each).get("lastState", {}).get("terminated") or {}
    return found


def message(cluster: Cluster, body: Object) -> str:
    """Runs a pod to its end; its last words (`/dev/termination-log`)."""
    done = cluster.until("pods", run(cluster, body), terminated, "an end")
    return str(terminated(done).get("message", ""))


def event(cluster: Cluster, name: str, reason: str, text: str = "", timeout: float = WAIT) -> Object:
    """Waits for an Event about a pod whose message contains a text."""

    def fits(each: Object) -> bool:
        return bool(each["involvedObject"]["name"] == name and each["reason"] == reason and text in each["message"])

    try:
        for change in cluster.watch("events", timeout=timeout):
            if fits(change["object"]):
                found: Object = change["object"]
                return found
    except TimeoutError:
        pass
    heard = [(each["reason"], each["message"]) for each in cluster.list("events")]
    raise AssertionError(f"no event {reason} {text!r} about {name}: {heard}")
