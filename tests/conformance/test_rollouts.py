"""A Deployment's rollout, step by step: how many pods at once, when it stops, how it is turned back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object, condition, ready, rolled_out
from tests.conformance.pods import Image, event
from tests.conformance.test_workloads import deploy, named, revision, template


def rolling(image: Image, replicas: int, surge: Any, unavailable: Any, **spec: Any) -> Object:
    body = image.deployment(replicas)
    bounds = {"maxSurge": surge, "maxUnavailable": unavailable}
    body["spec"] |= {"strategy": {"type": "RollingUpdate", "rollingUpdate": bounds}, **spec}
    return body


def statuses(cluster: Cluster, since: str) -> list[Object]:
    """What the Deployment's status was until it had been rolled out."""
    seen = []
    for change in cluster.watch("deployments", name="web", since=since):
        seen.append(change["object"]["status"])
        if rolled_out(change["object"]):
            return seen
    raise AssertionError("the rollout has not ended")


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "least", "most"),
    [(3, 0, 1, 2, 3), (2, "50%", 0, 2, 3), (3, "34%", "34%", 2, 5), (2, 2, 2, 0, 4)],
    ids=["no more", "half more", "rounded", "all at once"],
)
def test_never_more_nor_fewer_pods_than_allowed(
    cluster: Cluster, image: Image, replicas: int, surge: Any, unavailable: Any, least: int, most: int
) -> None:
    deploy(cluster, rolling(image, replicas, surge, unavailable))
    since = cluster.patch("deployments", "web", template(version="2"))["metadata"]["resourceVersion"]
    seen = statuses(cluster, since)
    assert min(each.get("availableReplicas", 0) for each in seen) >= least
    assert max(each["replicas"] for each in seen) <= most


def test_only_the_oldest_templates_beyond_the_limit_are_forgotten(cluster: Cluster, image: Image) -> None:
    body = rolling(image, 0, 1, 0, revisionHistoryLimit=1)
    deploy(cluster, body)
    for version in ("2", "3"):
        cluster.patch("deployments", "web", template(version=version))
        cluster.until("deployments", "web", rolled_out)
    while {revision(each) for each in cluster.list("replicasets")} != {"2", "3"}:
        pass


def test_a_rollout_that_is_paused_stays_where_it_is(cluster: Cluster, image: Image) -> None:
    deploy(cluster, rolling(image, 1, 1, 0))
    [first] = cluster.list("replicasets")
    broken = template(version="2")
    broken["spec"]["template"]["spec"] = {"nodeSelector": {"acme.example/no": "such"}}
    cluster.patch("deployments", "web", broken)
    cluster.until_pods(lambda pods: len(pods) == 2)
    paused = cluster.patch("deployments", "web", {"spec": {"paused": True}})
    found = cluster.until(
        "deployments", "web", lambda each: each["status"]["observedGeneration"] == paused["metadata"]["generation"]
    )
    assert condition(found, "Progressing")["reason"] == "DeploymentPaused"
    assert cluster.get("replicasets", first["metadata"]["name"])["spec"]["replicas"] == 1
    back = template(version=None)
    back["spec"]["template"]["spec"] = {"nodeSelector": None}
    cluster.patch("deployments", "web", back | {"spec": back["spec"] | {"paused": False}})
    cluster.until("deployments", "web", rolled_out)


def test_a_rollout_in_between_is_left_for_the_next(cluster: Cluster, image: Image) -> None:
    deploy(cluster, rolling(image, 2, 1, 0))
    broken = template(version="2")
    broken["spec"]["template"]["spec"] = {"nodeSelector": {"acme.example/no": "such"}}
    cluster.patch("deployments", "web", broken)
    cluster.until_pods(lambda pods: len(pods) == 3)
    mended = template(version="3")
    mended["spec"]["template"]["spec"] = {"nodeSelector": None}
    cluster.patch("deployments", "web", mended)
    cluster.until("deployments", "web", rolled_out)
    pods = cluster.until_pods(lambda pods: len(pods) == 2)
    assert {each["metadata"]["annotations"]["version"] for each in pods} == {"3"}


