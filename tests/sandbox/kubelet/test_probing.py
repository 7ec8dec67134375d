"""Probes of all kinds, with their thresholds, Events and counters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, condition, ready
from tests.conftest import Sandbox
from tests.sandbox.kubelet.pods import FOREVER, STATUS_VOLUME, container, event, last, pod, run, shell, status_of, web

Object = dict[str, Any]
FAST: Object = {"periodSeconds": 1, "failureThreshold": 2}
PATIENT: Object = {"periodSeconds": 1, "failureThreshold": 20}
"""For what must not be failed by a slow start of its server."""
HTTP: Object = {"httpGet": {"path": "/health", "port": "http"}, **FAST}


def _set(sandbox: Sandbox, found: Object, path: str, status: int) -> None:
    """Lets the pod's server answer a path with another status from now on."""
    Path(sandbox.state, "pods", found["metadata"]["uid"], "volumes", "status", path).write_text(str(status))


def _unready(found: Object) -> bool:
    return condition(found, "Ready").get("status") == "False"


def test_readiness_follows_what_http_answers(cluster: Cluster, sandbox: Sandbox) -> None:
    name = run(cluster, pod(web(readinessProbe=HTTP), volumes=[STATUS_VOLUME]))
    found = cluster.until("pods", name, ready)
    _set(sandbox, found, "health", 503)
    found = cluster.until("pods", name, _unready)
    assert condition(found, "Ready")["message"] == "containers with unready status: [main]"
    said = event(cluster, name, "Unhealthy", "statuscode")
    assert said["message"] == "Readiness probe failed: HTTP probe failed with statuscode: 503"
    assert said["type"] == "Warning"
    _set(sandbox, found, "health", 204)
    assert status_of(cluster.until("pods", name, ready))["restartCount"] == 0


def test_a_port_that_nobody_serves_is_refused(cluster: Cluster) -> None:
    probe = {"httpGet": {"path": "/", "port": 8080}, **FAST}
    name = run(cluster, pod(container(FOREVER, readinessProbe=probe)))
    address = event(cluster, name, "Unhealthy", "connection refused")["message"].split("://")[1].split(":")[0]
    expected = f'Get "http://{address}:8080/": dial tcp {address}:8080: connect: connection refused'
    assert event(cluster, name, "Unhealthy")["message"] == f"Readiness probe failed: {expected}"
    assert not ready(cluster.get("pods", name))


def test_tcp_is_probed_by_connecting(cluster: Cluster) -> None:
    good = {"tcpSocket": {"port": "http"}, **FAST}
    name = run(cluster, pod(web(readinessProbe=good), volumes=[STATUS_VOLUME]))
    cluster.until("pods", name, ready)
    bad = run(cluster, pod(container(FOREVER, readinessProbe={"tcpSocket": {"port": 9}, **FAST})))
    assert "dial tcp" in event(cluster, bad, "Unhealthy", "connection refused")["message"]


def test_commands_probe_inside_the_container(cluster: Cluster) -> None:
    mounts = [{"name": "work", "mountPath": "/work"}]
    probe = {"exec": {"command": ["cat", "/work/ready"]}, **FAST}
    script = "sleep 0.5; touch /work/ready; sleep 600"
    body = pod(container(shell(script), readinessProbe=probe, volumeMounts=mounts))
    body["spec"]["volumes"] = [{"name": "work", "emptyDir": {}}]
    name = run(cluster, body)
    assert "No such file" in event(cluster, name, "Unhealthy", "Readiness probe failed: cat:")["message"]
    cluster.until("pods", name, ready)


def test_a_command_that_takes_too_long_fails(cluster: Cluster) -> None:
    probe = {"exec": {"command": ["sleep", "30"]}, **FAST}
    name = run(cluster, pod(container(FOREVER, readinessProbe=probe)))
    said = event(cluster, name, "Unhealthy", "timed out")
    assert said["message"] == 'Readiness probe failed: command timed out: "sleep 30" timed out after 1s'


