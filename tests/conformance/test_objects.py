"""What a server does with one object: what it adds, what it keeps, and what it takes for a mistake."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster, Object
from tests.conformance.api import config, deployment, refused


def test_an_object_of_another_kind_is_a_bad_request(cluster: Cluster) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "settings"}}
    status = refused(400, "BadRequest", cluster.create, "configmaps", body)
    assert "Secret" in status["message"]
    assert "ConfigMap" in status["message"]


def test_what_is_no_object_is_a_bad_request(cluster: Cluster) -> None:
    refused(400, "BadRequest", cluster.request, "POST", cluster.path("configmaps"), "text")
    refused(400, "BadRequest", cluster.create, "configmaps", config() | {"data": ["a"]})


def test_an_object_of_another_name_or_namespace_is_a_bad_request(cluster: Cluster) -> None:
    cluster.create("configmaps", config())
    status = refused(400, "BadRequest", cluster.request, "PUT", cluster.path("configmaps", "settings"), config("b"))
    assert status["message"] == "the name of the object (b) does not match the name on the URL (settings)"
    elsewhere = {"metadata": {"name": "other", "namespace": "default"}}
    status = refused(400, "BadRequest", cluster.create, "configmaps", elsewhere)
    assert status["message"] == "the namespace of the provided object does not match the namespace sent on the request"


def test_nothing_is_made_in_a_namespace_that_is_not_there(cluster: Cluster) -> None:
    elsewhere = Cluster(cluster.kubeconfig, "no-such-place", cluster.patience)
    status = refused(404, "NotFound", elsewhere.create, "configmaps", config())
    assert status["message"] == 'namespaces "no-such-place" not found'


def test_an_object_without_a_name_is_invalid(cluster: Cluster) -> None:
    status = refused(422, "Invalid", cluster.create, "configmaps", {"metadata": {}})
    [cause] = status["details"]["causes"]
    assert (cause["field"], cause["reason"]) == ("metadata.name", "FieldValueRequired")
    assert cause["message"] == "Required value: name or generateName is required"


def test_what_is_not_there_cannot_be_updated(cluster: Cluster) -> None:
    refused(404, "NotFound", cluster.request, "PUT", cluster.path("configmaps", "settings"), config())
    refused(404, "NotFound", cluster.patch, "configmaps", "settings", {"data": {"a": "1"}})
    refused(404, "NotFound", cluster.delete, "configmaps", "settings")


def test_an_update_without_a_version_is_taken(cluster: Cluster) -> None:
    made = cluster.create("configmaps", config(a="1"))
    again = cluster.request("PUT", cluster.path("configmaps", "settings"), config(b="2"))
    assert again["data"] == {"b": "2"}
    assert again["metadata"]["uid"] == made["metadata"]["uid"]
    assert again["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]


def test_an_update_may_name_which_one_it_means(cluster: Cluster) -> None:
    old = cluster.create("configmaps", config())
    cluster.delete("configmaps", "settings")
    cluster.create("configmaps", config())
    body = config()
    body["metadata"]["uid"] = old["metadata"]["uid"]
    status = refused(409, "Conflict", cluster.request, "PUT", cluster.path("configmaps", "settings"), body)
    assert "UID in precondition" in status["message"]


def test_a_patch_of_an_old_version_is_refused(cluster: Cluster) -> None:
    old = cluster.create("configmaps", config(a="1"))["metadata"]["resourceVersion"]
    cluster.patch("configmaps", "settings", {"data": {"a": "2"}})
    patch = {"metadata": {"resourceVersion": old}, "data": {"a": "3"}}
    refused(409, "Conflict", cluster.patch, "configmaps", "settings", patch)
    assert cluster.get("configmaps", "settings")["data"] == {"a": "2"}


def test_a_generation_counts_what_is_wanted_and_nothing_else(cluster: Cluster) -> None:
    assert cluster.create("deployments", deployment())["metadata"]["generation"] == 1
    cluster.patch("deployments", "web", {"metadata": {"labels": {"tier": "web"}}})
    assert cluster.get("deployments", "web")["metadata"]["generation"] == 1
    assert cluster.patch("deployments", "web", {"spec": {"minReadySeconds": 1}})["metadata"]["generation"] == 2


def test_a_field_that_is_not_known_is_refused_when_asked_for_strictness(cluster: Cluster) -> None:
    path = cluster.path("deployments", query={"fieldValidation": "Strict"})
    status = refused(400, "BadRequest", cluster.request, "POST", path, deployment(replica=3))
    assert 'strict decoding error: unknown field "spec.replica"' in status["message"]


def test_a_field_that_is_not_known_is_warned_of_and_dropped(cluster: Cluster) -> None:
    path = cluster.path("deployments", query={"fieldValidation": "Warn"})
    with cluster._answer("POST", path, deployment(replica=3)) as answer:
        assert answer.status == 201
        assert answer.headers["Warning"] == '299 - "unknown field \\"spec.replica\\""'
    assert "replica" not in cluster.get("deployments", "web")["spec"]


def test_the_answer_to_a_deletion_names_what_is_gone(cluster: Cluster) -> None:
    made = cluster.create("configmaps", config())
    answer = cluster.request("DELETE", cluster.path("configmaps", "settings"))
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "settings", "kind": "configmaps", "uid": made["metadata"]["uid"]}


def test_a_deletion_that_is_only_tried_deletes_nothing(cluster: Cluster) -> None:
    cluster.create("configmaps", config())
    cluster.delete("configmaps", "settings", dryRun=["All"])
    assert cluster.find("configmaps", "settings")


def test_a_deletion_may_name_the_version_it_means(cluster: Cluster) -> None:
    old = cluster.create("configmaps", config())["metadata"]["resourceVersion"]
    cluster.patch("configmaps", "settings", {"data": {"a": "1"}})
    status = refused(409, "Conflict", cluster.delete, "configmaps", "settings", preconditions={"resourceVersion": old})
    assert "the ResourceVersion in the precondition" in status["message"]


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"labels": {"a": "not a value"}}, "metadata.labels"),
        ({"labels": {"not a key": "a"}}, "metadata.labels"),
        ({"annotations": {"not a key": "a"}}, "metadata.annotations"),
        ({"finalizers": ["unqualified"]}, "metadata.finalizers[0]"),
        ({"name": "a" * 254}, "metadata.name"),
        ({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a"}]}, "metadata.ownerReferences.uid"),
    ],
)
def test_metadata_that_is_wrong_is_told_by_its_field(cluster: Cluster, metadata: Object, field: str) -> None:
    body = {"metadata": {"name": "settings"} | metadata}
    status = refused(422, "Invalid", cluster.create, "configmaps", body)
    assert {each["field"] for each in status["details"]["causes"]} == {field}


def test_only_one_owner_controls(cluster: Cluster) -> None:
    owners = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": each, "uid": each, "controller": True} for each in ("a", "b")
    ]
    body = {"metadata": {"name": "settings", "ownerReferences": owners}}
    status = refused(422, "Invalid", cluster.create, "configmaps", body)
    assert "Only one reference can have Controller set to true" in status["message"]


def test_a_namespace_comes_with_an_account_and_a_label(cluster: Cluster) -> None:
    found = cluster.get("namespaces", cluster.namespace)
    assert found["metadata"]["labels"]["kubernetes.io/metadata.name"] == cluster.namespace
    assert (found["status"]["phase"], found["spec"]["finalizers"]) == ("Active", ["kubernetes"])
    authority = cluster.until("configmaps", "kube-root-ca.crt", lambda each: each)
    assert authority["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")


def test_nothing_is_made_in_a_namespace_that_ends(cluster: Cluster) -> None:
    held = config()
    held["metadata"]["finalizers"] = ["acme.example/first"]
    cluster.create("configmaps", held)
    cluster.delete("namespaces", cluster.namespace)
    cluster.until("namespaces", cluster.namespace, lambda each: each["status"]["phase"] == "Terminating")
    status = refused(403, "Forbidden", cluster.create, "configmaps", config("late"))
    assert status["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    assert "because it is being terminated" in status["message"]
    cluster.patch("configmaps", "settings", {"metadata": {"finalizers": None}})
    cluster.until_gone("namespaces", cluster.namespace)
