"""What every API server does with objects: versions, conflicts, selectors, pages, watches, patches, apply, deletion."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster, Refused
from tests.conformance.api import JSON_PATCH, MERGE, STRATEGIC, apply, config, refused


def test_what_is_served_is_told(cluster: Cluster) -> None:
    groups = {each["name"] for each in cluster.request("GET", "/apis")["groups"]}
    assert groups >= {"apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io", "policy", "autoscaling"}
    pods = next(each for each in cluster.request("GET", "/api/v1")["resources"] if each["name"] == "pods")
    assert (pods["kind"], pods["namespaced"]) == ("Pod", True)
    assert {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} <= set(pods["verbs"])
    assert cluster.request("GET", "/version")["major"] == "1"


def test_a_new_object_gets_an_identity(cluster: Cluster) -> None:
    made = cluster.create("configmaps", config(a="1"))["metadata"]
    assert made["namespace"] == cluster.namespace
    assert all(made[each] for each in ("uid", "resourceVersion", "creationTimestamp"))


def test_a_name_is_generated(cluster: Cluster) -> None:
    made = cluster.create("configmaps", {"metadata": {"generateName": "part-"}})
    assert made["metadata"]["name"].startswith("part-")
    assert len(made["metadata"]["name"]) == len("part-") + 5


def test_failures_are_told_as_a_status(cluster: Cluster) -> None:
    missing = refused(404, "NotFound", cluster.get, "configmaps", "settings")
    assert missing["message"] == 'configmaps "settings" not found'
    assert missing["details"] == {"name": "settings", "kind": "configmaps"}
    cluster.create("configmaps", config())
    again = refused(409, "AlreadyExists", cluster.create, "configmaps", config())
    assert again["message"] == 'configmaps "settings" already exists'


def test_what_is_wrong_in_an_object_is_told_by_its_field(cluster: Cluster) -> None:
    status = refused(422, "Invalid", cluster.create, "configmaps", config("Not A Name"))
    assert [each["field"] for each in status["details"]["causes"]] == ["metadata.name"]
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "b"}}, "spec": {}}}
    body = {"metadata": {"name": "web"}, "spec": spec}
    status = refused(422, "Invalid", cluster.create, "deployments", body)
    fields = {each["field"] for each in status["details"]["causes"]}
    assert fields == {"spec.template.metadata.labels", "spec.template.spec.containers"}


def test_a_kind_that_is_not_known_is_not_found(cluster: Cluster) -> None:
    with pytest.raises(Refused) as caught:
        cluster.request("GET", f"/apis/acme.example/v1/namespaces/{cluster.namespace}/rockets")
    assert caught.value.status["code"] == 404


def test_an_update_of_an_old_version_is_refused(cluster: Cluster) -> None:
    old = cluster.create("configmaps", config(a="1"))
    new = cluster.request("PUT", cluster.path("configmaps", "settings"), old | {"data": {"a": "2"}})
    assert new["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]
    status = refused(409, "Conflict", cluster.request, "PUT", cluster.path("configmaps", "settings"), old)
    assert "the object has been modified; please apply your changes to the latest version" in status["message"]


def test_an_update_that_changes_nothing_makes_no_version(cluster: Cluster) -> None:
    old = cluster.create("configmaps", config(a="1"))
    new = cluster.patch("configmaps", "settings", {"data": {"a": "1"}})
    assert new["metadata"]["resourceVersion"] == old["metadata"]["resourceVersion"]


def test_objects_are_selected_by_labels_and_fields(cluster: Cluster) -> None:
    for name, labels in (("a", {"tier": "web"}), ("b", {"tier": "db"}), ("c", {})):
        cluster.create("configmaps", config(name, labels | {"mine": "yes"}))

    def names(**query: str) -> list[str]:
        path = cluster.path("configmaps", query=query)
        return [each["metadata"]["name"] for each in cluster.request("GET", path)["items"]]

    assert names(labelSelector="tier=web,mine") == ["a"]
    assert names(labelSelector="tier in (web, db)") == ["a", "b"]
    assert names(labelSelector="mine,!tier") == ["c"]
    assert names(labelSelector="mine,tier!=web") == ["b", "c"]
    assert names(fieldSelector="metadata.name=b") == ["b"]


def test_a_list_comes_in_pages_of_one_version(cluster: Cluster) -> None:
    for number in range(5):
        cluster.create("configmaps", config(f"c{number}", {"mine": "yes"}))
    query = {"labelSelector": "mine", "limit": "2"}
    names: list[str] = []
    while True:
        page = cluster.request("GET", cluster.path("configmaps", query=query))
        names += [each["metadata"]["name"] for each in page["items"]]
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
        cluster.create("configmaps", config(f"late-{len(names)}", {"mine": "yes"}))
    assert names == [f"c{number}" for number in range(5)]


def test_a_watch_tells_every_change_after_a_version(cluster: Cluster) -> None:
    since = cluster.request("GET", cluster.path("configmaps"))["metadata"]["resourceVersion"]
    cluster.create("configmaps", config(a="1"))
    cluster.patch("configmaps", "settings", {"data": {"a": "2"}})
    cluster.delete("configmaps", "settings")
    heard = []
    for change in cluster.watch("configmaps", name="settings", since=since):
        heard.append((change["type"], change["object"]["data"]["a"]))
        if change["type"] == "DELETED":
            break
    assert heard == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_an_object_that_no_longer_fits_leaves_the_watch(cluster: Cluster) -> None:
    since = cluster.create("configmaps", config(labels={"tier": "web"}))["metadata"]["resourceVersion"]
    cluster.patch("configmaps", "settings", {"metadata": {"labels": {"tier": "db"}}})
    change = next(iter(cluster.watch("configmaps", labels="tier=web", since=since)))
    assert (change["type"], change["object"]["metadata"]["name"]) == ("DELETED", "settings")


def test_patches_of_every_kind(cluster: Cluster) -> None:
    cluster.create("configmaps", config(a="1", b="2"))
    path = cluster.path("configmaps", "settings")
    assert cluster.request("PATCH", path, {"data": {"a": None, "c": "3"}}, MERGE)["data"] == {"b": "2", "c": "3"}
    steps = [{"op": "test", "path": "/data/b", "value": "2"}, {"op": "remove", "path": "/data/b"}]
    assert cluster.request("PATCH", path, steps, JSON_PATCH)["data"] == {"c": "3"}
    refused(422, "Invalid", cluster.request, "PATCH", path, steps, JSON_PATCH)


def test_a_strategic_patch_changes_one_container_by_its_name(cluster: Cluster) -> None:
    containers = [{"name": each, "image": "acme/old:1"} for each in ("a", "b")]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    cluster.create("deployments", {"metadata": {"name": "web"}, "spec": spec})
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "acme/new:2"}]}}}}
    patched = cluster.request("PATCH", cluster.path("deployments", "web"), patch, STRATEGIC)
    images = {each["name"]: each["image"] for each in patched["spec"]["template"]["spec"]["containers"]}
    assert images == {"a": "acme/old:1", "b": "acme/new:2"}


def test_apply_makes_changes_and_takes_back_what_is_no_longer_said(cluster: Cluster) -> None:
    assert apply(cluster, "us", {"a": "1", "b": "2"})["data"] == {"a": "1", "b": "2"}
    cluster.patch("configmaps", "settings", {"data": {"theirs": "3"}})
    applied = apply(cluster, "us", {"a": "1"})
    assert applied["data"] == {"a": "1", "theirs": "3"}
    managers = {each["manager"]: each["operation"] for each in applied["metadata"]["managedFields"]}
    assert managers["us"] == "Apply"


def test_apply_conflicts_with_another_manager_until_it_is_forced(cluster: Cluster) -> None:
    apply(cluster, "us", {"a": "1"})
    status = refused(409, "Conflict", apply, cluster, "them", {"a": "2"})
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "us": .data.a'
    [cause] = status["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldManagerConflict", ".data.a")
    assert apply(cluster, "them", {"a": "2"}, force=True)["data"] == {"a": "2"}
    assert apply(cluster, "us", {}, force=True)["data"] == {"a": "2"}


def test_a_dry_run_answers_and_changes_nothing(cluster: Cluster) -> None:
    path = cluster.path("configmaps", query={"dryRun": "All"})
    assert cluster.request("POST", path, config(a="1"))["data"] == {"a": "1"}
    assert apply(cluster, "us", {"b": "1"}, dryRun="All")["data"] == {"b": "1"}
    assert cluster.find("configmaps", "settings") is None


def test_an_object_with_finalizers_waits_for_their_end(cluster: Cluster) -> None:
    body = config()
    body["metadata"]["finalizers"] = ["acme.example/first"]
    cluster.create("configmaps", body)
    cluster.delete("configmaps", "settings")
    assert cluster.get("configmaps", "settings")["metadata"]["deletionTimestamp"]
    cluster.patch("configmaps", "settings", {"metadata": {"finalizers": None}})
    assert cluster.find("configmaps", "settings") is None


def test_a_delete_may_name_which_one_it_means(cluster: Cluster) -> None:
    cluster.create("configmaps", config())
    other = {"uid": "00000000-0000-0000-0000-000000000000"}
    refused(409, "Conflict", cluster.delete, "configmaps", "settings", preconditions=other)
    assert cluster.find("configmaps", "settings")


def test_a_collection_is_deleted_by_labels(cluster: Cluster) -> None:
    cluster.create("configmaps", config("a", {"tier": "web"}))
    cluster.create("configmaps", config("b", {"tier": "db"}))
    cluster.request("DELETE", cluster.path("configmaps", query={"labelSelector": "tier=web"}))
    assert [each["metadata"]["name"] for each in cluster.list("configmaps", "tier")] == ["b"]


def test_a_secret_is_given_as_text_and_kept_in_base64(cluster: Cluster) -> None:
    made = cluster.create("secrets", {"metadata": {"name": "key"}, "stringData": {"a": "text"}})
    assert (made["type"], made["data"], made.get("stringData")) == ("Opaque", {"a": "dGV4dA=="}, None)


def test_what_is_immutable_stays(cluster: Cluster) -> None:
    cluster.create("configmaps", config(a="1") | {"immutable": True})
    refused(422, "Invalid", cluster.patch, "configmaps", "settings", {"data": {"a": "2"}})