def test_a_probe_whose_program_is_missing_decides_nothing(cluster: Cluster) -> None:
    probe = {"exec": {"command": ["no-such-program"]}, **FAST}
    name = run(cluster, pod(container(FOREVER, livenessProbe=probe)))
    said = event(cluster, name, "Unhealthy", "errored")
    assert 'exec: "no-such-program": executable file not found in $PATH' in said["message"]
    assert status_of(cluster.get("pods", name))["restartCount"] == 0


def test_failed_liveness_restarts_the_container(cluster: Cluster, sandbox: Sandbox) -> None:
    body = pod(web(livenessProbe=HTTP | PATIENT), volumes=[STATUS_VOLUME])
    name = run(cluster, body)
    _set(sandbox, cluster.until("pods", name, ready), "health", 500)
    said = event(cluster, name, "Killing", "liveness")
    assert said["message"] == "Container main failed liveness probe, will be restarted"
    found = cluster.until("pods", name, lambda each: status_of(each).get("restartCount", 0) >= 1)
    assert last(found)["exitCode"] == 143
    assert last(found)["reason"] == "Error"


def test_the_other_probes_wait_for_the_startup_probe(cluster: Cluster, sandbox: Sandbox) -> None:
    startup = {"httpGet": {"path": "/startup", "port": "http"}, "periodSeconds": 1, "failureThreshold": 100}
    main = web(startupProbe=startup, livenessProbe=HTTP, readinessProbe=HTTP)
    script = "echo 503 > /status/startup; echo 503 > /status/health"
    init = container(shell(script), volumeMounts=main["volumeMounts"]) | {"name": "first"}
    name = run(cluster, pod(main, volumes=[STATUS_VOLUME], initContainers=[init]))
    event(cluster, name, "Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 503")
    found = cluster.get("pods", name)
    assert status_of(found)["started"] is False
    _set(sandbox, found, "health", 200)
    _set(sandbox, found, "startup", 200)
    found = cluster.until("pods", name, ready)
    assert status_of(found)["started"] is True
    messages = [each["message"] for each in cluster.list("events") if each["reason"] == "Unhealthy"]
    assert not any(each.startswith(("Liveness", "Readiness probe failed: HTTP")) for each in messages)


def test_a_startup_probe_that_fails_too_often_restarts(cluster: Cluster) -> None:
    name = run(cluster, pod(container(FOREVER, startupProbe={"tcpSocket": {"port": 9}, **FAST})))
    said = event(cluster, name, "Killing", "startup")
    assert said["message"] == "Container main failed startup probe, will be restarted"
    cluster.until("pods", name, lambda each: status_of(each).get("restartCount", 0) >= 1)


def test_every_probe_is_counted(cluster: Cluster) -> None:
    body = pod(
        web(readinessProbe=HTTP, livenessProbe={"tcpSocket": {"port": 8080}, **PATIENT}), volumes=[STATUS_VOLUME]
    )
    found = cluster.until("pods", run(cluster, body), ready)
    path = f"/api/v1/nodes/{found['spec']['nodeName']}/proxy/metrics/probes"
    lines = [each for each in cluster.request("GET", path).splitlines() if found["metadata"]["uid"] in each]
    readiness = next(each for each in lines if 'probe_type="Readiness"' in each and 'result="successful"' in each)
    labels = f'container="main",namespace="{cluster.namespace}",pod="{found["metadata"]["name"]}"'
    assert readiness.startswith(f"prober_probe_total{{{labels}")
    assert int(readiness.rpartition(" ")[2]) >= 1


@pytest.mark.parametrize("held", [True, False])
def test_readiness_gates_hold_a_pod_back(cluster: Cluster, held: bool) -> None:
    name = run(cluster, pod(container(FOREVER), readinessGates=[{"conditionType": "example.com/in"}]))
    found = cluster.until("pods", name, lambda each: condition(each, "ContainersReady").get("status") == "True")
    assert condition(found, "Ready")["reason"] == "ReadinessGatesNotReady"
    if not held:
        gate = {"type": "example.com/in", "status": "True"}
        change = {"status": {"conditions": [*found["status"]["conditions"], gate]}}
        path = cluster.path("pods", name) + "/status"
        cluster.request("PATCH", path, change, "application/merge-patch+json")
        cluster.until("pods", name, ready)