def test_a_new_pod_counts_only_after_it_has_been_ready_for_a_while(cluster: Cluster, image: Image) -> None:
    body = rolling(image, 1, 1, 0, minReadySeconds=2)
    cluster.create("deployments", body)
    ready_ = cluster.until("deployments", "web", lambda each: each["status"].get("readyReplicas") == 1)
    assert ready_["status"].get("availableReplicas", 0) == 0
    assert condition(ready_, "Available")["reason"] == "MinimumReplicasUnavailable"
    done = cluster.until("deployments", "web", rolled_out)
    assert condition(done, "Available")["reason"] == "MinimumReplicasAvailable"


def test_a_change_of_scale_makes_no_new_revision(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    cluster.patch("deployments", "web", {"spec": {"replicas": 2}})
    done = cluster.until("deployments", "web", rolled_out)
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert len(cluster.list("replicasets")) == 1


def test_a_restart_is_a_change_of_the_template(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    before = named(cluster.list("pods"))
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    cluster.patch("deployments", "web", {"spec": {"template": {"metadata": {"annotations": stamp}}}})
    cluster.until("deployments", "web", rolled_out)
    pods = cluster.until_pods(lambda pods: len(pods) == 1)
    assert not named(pods) & before


def test_the_hash_of_a_template_is_on_its_pods_and_in_their_selector(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    [replica_set], [pod] = cluster.list("replicasets"), cluster.list("pods")
    found = pod["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": found}
    assert replica_set["metadata"]["name"] == f"web-{found}"
    assert pod["metadata"]["generateName"] == f"web-{found}-"


def test_what_a_rollout_does_is_told_in_events(cluster: Cluster, image: Image) -> None:
    deploy(cluster, rolling(image, 1, 1, 0))
    [first] = named(cluster.list("replicasets"))
    cluster.patch("deployments", "web", template(version="2"))
    cluster.until("deployments", "web", rolled_out)
    [second] = named(cluster.list("replicasets")) - {first}
    wanted = {
        f"Scaled up replica set {first} from 0 to 1",
        f"Scaled up replica set {second} from 0 to 1",
        f"Scaled down replica set {first} from 1 to 0",
    }
    told: set[str] = set()
    for change in cluster.watch("events"):
        if change["object"]["reason"] == "ScalingReplicaSet":
            told.add(change["object"]["message"])
        if wanted <= told:
            break
    assert told == wanted


def test_a_pod_that_no_longer_fits_the_selector_is_let_go_and_replaced(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    [pod] = cluster.list("pods")
    name = pod["metadata"]["name"]
    cluster.patch("pods", name, {"metadata": {"labels": {"app": "other"}}})
    cluster.until_pods(lambda pods: len(pods) == 1 and all(map(ready, pods)), "app=web")
    left = cluster.until("pods", name, lambda each: not each["metadata"].get("ownerReferences"))
    assert ready(left)


def test_a_pod_that_fits_is_adopted_by_a_replica_set(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod() | {"metadata": {"name": "own", "labels": {"app": "web"}}})
    body = image.deployment(1)
    cluster.create("replicasets", body)
    adopted = cluster.until("pods", "own", lambda each: each["metadata"].get("ownerReferences"))
    assert adopted["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
    cluster.until("replicasets", "web", lambda each: each["status"].get("observedGeneration"))
    assert named(cluster.list("pods")) == {"own"}


def test_a_pod_that_has_ended_is_replaced(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    [pod] = cluster.list("pods")
    cluster.delete("pods", pod["metadata"]["name"], gracePeriodSeconds=0)
    cluster.until_pods(lambda pods: len(pods) == 1 and ready(pods[0]) and named(pods) != named([pod]))
    [replica_set] = cluster.list("replicasets")
    name = replica_set["metadata"]["name"]
    assert event(cluster, name, "SuccessfulCreate")["type"] == "Normal"
