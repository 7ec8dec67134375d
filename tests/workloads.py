"""Deployments of real processes that serve, answer, or fail in a certain way."""

from __future__ import annotations

from typing import Any

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ["ANSWER"]))
        self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8000), Handler).serve_forever()
"""
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def web(container: dict[str, Any], replicas: int = 1, **spec: Any) -> dict[str, Any]:
    """The Deployment of the service web, with one container."""
    labels = {"app": "web"}
    deadline = {"progressDeadlineSeconds": spec.pop("deadline", 600)}
    base = {"name": "main", "image": "busybox", "command": ["sleep", "600"]}
    pod = {"containers": [base | container], "terminationGracePeriodSeconds": 1, **spec}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "metadata": {"name": "web", "labels": {"stack-console/service": "web"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **deadline},
    }


def python(program: str, **more: Any) -> dict[str, Any]:
    """A container that runs a Python program, which knows its POD_IP."""
    return {"command": ["python", "-c", program], "env": [POD_IP], **more}


def shell(script: str, **more: Any) -> dict[str, Any]:
    """A container that runs a shell's script."""
    return {"command": ["sh", "-c", script], **more}


def serving(answer: int, **probes: Any) -> dict[str, Any]:
    """A real HTTP server in the pod that answers everything with one status."""
    return {"command": ["python", "-c", SERVER], "env": [POD_IP, {"name": "ANSWER", "value": str(answer)}], **probes}


def http(path: str = "/ready", port: int = 8000, **more: Any) -> dict[str, Any]:
    """A probe by HTTP that fails for good after two tries."""
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": 1, "failureThreshold": 2, **more}
