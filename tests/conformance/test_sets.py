"""StatefulSets, whose pods have names that stay, and DaemonSets, which have a pod on every node."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster, Object, ready
from tests.conformance.pods import FOREVER, Image, event

HASH = "controller-revision-hash"


def workload(image: Image, script: str = FOREVER, **spec: Any) -> Object:
    """The StatefulSet or DaemonSet `web`."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": image.pod(script)["spec"]}
    return {
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def stateful(image: Image, replicas: int = 2, script: str = FOREVER, **spec: Any) -> Object:
    return workload(image, script, replicas=replicas, serviceName="web", **spec)


def version(number: str | None) -> Object:
    """A merge patch of the template."""
    return {"spec": {"template": {"metadata": {"annotations": {"version": number}}}}}


def set_done(each: Object) -> bool:
    """As `kubectl rollout status` has it for a StatefulSet."""
    status, wanted = each["status"], each["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("replicas", "readyReplicas", "updatedReplicas")]
    current = status.get("observedGeneration", 0) >= each["metadata"]["generation"]
    return current and counts == [wanted] * 3 and status["currentRevision"] == status["updateRevision"]


def daemons_done(each: Object) -> bool:
    """As `kubectl rollout status` has it for a DaemonSet."""
    status = each["status"]
    wanted = status["desiredNumberScheduled"]
    counts = [status.get(name, 0) for name in ("updatedNumberScheduled", "numberAvailable", "currentNumberScheduled")]
    return (
        status.get("observedGeneration", 0) >= each["metadata"]["generation"] and counts == [wanted] * 3 and wanted > 0
    )


def names(objects: list[Object]) -> list[str]:
    return sorted(each["metadata"]["name"] for each in objects)


def test_pods_of_a_stateful_set_are_made_in_order_and_keep_their_names(cluster: Cluster, image: Image) -> None:
    cluster.create("statefulsets", stateful(image, 3))
    made: dict[str, Object] = {}
    for change in cluster.watch("pods"):
        name = change["object"]["metadata"]["name"]
        if name not in made:
            assert all(ready(each) for each in made.values()), f"{name} was made before the one before it was ready"
        made[name] = change["object"]
        if len(made) == 3 and ready(change["object"]):
            break
    assert sorted(made) == ["web-0", "web-1", "web-2"]
    assert made["web-1"]["spec"]["hostname"] == "web-1"
    assert made["web-1"]["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    uid = made["web-1"]["metadata"]["uid"]
    cluster.delete("pods", "web-1")
    cluster.until("pods", "web-1", lambda each: each["metadata"]["uid"] != uid and ready(each))
    message = event(cluster, "web", "SuccessfulCreate")["message"]
    assert message == "create Pod web-0 in StatefulSet web successful"


def test_a_stateful_set_is_scaled_down_from_its_end(cluster: Cluster, image: Image) -> None:
    cluster.create("statefulsets", stateful(image, 3, podManagementPolicy="Parallel"))
    cluster.until("statefulsets", "web", set_done)
    cluster.patch("statefulsets", "web", {"spec": {"replicas": 1}})
    assert names(cluster.until_pods(lambda pods: len(pods) == 1)) == ["web-0"]


def test_a_new_template_goes_from_the_last_pod_to_the_first(cluster: Cluster, image: Image) -> None:
    cluster.create("statefulsets", stateful(image))
    first = cluster.until("statefulsets", "web", set_done)["status"]["updateRevision"]
    since = cluster.patch("statefulsets", "web", version("2"))["metadata"]["resourceVersion"]
    deleted = []
    for change in cluster.watch("pods", since=since):
        if change["type"] == "DELETED":
            deleted.append(change["object"]["metadata"]["name"])
        if len(deleted) == 2:
            break
    assert deleted == ["web-1", "web-0"]
    done = cluster.until("statefulsets", "web", set_done)
    assert done["status"]["updateRevision"] != first
    cluster.patch("statefulsets", "web", version(None))
    again = cluster.until("statefulsets", "web", set_done)
    assert again["status"]["updateRevision"] == first
    found = cluster.list("controllerrevisions")
    assert sorted(each["revision"] for each in found) == [2, 3]


def test_a_partition_keeps_the_pods_before_it(cluster: Cluster, image: Image) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    cluster.create("statefulsets", stateful(image, updateStrategy=strategy))
    cluster.until("statefulsets", "web", lambda each: each["status"].get("readyReplicas") == 2)
    old = cluster.get("pods", "web-0")["metadata"]["labels"][HASH]
    cluster.patch("statefulsets", "web", version("2"))
    new = cluster.until("pods", "web-1", lambda each: each["metadata"]["labels"][HASH] != old and ready(each))
    cluster.delete("pods", "web-0")
    again = cluster.until("pods", "web-0", lambda each: not each["metadata"].get("deletionTimestamp") and ready(each))
    assert again["metadata"]["labels"][HASH] == old != new["metadata"]["labels"][HASH]


def test_a_daemon_set_has_a_pod_on_every_node_that_takes_it(cluster: Cluster, image: Image) -> None:
    nodes = {
        each["metadata"]["name"]
        for each in cluster.list("nodes")
        if not [taint for taint in each["spec"].get("taints") or () if taint["effect"] != "PreferNoSchedule"]
    }
    cluster.create("daemonsets", workload(image))
    status = cluster.until("daemonsets", "web", daemons_done)["status"]
    counts = [status[each] for each in ("desiredNumberScheduled", "numberReady", "numberMisscheduled")]
    assert counts == [len(nodes), len(nodes), 0]
    assert {each["spec"]["nodeName"] for each in cluster.list("pods")} == nodes
    cluster.delete("pods", names(cluster.list("pods"))[0])
    cluster.until_pods(lambda pods: len(pods) == len(nodes) and all(map(ready, pods)))


def test_a_new_template_of_a_daemon_set_reaches_every_node(cluster: Cluster, image: Image) -> None:
    cluster.create("daemonsets", workload(image))
    cluster.until("daemonsets", "web", daemons_done)
    old = names(cluster.list("pods"))
    cluster.patch("daemonsets", "web", version("2"))
    cluster.until("daemonsets", "web", daemons_done)
    pods = cluster.until_pods(lambda pods: len(pods) == len(old) and not set(names(pods)) & set(old))
    assert {each["metadata"]["annotations"]["version"] for each in pods} == {"2"}


def test_with_a_surge_the_new_pod_is_there_before_the_old_one_goes(cluster: Cluster, image: Image) -> None:
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    cluster.create("daemonsets", workload(image, updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling}))
    cluster.until("daemonsets", "web", daemons_done)
    since = cluster.patch("daemonsets", "web", version("2"))["metadata"]["resourceVersion"]
    for change in cluster.watch("daemonsets", name="web", since=since):
        assert change["object"]["status"].get("numberUnavailable", 0) == 0
        if daemons_done(change["object"]):
            break


def test_a_daemon_set_leaves_nodes_that_do_not_fit_any_more(cluster: Cluster, image: Image) -> None:
    cluster.create("daemonsets", workload(image))
    cluster.until("daemonsets", "web", daemons_done)
    selector = {"spec": {"template": {"spec": {"nodeSelector": {"acme.example/no": "such"}}}}}
    cluster.patch("daemonsets", "web", selector)
    cluster.until_pods(lambda pods: not pods)
    cluster.until("daemonsets", "web", lambda each: each["status"]["desiredNumberScheduled"] == 0)
