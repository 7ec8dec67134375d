"""What is measured: use of CPU and memory, counts of probes, and an autoscaler that goes by them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.cluster import Cluster, Object, Refused, condition, ready
from tests.conformance.pods import Image
from tests.conformance.test_autoscaling import autoscaler

METRICS = "/apis/metrics.k8s.io/v1beta1"
BURN = "trap 'exit 0' TERM; while true; do i=$((i + 1)); done"
CPU = re.compile(r"(\d+)([num]?)")


@pytest.fixture
def measured(cluster: Cluster) -> Cluster:
    """A cluster that measures; many have nothing that does."""
    if "metrics.k8s.io" not in {each["name"] for each in cluster.request("GET", "/apis")["groups"]}:
        pytest.skip("nothing measures in this cluster: it has no metrics.k8s.io")
    return cluster


def asked_until_there(cluster: Cluster, path: str) -> Any:
    """What is measured comes a while after what is measured has begun."""
    while True:
        try:
            return cluster.request("GET", path)
        except Refused as error:
            if error.status["code"] not in (404, 503):
                raise


def busy(image: Image) -> Object:
    return image.deployment(1, BURN, resources={"requests": {"cpu": "10m"}, "limits": {"cpu": "100m"}})


def cores(text: str) -> float:
    found = CPU.fullmatch(text)
    assert found, text
    return int(found[1]) * {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}[found[2]]


def test_what_a_pod_uses_is_measured_container_by_container(measured: Cluster, image: Image) -> None:
    measured.create("pods", image.pod(BURN, resources={"limits": {"cpu": "100m"}}))
    measured.until("pods", "pod", ready)
    path = f"{METRICS}/namespaces/{measured.namespace}/pods/pod"
    found = asked_until_there(measured, path)
    while not cores(found["containers"][0]["usage"]["cpu"]):  # it has hardly begun
        found = measured.request("GET", path)
    assert found["kind"] == "PodMetrics"
    assert found["timestamp"]
    assert found["window"]
    [container] = found["containers"]
    assert container["name"] == "main"
    assert container["usage"]["memory"]
    listed = measured.request("GET", f"{METRICS}/namespaces/{measured.namespace}/pods?labelSelector=app%3Dpod")
    assert (listed["kind"], [each["metadata"]["name"] for each in listed["items"]]) == ("PodMetricsList", ["pod"])


def test_what_a_node_uses_is_measured(measured: Cluster) -> None:
    listed = measured.request("GET", f"{METRICS}/nodes")
    assert listed["kind"] == "NodeMetricsList"
    for each in listed["items"]:
        assert set(each["usage"]) >= {"cpu", "memory"}


def test_an_autoscaler_goes_by_what_is_used(measured: Cluster, image: Image) -> None:
    measured.create("deployments", busy(image))
    measured.create("horizontalpodautoscalers", autoscaler(1, 2))
    measured.until("deployments", "web", lambda each: each["spec"]["replicas"] == 2, "more, for so much use")
    found = measured.until(
        "horizontalpodautoscalers", "web", lambda each: condition(each, "ScalingActive").get("status") == "True"
    )
    assert found["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"] > 50


def test_probes_are_counted_by_the_node(cluster: Cluster, image: Image) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    cluster.create("pods", image.pod(readinessProbe=probe))
    node = cluster.until("pods", "pod", ready)["spec"]["nodeName"]
    wanted = {'container="main"', 'pod="pod"', f'namespace="{cluster.namespace}"', 'probe_type="Readiness"'}
    wanted.add('result="successful"')
    lines = cluster.request("GET", f"/api/v1/nodes/{node}/proxy/metrics/probes").splitlines()
    [line] = [each for each in lines if each.startswith("prober_probe_total") and all(part in each for part in wanted)]
    assert float(line.rpartition(" ")[2]) >= 1
