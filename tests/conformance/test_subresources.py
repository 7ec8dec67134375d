"""What lies beside an object: its status, its scale, its binding, tokens."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from tests.cluster import Cluster, Object, condition
from tests.conformance.api import JSON_PATCH, MERGE, deployment, refused
from tests.conformance.pods import Image, phase

AUTHENTICATION = "/apis/authentication.k8s.io/v1"


def beside(cluster: Cluster, part: str, method: str = "GET", body: Any = None, resource: str = "deployments") -> Object:
    content_type = {"PATCH": MERGE}.get(method, "application/json")
    found: Object = cluster.request(method, f"{cluster.path(resource, 'web')}/{part}", body, content_type)
    return found


def test_a_status_is_written_beside_the_object_only(cluster: Cluster) -> None:
    ignored = cluster.create("deployments", deployment() | {"status": {"replicas": 7}})
    assert "replicas" not in (ignored.get("status") or {})
    condition = {"type": "Judged", "status": "True", "reason": "Because", "message": ""}
    changed = beside(
        cluster, "status", "PATCH", {"status": {"conditions": [condition]}, "spec": {"minReadySeconds": 9}}
    )
    assert "Judged" in {each["type"] for each in changed["status"]["conditions"]}
    assert "minReadySeconds" not in changed["spec"]
    assert changed["metadata"]["generation"] == 1


def test_a_scale_is_read_and_written(cluster: Cluster) -> None:
    cluster.create("deployments", deployment())
    cluster.until("deployments", "web", lambda each: condition(each, "Progressing"))  # nobody writes any more
    scale = beside(cluster, "scale")
    assert (scale["kind"], scale["apiVersion"], scale["spec"].get("replicas", 0)) == ("Scale", "autoscaling/v1", 0)
    assert scale["status"]["selector"] == "app=web"
    scale["spec"]["replicas"] = 2
    changed = beside(cluster, "scale", "PUT", scale)
    assert changed["spec"]["replicas"] == 2
    assert cluster.get("deployments", "web")["spec"]["replicas"] == 2


def test_an_old_scale_is_refused(cluster: Cluster) -> None:
    cluster.create("deployments", deployment())
    scale = beside(cluster, "scale")
    cluster.patch("deployments", "web", {"metadata": {"labels": {"a": "b"}}})
    scale["spec"]["replicas"] = 2
    refused(409, "Conflict", beside, cluster, "scale", "PUT", scale)


def test_a_scale_below_nothing_is_invalid(cluster: Cluster) -> None:
    cluster.create("deployments", deployment())
    status = refused(422, "Invalid", beside, cluster, "scale", "PATCH", {"spec": {"replicas": -1}})
    assert [each["field"] for each in status["details"]["causes"]] == ["spec.replicas"]


@pytest.mark.parametrize("resource", ["replicasets", "statefulsets"])
def test_other_sets_are_scaled_too(cluster: Cluster, resource: str) -> None:
    body = deployment()
    body |= {"kind": "ReplicaSet" if resource == "replicasets" else "StatefulSet"}
    body["spec"] |= {"serviceName": "web"} if resource == "statefulsets" else {}
    body["spec"]["template"]["spec"]["schedulerName"] = "nobody"
    cluster.create(resource, body)
    beside(cluster, "scale", "PATCH", {"spec": {"replicas": 1}}, resource)
    cluster.until(resource, "web", lambda each: each["status"].get("replicas") == 1)
    assert beside(cluster, "scale", resource=resource)["status"]["replicas"] == 1


def test_what_has_no_scale_says_so(cluster: Cluster) -> None:
    cluster.create("configmaps", {"metadata": {"name": "web"}})
    refused(404, "NotFound", beside, cluster, "scale", resource="configmaps")
    cluster.create("deployments", deployment())
    refused(404, "NotFound", beside, cluster, "nonsense")


def test_a_scale_is_not_there_without_its_object(cluster: Cluster) -> None:
    status = refused(404, "NotFound", beside, cluster, "scale")
    assert status["message"] == 'deployments.apps "web" not found'


def test_a_pod_is_bound_to_a_node_by_whoever_may(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("true", spec={"schedulerName": "nobody"}))
    assert "nodeName" not in cluster.get("pods", "pod")["spec"]
    [node, *_] = [each for each in cluster.list("nodes") if not each["spec"].get("taints")]
    target = {"apiVersion": "v1", "kind": "Node", "name": node["metadata"]["name"]}
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "pod"}, "target": target}
    cluster.request("POST", f"{cluster.path('pods', 'pod')}/binding", body)
    assert cluster.get("pods", "pod")["spec"]["nodeName"] == target["name"]
    refused(409, "Conflict", cluster.request, "POST", f"{cluster.path('pods', 'pod')}/binding", body)
    cluster.until("pods", "pod", phase("Succeeded"))


def test_a_namespace_is_finalized_beside_it(cluster: Cluster) -> None:
    cluster.create("configmaps", {"metadata": {"name": "web"}})
    path = f"/api/v1/namespaces/{cluster.namespace}/finalize"
    held = cluster.get("namespaces", cluster.namespace)
    held["spec"]["finalizers"].append("acme.example/first")
    cluster.request("PUT", path, held)
    cluster.delete("namespaces", cluster.namespace)
    left = cluster.until(
        "namespaces", cluster.namespace, lambda each: each["spec"]["finalizers"] == ["acme.example/first"]
    )
    left["spec"]["finalizers"] = []
    cluster.request("PUT", path, left)
    cluster.until_gone("namespaces", cluster.namespace)


# -- tokens


def token(cluster: Cluster, **spec: Any) -> Object:
    body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": spec}
    found: Object = cluster.request("POST", cluster.path("serviceaccounts", "default") + "/token", body)
    return found


def claims(text: str) -> Object:
    part = text.split(".")[1]
    found: Object = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def review(cluster: Cluster, text: str, **spec: Any) -> Object:
    body = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": text, **spec}}
    found: Object = cluster.request("POST", f"{AUTHENTICATION}/tokenreviews", body)["status"]
    return found


def test_a_token_says_whose_it_is_and_until_when(cluster: Cluster) -> None:
    found = token(cluster, expirationSeconds=3600)
    told = claims(found["status"]["token"])
    assert told["sub"] == f"system:serviceaccount:{cluster.namespace}:default"
    assert told["kubernetes.io"]["namespace"] == cluster.namespace
    assert told["exp"] - told["iat"] == 3600
    assert found["status"]["expirationTimestamp"]


def test_a_token_of_less_than_ten_minutes_is_refused(cluster: Cluster) -> None:
    status = refused(422, "Invalid", token, cluster, expirationSeconds=60)
    assert [each["field"] for each in status["details"]["causes"]] == ["spec.expirationSeconds"]


def test_a_token_is_reviewed(cluster: Cluster) -> None:
    found = review(cluster, token(cluster)["status"]["token"])
    assert found["authenticated"] is True
    assert found["user"]["username"] == f"system:serviceaccount:{cluster.namespace}:default"
    assert set(found["user"]["groups"]) == {
        "system:serviceaccounts",
        f"system:serviceaccounts:{cluster.namespace}",
        "system:authenticated",
    }
    assert not review(cluster, "nonsense").get("authenticated")


def test_a_token_is_for_its_audience(cluster: Cluster) -> None:
    text = token(cluster, audiences=["acme"])["status"]["token"]
    assert claims(text)["aud"] == ["acme"]
    assert review(cluster, text, audiences=["acme"])["authenticated"] is True
    assert not review(cluster, text).get("authenticated")


def test_who_asks_is_told(cluster: Cluster, stranger: Cluster) -> None:
    body = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    found = stranger.request("POST", f"{AUTHENTICATION}/selfsubjectreviews", body)["status"]["userInfo"]
    assert found["username"] == f"system:serviceaccount:{cluster.namespace}:stranger"


def test_a_status_is_patched_step_by_step_too(cluster: Cluster) -> None:
    cluster.create("deployments", deployment())
    cluster.until("deployments", "web", lambda each: each["status"].get("observedGeneration"))
    steps = [{"op": "add", "path": "/status/collisionCount", "value": 3}]
    path = f"{cluster.path('deployments', 'web')}/status"
    assert cluster.request("PATCH", path, steps, JSON_PATCH)["status"]["collisionCount"] == 3
