"""What a cluster tells of itself: groups, kinds, verbs, schemas, health."""

from __future__ import annotations

import json

import pytest

from tests.cluster import Cluster, Object, Refused
from tests.conformance.api import refused

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def resources(cluster: Cluster, group_version: str) -> dict[str, Object]:
    base = "/api" if group_version == "v1" else "/apis"
    return {each["name"]: each for each in cluster.request("GET", f"{base}/{group_version}")["resources"]}


@pytest.mark.parametrize(
    ("group_version", "kinds"),
    [
        ("v1", "ConfigMap Endpoints Event LimitRange Namespace Node Pod ResourceQuota Secret Service ServiceAccount"),
        ("apps/v1", "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet"),
        ("batch/v1", "Job"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("networking.k8s.io/v1", "Ingress IngressClass NetworkPolicy"),
        ("policy/v1", "PodDisruptionBudget"),
        ("coordination.k8s.io/v1", "Lease"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole ClusterRoleBinding Role RoleBinding"),
        ("events.k8s.io/v1", "Event"),
    ],
)
def test_the_kinds_of_a_group_are_served(target: Cluster, group_version: str, kinds: str) -> None:
    found = resources(target, group_version)
    assert {each["kind"] for name, each in found.items() if "/" not in name} >= set(kinds.split())
    for name, each in found.items():
        assert each["singularName"] or "/" in name
        assert each["verbs"]


def test_parts_of_objects_are_served_beside_them(target: Cluster) -> None:
    pods = resources(target, "v1")
    assert {"pods/log", "pods/exec", "pods/eviction", "pods/proxy", "pods/portforward", "pods/status"} <= set(pods)
    eviction = pods["pods/eviction"]
    assert (eviction["group"], eviction["version"], eviction["kind"]) == ("policy", "v1", "Eviction")
    scale = resources(target, "apps/v1")["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    assert sorted(scale["verbs"]) == ["get", "patch", "update"]


def test_short_names_and_categories_are_told(target: Cluster) -> None:
    core, apps = resources(target, "v1"), resources(target, "apps/v1")
    assert [core[each]["shortNames"] for each in ("pods", "configmaps", "services")] == [["po"], ["cm"], ["svc"]]
    assert apps["deployments"]["shortNames"] == ["deploy"]
    assert core["pods"]["categories"] == apps["deployments"]["categories"] == ["all"]
    assert "categories" not in core["configmaps"]


def test_all_kinds_are_told_in_one_answer(target: Cluster) -> None:
    found = target.request("GET", "/apis", accept=AGGREGATED)
    assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    apps = next(each for each in found["items"] if each["metadata"]["name"] == "apps")
    [version] = apps["versions"]
    deployments = next(each for each in version["resources"] if each["resource"] == "deployments")
    assert (deployments["scope"], deployments["responseKind"]["kind"]) == ("Namespaced", "Deployment")
    assert {each["subresource"] for each in deployments["subresources"]} == {"scale", "status"}


def test_a_group_tells_which_version_it_prefers(target: Cluster) -> None:
    group = target.request("GET", "/apis/autoscaling")
    assert group["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}
    assert {each["version"] for each in group["versions"]} >= {"v1", "v2"}


def test_the_schema_of_a_group_is_served(target: Cluster) -> None:
    with target._answer("GET", "/openapi/v3") as answer:  # as text, says Kubernetes
        paths = json.loads(answer.read())["paths"]
    schemas = target.request("GET", paths["apis/apps/v1"]["serverRelativeURL"])["components"]["schemas"]
    found = schemas["io.k8s.api.apps.v1.Deployment"]
    assert {"group": "apps", "kind": "Deployment", "version": "v1"} in found["x-kubernetes-group-version-kind"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-list-map-keys"] == ["name"]


def test_health_is_told_in_a_word(target: Cluster) -> None:
    assert [target.request("GET", each) for each in ("/healthz", "/livez", "/readyz")] == ["ok"] * 3


def test_a_path_that_is_not_served_is_not_found(target: Cluster) -> None:
    with pytest.raises(Refused) as caught:
        target.request("GET", "/api/v1/namespaces/default/rockets")
    assert caught.value.status["code"] == 404


def test_a_method_that_does_not_fit_is_not_allowed(cluster: Cluster) -> None:
    status = refused(405, "MethodNotAllowed", cluster.request, "POST", cluster.path("configmaps", "settings"), {})
    assert status["message"] == "the server does not allow this method on the requested resource"


def test_a_media_type_that_is_not_known_is_refused(cluster: Cluster) -> None:
    cluster.create("configmaps", {"metadata": {"name": "settings"}})
    path = cluster.path("configmaps", "settings")
    refused(415, "UnsupportedMediaType", cluster.request, "PATCH", path, {}, "application/json")
    refused(406, "NotAcceptable", cluster.request, "GET", path, accept="application/acme")
