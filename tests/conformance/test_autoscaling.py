"""A HorizontalPodAutoscaler: how it is stored, and the bounds that it keeps without any figures."""

from __future__ import annotations

from tests.cluster import Cluster, Object, condition
from tests.conformance.pods import Image

CPU: Object = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}


def autoscaler(low: int, high: int) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high, "metrics": [CPU]}
    return {"metadata": {"name": "web"}, "spec": spec}


def test_an_autoscaler_keeps_to_its_bounds(cluster: Cluster, image: Image) -> None:
    cluster.create("deployments", image.deployment(1))
    cluster.create("horizontalpodautoscalers", autoscaler(2, 3))
    cluster.until("deployments", "web", lambda each: each["spec"]["replicas"] == 2, "the least number")
    found = cluster.until("horizontalpodautoscalers", "web", lambda each: condition(each, "AbleToScale"), "a condition")
    assert condition(found, "AbleToScale")["status"] == "True"
    cluster.patch("deployments", "web", {"spec": {"replicas": 5}})
    cluster.until("deployments", "web", lambda each: each["spec"]["replicas"] <= 3, "the largest number")


def test_an_autoscaler_is_the_same_in_both_versions(cluster: Cluster) -> None:
    cluster.create("horizontalpodautoscalers", autoscaler(1, 3))
    old = cluster.request("GET", f"/apis/autoscaling/v1/namespaces/{cluster.namespace}/horizontalpodautoscalers/web")
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert (old["spec"]["minReplicas"], old["spec"]["maxReplicas"]) == (1, 3)
