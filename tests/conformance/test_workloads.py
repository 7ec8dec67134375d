"""Deployments and what belongs to them: scaling, rolling updates, endpoints, garbage, the end of a namespace."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster, Object, condition, ready, rolled_out
from tests.conformance.pods import FOREVER, Image, event, waiting


def deploy(cluster: Cluster, deployment: Object) -> Object:
    """Creates a Deployment, and waits until it is rolled out."""
    cluster.create("deployments", deployment)
    return cluster.until("deployments", "web", rolled_out)


def template(**container: Any) -> Object:
    """A merge patch of the template's annotations."""
    return {"spec": {"template": {"metadata": {"annotations": container}}}}


def scale(cluster: Cluster, replicas: int) -> Object:
    body = {"spec": {"replicas": replicas}}
    path = f"{cluster.path('deployments', 'web')}/scale"
    scaled: Object = cluster.request("PATCH", path, body, "application/merge-patch+json")
    return scaled


def named(objects: list[Object]) -> set[str]:
    return {each["metadata"]["name"] for each in objects}


def revision(replica_set: Object) -> str:
    return str(replica_set["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


def test_a_deployment_makes_pods_by_a_replica_set(cluster: Cluster, image: Image) -> None:
    deployment = deploy(cluster, image.deployment())
    assert condition(deployment, "Available")["status"] == "True"
    assert condition(deployment, "Progressing")["reason"] == "NewReplicaSetAvailable"
    [replica_set] = cluster.list("replicasets")
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
    pods = cluster.list("pods", "app=web")
    assert len(pods) == 2
    for pod in pods:
        [owner] = pod["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == (
            "ReplicaSet",
            replica_set["metadata"]["uid"],
            True,
        )
        assert pod["metadata"]["labels"]["pod-template-hash"] in pod["metadata"]["name"]


def test_a_pod_that_is_deleted_is_replaced(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment())
    before = named(cluster.list("pods"))
    cluster.delete("pods", sorted(before)[0])
    pods = cluster.until_pods(lambda pods: len(pods) == 2 and all(map(ready, pods)) and named(pods) != before)
    assert len(named(pods) & before) == 1


def test_scaling_up_and_down(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    assert scale(cluster, 3)["spec"]["replicas"] == 3
    cluster.until_pods(lambda pods: len(pods) == 3 and all(map(ready, pods)))
    scale(cluster, 0)
    cluster.until_pods(lambda pods: not pods)
    assert cluster.until("deployments", "web", rolled_out)["status"].get("replicas", 0) == 0


def test_a_new_template_is_rolled_out_and_never_too_few_are_available(cluster: Cluster, image: Image) -> None:
    body = image.deployment()
    body["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    deploy(cluster, body)
    old = named(cluster.list("pods"))
    since = cluster.patch("deployments", "web", template(version="2"))["metadata"]["resourceVersion"]
    seen = []
    for change in cluster.watch("deployments", name="web", since=since):
        seen.append(change["object"]["status"])
        if rolled_out(change["object"]):
            break
    assert min(each.get("availableReplicas", 0) for each in seen) == 2
    assert max(each["replicas"] for each in seen) == 3
    cluster.until_pods(lambda pods: len(pods) == 2 and not named(pods) & old)
    assert {revision(each) for each in cluster.list("replicasets")} == {"1", "2"}


def test_an_earlier_template_is_the_earlier_replica_set_again(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment())
    [first] = cluster.list("replicasets")
    cluster.patch("deployments", "web", template(version="2"))
    cluster.until("deployments", "web", rolled_out)
    cluster.patch("deployments", "web", template(version=None))
    cluster.until("deployments", "web", rolled_out)
    again = cluster.get("replicasets", first["metadata"]["name"])
    assert again["spec"]["replicas"] == 2
    assert revision(again) == "3"


def test_an_update_that_cannot_start_misses_its_deadline_and_harms_nothing(cluster: Cluster, image: Image) -> None:
    body = image.deployment()
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    body["spec"] |= {"progressDeadlineSeconds": 2, "strategy": {"rollingUpdate": rolling}}
    deploy(cluster, body)
    broken = image.deployment(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "a"}}}])
    cluster.patch("deployments", "web", {"spec": {"template": broken["spec"]["template"]}})
    late = cluster.until(
        "deployments", "web", lambda each: condition(each, "Progressing").get("reason") == "ProgressDeadlineExceeded"
    )
    assert late["status"]["availableReplicas"] == 2
    pods = cluster.list("pods")
    assert [waiting("CreateContainerConfigError")(each) for each in pods].count(True) == 1
    assert len([each for each in pods if ready(each)]) == 2


