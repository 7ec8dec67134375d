"""Real processes behind real sockets: what an operator does all day, over plain HTTP."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import Cluster, condition, ready, rolled_out

SERVER = """
import http.server, os, signal, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        closing = self.path == "/ready" and os.environ.get("closing")
        body = os.environ["VERSION"].encode()
        self.send_response(503 if closing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Handler)

def close(*_):
    os.environ["closing"] = "yes"
    threading.Timer(0.5, server.shutdown).start()

signal.signal(signal.SIGTERM, close)
server.serve_forever(poll_interval=0.05)
"""


def web(version: str, replicas: int = 2) -> dict[str, Any]:
    """A Deployment of small servers that end as they should: not ready first, then no more."""
    pod_ip = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["python", "-c", SERVER],
        "env": [pod_ip, {"name": "VERSION", "value": version}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": probe,
    }
    labels = {"app": "web"}
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    return {"metadata": {"name": "web"}, "spec": spec}


def sleeper(name: str = "sleeper", **spec: Any) -> dict[str, Any]:
    """A pod that is ready as soon as its process is there."""
    container = {"name": "main", "image": "busybox", "command": ["sleep", "600"]} | spec.pop("container", {})
    return {"metadata": {"name": name}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **spec}}


class Client(threading.Thread):
    """Keeps asking until it is told to stop; counts the answers and keeps what went wrong."""

    def __init__(self, address: str, port: int, host: str = "") -> None:
        super().__init__()
        self._place = (address, port)
        self._headers = {"Host": host} if host else {}
        self._told = threading.Event()
        self.answers: Counter[str] = Counter()
        self.problems: list[str] = []

    def run(self) -> None:
        while not self._told.is_set():
            try:
                self._ask()
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(repr(error))

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(*self._place, timeout=10)
        try:
            connection.request("GET", "/", headers=self._headers)
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        if answer.status == 200:
            self.answers[body] += 1
        else:
            self.problems.append(f"{answer.status} {body}")

    def stop(self) -> None:
        self._told.set()
        self.join()


@pytest.fixture
def served(cluster: Cluster) -> Cluster:
    """The Deployment `web`, rolled out behind a Service and an Ingress of this namespace's name."""
    cluster.create("services", {"metadata": {"name": "web"}, "spec": _service()})
    backend = {"service": {"name": "web", "port": {"number": 8080}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": f"{cluster.namespace}.localhost", "http": {"paths": [path]}}
    cluster.create("ingresses", {"metadata": {"name": "web"}, "spec": {"rules": [rule]}})
    cluster.create("deployments", web("1"))
    cluster.until("deployments", "web", rolled_out)
    return cluster


def _service() -> dict[str, Any]:
    return {"selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": "http"}]}


def _clients(cluster: Cluster) -> list[Client]:
    service = cluster.get("services", "web")["spec"]["clusterIP"]
    told = cluster.until("ingresses", "web", lambda each: each["status"]["loadBalancer"].get("ingress"))
    [place] = told["status"]["loadBalancer"]["ingress"]
    host = f"{cluster.namespace}.localhost"
    return [Client(service, 8080), Client(place["ip"], place["ports"][0]["port"], host)]


def _change(cluster: Cluster, change: Callable[[], Any]) -> list[Client]:
    """Does something while clients keep asking, and waits until it is rolled out."""
    clients = _clients(cluster)
    for each in clients:
        each.start()
    try:
        change()
        cluster.until("deployments", "web", rolled_out)
    finally:
        for each in clients:
            each.stop()
    return clients


def test_a_rolling_update_loses_no_request(served: Cluster) -> None:
    new = web("2")["spec"]["template"]
    clients = _change(served, lambda: served.patch("deployments", "web", {"spec": {"template": new}}))
    assert [each.problems for each in clients] == [[], []]
    assert all(set(each.answers) == {"1", "2"} for each in clients)


def test_scaling_down_and_up_loses_no_request(served: Cluster) -> None:
    def scale() -> None:
        served.patch("deployments", "web", {"spec": {"replicas": 1}})
        served.until("deployments", "web", rolled_out)
        served.patch("deployments", "web", {"spec": {"replicas": 3}})

    clients = _change(served, scale)
    assert [each.problems for each in clients] == [[], []]


def test_a_pod_of_an_instant_process_gets_ready(cluster: Cluster) -> None:
    cluster.create("pods", sleeper())
    pod = cluster.until("pods", "sleeper", ready)
    assert pod["spec"]["nodeName"] in ("sandbox-1", "sandbox-2")
    assert pod["status"]["podIP"].startswith("127.")


def test_pods_of_a_deployment_are_spread_over_the_nodes(cluster: Cluster) -> None:
    labels = {"app": "spread"}
    template = {"metadata": {"labels": labels}, "spec": sleeper()["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    cluster.create("deployments", {"metadata": {"name": "spread"}, "spec": spec})
    cluster.until("deployments", "spread", rolled_out)
    assert {each["spec"]["nodeName"] for each in cluster.list("pods")} == {"sandbox-1", "sandbox-2"}


def test_a_pod_that_asks_too_much_says_what_is_short(cluster: Cluster) -> None:
    cluster.create("pods", sleeper(container={"resources": {"requests": {"cpu": "1000"}}}))
    pod = cluster.until("pods", "sleeper", lambda each: condition(each, "PodScheduled"))
    message = condition(pod, "PodScheduled")["message"]
    assert message.startswith("0/3 nodes are available: 1 node(s) had untolerated taint {sandbox/virtual: true}, ")
    assert "2 Insufficient cpu. " in message


def test_a_namespace_goes_with_its_processes(cluster: Cluster) -> None:
    cluster.create("pods", sleeper())
    cluster.until("pods", "sleeper", ready)
    cluster.delete("namespaces", cluster.namespace)
    cluster.until_gone("namespaces", cluster.namespace)
    assert cluster.list("pods") == []
