"""What is written about others, and for others: Events, Leases, nodes, budgets, autoscalers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.cluster import Cluster, Object, condition, ready
from tests.conformance.api import refused
from tests.conformance.pods import Image, event
from tests.conformance.test_autoscaling import autoscaler

STAMP = "2026-01-01T00:00:00.000000Z"


def about(cluster: Cluster, **fields: Any) -> Object:
    reference = {"kind": "Pod", "name": "web", "namespace": cluster.namespace}
    return {"metadata": {"name": "told"}, "involvedObject": reference, "reason": "Told", "message": "so", **fields}


def open_nodes(cluster: Cluster) -> list[Object]:
    """The nodes that any pod may go to; of others perhaps nobody is at home."""
    return [each for each in cluster.list("nodes") if not each["spec"].get("taints")]


def test_an_event_is_the_same_in_both_groups(cluster: Cluster) -> None:
    cluster.create("events", about(cluster, type="Normal", count=2))
    found = cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{cluster.namespace}/events/told")
    assert (found["regarding"]["name"], found["note"], found["deprecatedCount"]) == ("web", "so", 2)
    assert "message" not in found


def test_an_event_counts_up_by_patches(cluster: Cluster) -> None:
    cluster.create("events", about(cluster, count=1))
    patch = {"count": 2, "lastTimestamp": "2026-01-01T00:00:00Z"}
    assert cluster.patch("events", "told", patch)["count"] == 2


def test_an_event_about_another_namespace_is_invalid(cluster: Cluster) -> None:
    reference = {"kind": "Pod", "name": "web", "namespace": "default"}
    status = refused(422, "Invalid", cluster.create, "events", about(cluster) | {"involvedObject": reference})
    assert [each["field"] for each in status["details"]["causes"]] == ["involvedObject.namespace"]


def test_events_of_a_container_name_it(cluster: Cluster, image: Image) -> None:
    made = cluster.create("pods", image.pod())
    found = event(cluster, "pod", "Started")
    assert found["involvedObject"]["fieldPath"] == "spec.containers{main}"
    assert found["involvedObject"]["uid"] == made["metadata"]["uid"]
    assert found["source"]["component"] == "kubelet"
    scheduled = event(cluster, "pod", "Scheduled")
    node = cluster.get("pods", "pod")["spec"]["nodeName"]
    assert scheduled["message"] == f"Successfully assigned {cluster.namespace}/pod to {node}"


def test_an_event_that_comes_again_is_counted(cluster: Cluster, image: Image) -> None:
    probe = {"exec": {"command": ["/bin/sh", "-c", "echo no; exit 1"]}, "periodSeconds": 1}
    cluster.create("pods", image.pod(readinessProbe=probe))
    for change in cluster.watch("events"):
        found = change["object"]
        if found["reason"] == "Unhealthy" and found.get("count", 0) >= 2:
            assert found["firstTimestamp"] <= found["lastTimestamp"]
            return
    raise AssertionError("the Event has not been counted up")


# -- Leases


def test_a_lease_is_held_by_one_at_a_time(cluster: Cluster) -> None:
    spec = {"holderIdentity": "one", "leaseDurationSeconds": 15, "acquireTime": STAMP, "renewTime": STAMP}
    old = cluster.create("leases", {"metadata": {"name": "leader"}, "spec": spec})
    assert old["spec"]["renewTime"] == STAMP
    path = cluster.path("leases", "leader")
    two = cluster.request("PUT", path, old | {"spec": spec | {"holderIdentity": "two", "leaseTransitions": 1}})
    assert two["spec"]["leaseTransitions"] == 1
    refused(409, "Conflict", cluster.request, "PUT", path, old | {"spec": spec | {"holderIdentity": "three"}})


def test_every_node_renews_a_lease(target: Cluster) -> None:
    inside = Cluster(target.kubeconfig, "kube-node-lease", target.patience)
    for node in open_nodes(target):
        name = node["metadata"]["name"]
        first = inside.get("leases", name)["spec"]
        assert first["holderIdentity"] == name
        age = datetime.now(UTC) - datetime.fromisoformat(first["renewTime"])
        assert age.total_seconds() < first["leaseDurationSeconds"]


# -- nodes


def test_a_node_says_what_it_has_and_how_it_is(target: Cluster) -> None:
    for node in open_nodes(target):
        assert ready(node)
        status = node["status"]
        assert {"cpu", "memory", "pods"} <= set(status["capacity"]) & set(status["allocatable"])
        assert {each["type"] for each in status["addresses"]} >= {"InternalIP", "Hostname"}
        assert node["metadata"]["labels"]["kubernetes.io/hostname"]
        pressures = [condition(node, each)["status"] for each in ("MemoryPressure", "DiskPressure", "PIDPressure")]
        assert pressures == ["False"] * 3
        assert status["nodeInfo"]["kubeletVersion"].startswith("v1.")


def test_a_pod_may_name_its_node_and_pass_the_scheduler_by(cluster: Cluster, image: Image) -> None:
    [node, *_] = open_nodes(cluster)
    name = node["metadata"]["name"]
    cluster.create("pods", image.pod(spec={"nodeName": name}))
    cluster.until("pods", "pod", ready)
    assert "Scheduled" not in {each["reason"] for each in cluster.list("events")}


def test_a_pod_that_asks_for_more_than_there_is_waits(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(resources={"requests": {"cpu": "10k"}}))
    assert "Insufficient cpu" in event(cluster, "pod", "FailedScheduling")["message"]


def test_a_pod_goes_where_its_labels_ask_for(cluster: Cluster, image: Image) -> None:
    [node, *_] = open_nodes(cluster)
    name = node["metadata"]["labels"]["kubernetes.io/hostname"]
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [name]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    cluster.create("pods", image.pod(spec={"affinity": affinity}))
    assert cluster.until("pods", "pod", ready)["spec"]["nodeName"] == node["metadata"]["name"]


# -- budgets and autoscalers


def budget(cluster: Cluster, **spec: Any) -> None:
    body = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}
    cluster.create("poddisruptionbudgets", body)


def test_a_budget_counts_those_that_are_well(cluster: Cluster, image: Image) -> None:
    cluster.create("deployments", image.deployment(3))
    budget(cluster, maxUnavailable="34%")
    found = cluster.until("poddisruptionbudgets", "web", lambda each: each["status"].get("currentHealthy") == 3)
    counts = [found["status"][each] for each in ("expectedPods", "desiredHealthy", "disruptionsAllowed")]
    assert counts == [3, 1, 2]
    assert condition(found, "DisruptionAllowed")["reason"] == "SufficientPods"
    cluster.patch("deployments", "web", {"spec": {"replicas": 1}})
    cluster.until("poddisruptionbudgets", "web", lambda each: each["status"].get("expectedPods") == 1)


def test_a_budget_that_allows_nothing_says_so(cluster: Cluster, image: Image) -> None:
    cluster.create("deployments", image.deployment(1))
    budget(cluster, minAvailable=1)
    found = cluster.until("poddisruptionbudgets", "web", lambda each: each["status"].get("currentHealthy") == 1)
    assert condition(found, "DisruptionAllowed")["reason"] == "InsufficientPods"


def test_two_budgets_over_one_pod_are_a_mistake(cluster: Cluster, image: Image) -> None:
    cluster.create("deployments", image.deployment(1))
    budget(cluster, minAvailable=0)
    body = {"metadata": {"name": "second"}, "spec": {"selector": {}, "minAvailable": 0}}
    cluster.create("poddisruptionbudgets", body)
    [pod] = cluster.until_pods(lambda pods: len(pods) == 1 and ready(pods[0]))
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    path = f"{cluster.path('pods', name)}/eviction"
    status = refused(500, None, cluster.request, "POST", path, eviction)
    assert "This pod has more than one PodDisruptionBudget" in status["message"]


def test_an_eviction_may_only_be_tried(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    cluster.until("pods", "pod", ready)
    options = {"deleteOptions": {"dryRun": ["All"]}}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "pod"}, **options}
    answer = cluster.request("POST", f"{cluster.path('pods', 'pod')}/eviction", eviction)
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert "deletionTimestamp" not in cluster.get("pods", "pod")["metadata"]


def test_an_eviction_of_nobody_is_not_found(cluster: Cluster) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "no"}}
    refused(404, "NotFound", cluster.request, "POST", f"{cluster.path('pods', 'no')}/eviction", eviction)


def test_an_autoscaler_of_nothing_says_so(cluster: Cluster) -> None:
    cluster.create("horizontalpodautoscalers", autoscaler(1, 2))
    found = cluster.until(
        "horizontalpodautoscalers", "web", lambda each: condition(each, "AbleToScale").get("status") == "False"
    )
    assert condition(found, "AbleToScale")["reason"] == "FailedGetScale"


def test_an_autoscaler_rests_where_nothing_is_to_run(cluster: Cluster, image: Image) -> None:
    cluster.create("deployments", image.deployment(0))
    cluster.create("horizontalpodautoscalers", autoscaler(1, 2))
    found = cluster.until("horizontalpodautoscalers", "web", lambda each: condition(each, "ScalingActive"))
    assert condition(found, "ScalingActive")["reason"] == "ScalingDisabled"
    assert cluster.get("deployments", "web")["spec"]["replicas"] == 0