def test_recreate_ends_the_old_pods_first(cluster: Cluster, image: Image) -> None:
    body = image.deployment()
    body["spec"]["strategy"] = {"type": "Recreate"}
    deploy(cluster, body)
    since = cluster.request("GET", cluster.path("pods"))["metadata"]["resourceVersion"]
    old = named(cluster.list("pods"))
    cluster.patch("deployments", "web", template(version="2"))
    heard = []
    for change in cluster.watch("pods", since=since):
        heard.append((change["type"], change["object"]["metadata"]["name"] in old))
        if heard[-1] == ("ADDED", False):
            break
    assert heard.count(("DELETED", True)) == 2


def test_a_paused_deployment_does_not_roll(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    cluster.patch("deployments", "web", {"spec": {"paused": True}})
    changed = cluster.patch("deployments", "web", template(version="2"))
    generation = changed["metadata"]["generation"]
    cluster.until("deployments", "web", lambda each: each["status"]["observedGeneration"] == generation)
    assert len(cluster.list("replicasets")) == 1
    cluster.patch("deployments", "web", {"spec": {"paused": None}})
    cluster.until("deployments", "web", rolled_out)
    assert len(cluster.list("replicasets")) == 2


# -- Services


def test_a_service_knows_the_pods_that_are_ready(cluster: Cluster, image: Image) -> None:
    mounts = [{"name": "work", "mountPath": "/work"}]
    probe = {"exec": {"command": ["/bin/sh", "-c", "test -e /work/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    spec = {"volumes": [{"name": "work", "emptyDir": {}}]}
    script = f"touch /work/ready; {FOREVER}"
    cluster.create("pods", image.pod(script, "good", spec, volumeMounts=mounts, readinessProbe=probe))
    cluster.create("pods", image.pod(FOREVER, "bad", spec, volumeMounts=mounts, readinessProbe=probe))
    cluster.patch("pods", "bad", {"metadata": {"labels": {"app": "good"}}})
    service = cluster.create(
        "services", {"metadata": {"name": "web"}, "spec": {"selector": {"app": "good"}, "ports": [{"port": 80}]}}
    )
    assert service["spec"]["clusterIP"]
    address = cluster.until("pods", "good", ready)["status"]["podIP"]

    def is_told(change: Object) -> bool:
        found = {
            each["targetRef"]["name"]: each["conditions"].get("ready")
            for each in change["object"].get("endpoints") or []
        }
        return found == {"good": True, "bad": False}

    told = next(each for each in cluster.watch("endpointslices") if is_told(each))
    [good] = [each for each in told["object"]["endpoints"] if each["conditions"]["ready"]]
    assert good["addresses"] == [address]


# -- garbage and namespaces


def test_what_is_owned_goes_with_its_owner(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    cluster.delete("deployments", "web", propagationPolicy="Background")
    cluster.until_pods(lambda pods: not pods)
    for each in cluster.list("replicasets"):
        cluster.until_gone("replicasets", each["metadata"]["name"])


def test_in_the_foreground_the_owner_goes_last(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    cluster.delete("deployments", "web", propagationPolicy="Foreground")
    waiting_ = cluster.find("deployments", "web")
    assert waiting_ is None or "foregroundDeletion" in waiting_["metadata"]["finalizers"]
    cluster.until_gone("deployments", "web")
    assert cluster.list("replicasets") == cluster.list("pods") == []


def test_orphans_stay_and_are_adopted(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    before = named(cluster.list("pods"))
    cluster.delete("deployments", "web", propagationPolicy="Orphan")
    cluster.until_gone("deployments", "web")
    [left] = cluster.list("replicasets")
    cluster.until("replicasets", left["metadata"]["name"], lambda each: not each["metadata"].get("ownerReferences"))
    deployment = deploy(cluster, image.deployment(1))
    [again] = cluster.list("replicasets")
    assert again["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
    assert named(cluster.list("pods")) == before


def test_an_owner_that_never_was_takes_its_dependants_along(cluster: Cluster) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "no", "uid": "11111111-1111-1111-1111-111111111111"}
    cluster.create("configmaps", {"metadata": {"name": "part", "ownerReferences": [owner]}})
    cluster.until_gone("configmaps", "part")


def test_a_namespace_goes_with_all_that_is_in_it(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    cluster.create("configmaps", {"metadata": {"name": "settings"}})
    cluster.delete("namespaces", cluster.namespace)
    gone = cluster.find("namespaces", cluster.namespace)
    assert gone is None or gone["status"]["phase"] == "Terminating"
    cluster.until_gone("namespaces", cluster.namespace)
    assert cluster.list("pods") == cluster.list("configmaps") == cluster.list("deployments") == []


def test_a_deployment_tells_what_it_scales(cluster: Cluster, image: Image) -> None:
    deploy(cluster, image.deployment(1))
    [replica_set] = cluster.list("replicasets")
    name = replica_set["metadata"]["name"]
    assert event(cluster, "web", "ScalingReplicaSet")["message"] == f"Scaled up replica set {name} from 0 to 1"
    assert event(cluster, name, "SuccessfulCreate")["message"].startswith("Created pod: web-")
