"""Probes of every kind, how often they must fail or succeed, and what follows from it."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster, Object, condition, ready
from tests.conformance.pods import Image, event, log, phase, status_of
from tests.conformance.streams import run

SECOND = {"periodSeconds": 1, "failureThreshold": 1}


def http(path: str, **fields: Any) -> Object:
    return {"httpGet": {"path": path, "port": "http"}, **SECOND, **fields}


def command(script: str, **fields: Any) -> Object:
    return {"exec": {"command": ["/bin/sh", "-c", script]}, **SECOND, **fields}


def test_readiness_follows_what_a_server_answers(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.server(readinessProbe=http("/ready")))
    failed = event(cluster, "pod", "Unhealthy")["message"]
    assert failed.startswith("Readiness probe failed: ")
    cluster.until("pods", "pod", lambda each: status_of(each).get("started"))
    assert run(cluster, "pod", "touch /work/ready") == (0, "", "")
    cluster.until("pods", "pod", ready)
    assert run(cluster, "pod", "rm /work/ready") == (0, "", "")
    cluster.until("pods", "pod", lambda each: not ready(each))
    assert "GET /ready" in log(cluster, "pod")


def test_a_server_that_answers_with_an_error_is_told_by_its_code(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.server(readinessProbe=http("/never")))
    message = "Readiness probe failed: HTTP probe failed with statuscode: 404"
    found = cluster.watch("events")
    assert any(each["object"]["message"] == message for each in found if each["object"]["reason"] == "Unhealthy")


def test_a_port_is_probed_by_connecting(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.server(readinessProbe={"tcpSocket": {"port": 8080}, **SECOND}))
    cluster.until("pods", "pod", ready)


def test_a_port_that_nobody_listens_on_is_told(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(readinessProbe={"tcpSocket": {"port": 8081}, **SECOND}))
    assert "connection refused" in event(cluster, "pod", "Unhealthy")["message"]
    assert not ready(cluster.get("pods", "pod"))


def test_the_output_of_a_command_that_fails_is_told(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(readinessProbe=command("echo not yet; exit 1")))
    assert event(cluster, "pod", "Unhealthy")["message"] == "Readiness probe failed: not yet\n"


def test_a_command_that_takes_too_long_has_failed(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(readinessProbe=command("sleep 30", timeoutSeconds=1)))
    message = event(cluster, "pod", "Unhealthy")["message"]
    assert message.startswith("Readiness probe failed: ")
    assert "timed out after 1s" in message or "timeout: " in message


def test_readiness_may_take_several_successes(cluster: Cluster, image: Image) -> None:
    script = "echo x >> /work/tries; test $(wc -l < /work/tries) -ne 2"
    cluster.create("pods", image.server(readinessProbe=command(script, successThreshold=3)))
    cluster.until("pods", "pod", ready)
    tries = run(cluster, "pod", "wc -l < /work/tries")[1]
    assert int(tries) >= 5  # one success, a failure, three successes


def test_one_failure_is_not_enough_where_three_are_asked_for(cluster: Cluster, image: Image) -> None:
    script = "echo x >> /work/tries; n=$(wc -l < /work/tries); test $n -eq 1 || test $((n % 3)) -eq 0"
    cluster.create("pods", image.server(readinessProbe=command(script, failureThreshold=3)))
    pod = cluster.until("pods", "pod", ready)
    path = cluster.path("events")
    while len([each for each in cluster.request("GET", path)["items"] if each["reason"] == "Unhealthy"]) < 1:
        pass
    since = condition(pod, "Ready")["lastTransitionTime"]
    assert condition(cluster.get("pods", "pod"), "Ready")["lastTransitionTime"] == since
    assert ready(cluster.get("pods", "pod"))


def test_a_liveness_probe_must_fail_as_often_as_it_says(cluster: Cluster, image: Image) -> None:
    probe = command("echo x >> /work/tries; test ! -e /work/dead", failureThreshold=3)
    cluster.create("pods", image.server(livenessProbe=probe))
    cluster.until("pods", "pod", ready)
    assert run(cluster, "pod", "touch /work/dead; rm -f /work/tries") == (0, "", "")
    cluster.until("pods", "pod", lambda each: status_of(each).get("restartCount") == 1)
    lines = run(cluster, "pod", "wc -l < /work/tries")[1]
    assert int(lines) >= 3


def test_a_container_that_does_not_come_up_in_time_is_restarted(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(startupProbe=command("exit 1", failureThreshold=2)))
    pod = cluster.until("pods", "pod", lambda each: status_of(each).get("restartCount", 0) >= 1)
    assert not ready(pod)
    assert "failed startup probe, will be restarted" in event(cluster, "pod", "Killing")["message"]


def test_what_has_come_up_is_not_probed_for_it_again(cluster: Cluster, image: Image) -> None:
    startup = command("echo x >> /work/startups")
    readiness = command("echo x >> /work/tries; test $(wc -l < /work/tries) -gt 2")
    cluster.create("pods", image.server(startupProbe=startup, readinessProbe=readiness))
    cluster.until("pods", "pod", ready)
    assert int(run(cluster, "pod", "wc -l < /work/startups")[1]) == 1


def test_a_probe_may_wait_before_it_begins(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(readinessProbe=command("true", initialDelaySeconds=3)))
    started = cluster.until("pods", "pod", lambda each: status_of(each).get("started"))
    assert not ready(started)
    cluster.until("pods", "pod", ready)


def test_an_http_probe_sends_the_headers_it_is_given(cluster: Cluster, image: Image) -> None:
    probe = http("/started")
    probe["httpGet"]["httpHeaders"] = [{"name": "Accept", "value": "acme/type"}]
    cluster.create("pods", image.server(readinessProbe=probe))
    cluster.until("pods", "pod", ready)
    assert "GET /started" in log(cluster, "pod")


def test_a_gate_holds_a_pod_back_until_somebody_opens_it(cluster: Cluster, image: Image) -> None:
    gate = "acme.example/gate"
    cluster.create("pods", image.pod(spec={"readinessGates": [{"conditionType": gate}]}))
    pod = cluster.until("pods", "pod", lambda each: condition(each, "ContainersReady").get("status") == "True")
    assert not ready(pod)
    assert (
        condition(cluster.until("pods", "pod", lambda each: condition(each, "Ready").get("reason")), "Ready")["reason"]
        == "ReadinessGatesNotReady"
    )
    body = {"status": {"conditions": [{"type": gate, "status": "True"}]}}
    path = f"{cluster.path('pods', 'pod')}/status"
    cluster.request("PATCH", path, body, "application/strategic-merge-patch+json")
    cluster.until("pods", "pod", ready)


def test_a_pod_tells_its_conditions_in_the_order_of_its_start(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    pod = cluster.until("pods", "pod", ready)
    found = {each["type"]: each["status"] for each in pod["status"]["conditions"]}
    kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready", "PodReadyToStartContainers")
    assert {each: found.get(each) for each in kinds} == dict.fromkeys(kinds, "True")
    assert phase("Running")(pod)
    assert pod["status"]["startTime"]
    assert pod["status"]["podIPs"] == [{"ip": pod["status"]["podIP"]}]
    assert pod["status"]["hostIP"]
