"""Server-side apply: who owns what, item by item of a list too, and what goes when nobody says it any more."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster, Object
from tests.conformance.api import MERGE, apply, apply_whole, config, deployment, owned, refused


def apply_web(cluster: Cluster, manager: str, body: Object, force: bool = False) -> Object:
    return apply_whole(cluster, "deployments", manager, body, force)


def part(**spec: Any) -> Object:
    """An apply of a few fields of `web`."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def container_part(**fields: Any) -> Object:
    return part(template={"spec": {"containers": [{"name": "main", **fields}]}})


def main_of(obj: Object) -> Object:
    found: Object = obj["spec"]["template"]["spec"]["containers"][0]
    return found


def test_an_apply_makes_what_is_not_there(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "settings", query={"fieldManager": "us"})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    for status in (201, 200):
        with cluster._answer("PATCH", path, body, "application/apply-patch+yaml") as answer:
            assert answer.status == status


def test_an_apply_owns_exactly_what_it_says(cluster: Cluster) -> None:
    assert owned(apply(cluster, "us", {"a": "1"})) == {("us", "Apply"): {"f:data": {"f:a": {}}}}


def test_an_apply_owns_no_defaults(cluster: Cluster) -> None:
    fields = owned(apply_web(cluster, "us", deployment()))["us", "Apply"]
    assert set(fields["f:spec"]) == {"f:replicas", "f:selector", "f:template"}
    [containers] = fields["f:spec"]["f:template"]["f:spec"].values()
    assert containers == {'k:{"name":"main"}': {".": {}, "f:image": {}, "f:name": {}}}


def test_the_same_apply_again_changes_nothing(cluster: Cluster) -> None:
    first = apply(cluster, "us", {"a": "1"})
    assert apply(cluster, "us", {"a": "1"})["metadata"] == first["metadata"]


def test_a_value_that_two_agree_on_goes_with_the_last(cluster: Cluster) -> None:
    apply(cluster, "us", {"a": "1", "b": "2"})
    apply(cluster, "them", {"a": "1", "b": "2"})
    assert apply(cluster, "us", {"a": "1"})["data"] == {"a": "1", "b": "2"}
    assert apply(cluster, "them", {"a": "1"})["data"] == {"a": "1"}


def test_force_takes_a_field_from_its_owner(cluster: Cluster) -> None:
    apply(cluster, "us", {"a": "1", "b": "1"})
    taken = owned(apply(cluster, "them", {"a": "2"}, force=True))
    assert taken["us", "Apply"] == {"f:data": {"f:b": {}}}
    assert taken["them", "Apply"] == {"f:data": {"f:a": {}}}


def test_who_owns_nothing_any_more_is_not_named(cluster: Cluster) -> None:
    apply(cluster, "us", {"a": "1"})
    assert set(owned(apply(cluster, "them", {"a": "2"}, force=True))) == {("them", "Apply")}


def test_an_update_takes_what_it_changes(cluster: Cluster) -> None:
    apply(cluster, "us", {"a": "1", "b": "1"})
    path = cluster.path("configmaps", "settings", query={"fieldManager": "editor"})
    found = owned(cluster.request("PATCH", path, {"data": {"a": "2"}}, MERGE))
    assert found["editor", "Update"] == {"f:data": {"f:a": {}}}
    assert found["us", "Apply"] == {"f:data": {"f:b": {}}}
    refused(409, "Conflict", apply, cluster, "us", {"a": "1", "b": "1"})


def test_who_updates_without_a_name_is_named_by_the_program(cluster: Cluster) -> None:
    assert ("tests", "Update") in owned(cluster.create("configmaps", config(a="1")))


def test_every_conflict_is_told(cluster: Cluster) -> None:
    apply(cluster, "us", {"a": "1", "b": "1"})
    status = refused(409, "Conflict", apply, cluster, "them", {"a": "2", "b": "2"})
    assert status["message"] == 'Apply failed with 2 conflicts: conflicts with "us":\n- .data.a\n- .data.b'
    assert [each["field"] for each in status["details"]["causes"]] == [".data.a", ".data.b"]


def test_a_conflict_names_the_item_of_a_list(cluster: Cluster) -> None:
    apply_web(cluster, "us", deployment())
    status = refused(409, "Conflict", apply_web, cluster, "them", container_part(image="acme/web:2"))
    [cause] = status["details"]["causes"]
    assert cause["field"] == '.spec.template.spec.containers[name="main"].image'


def test_items_of_a_list_have_owners_of_their_own(cluster: Cluster) -> None:
    env = [{"name": "OURS", "value": "1"}]
    apply_web(cluster, "us", deployment({"name": "main", "image": "acme/web:1", "env": env}))
    both = apply_web(cluster, "them", container_part(env=[{"name": "THEIRS", "value": "2"}]))
    assert [each["name"] for each in main_of(both)["env"]] == ["OURS", "THEIRS"]
    left = apply_web(cluster, "us", deployment({"name": "main", "image": "acme/web:1"}))
    assert [each["name"] for each in main_of(left)["env"]] == ["THEIRS"]
    assert "env" not in main_of(apply_web(cluster, "them", container_part()))


def test_an_item_that_nobody_says_any_more_goes(cluster: Cluster) -> None:
    apply_web(cluster, "us", deployment())
    side = {"name": "side", "image": "acme/side:1"}
    apply_web(cluster, "them", part(template={"spec": {"containers": [side]}}))
    left = apply_web(cluster, "them", part())
    assert [each["name"] for each in left["spec"]["template"]["spec"]["containers"]] == ["main"]


def test_ports_are_told_apart_by_number_and_protocol(cluster: Cluster) -> None:
    ports = [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]
    applied = apply_web(cluster, "us", deployment({"name": "main", "image": "acme/dns:1", "ports": ports}))
    fields = owned(applied)["us", "Apply"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    assert set(fields["f:ports"]) == {
        'k:{"containerPort":53,"protocol":"TCP"}',
        'k:{"containerPort":53,"protocol":"UDP"}',
    }


def test_finalizers_are_a_set(cluster: Cluster) -> None:
    def body(*finalizers: str) -> Object:
        metadata = {"name": "settings", "finalizers": [f"acme.example/{each}" for each in finalizers]}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}

    apply_whole(cluster, "configmaps", "us", body("a"))
    both = apply_whole(cluster, "configmaps", "them", body("b"))
    assert sorted(both["metadata"]["finalizers"]) == ["acme.example/a", "acme.example/b"]
    assert owned(both)["us", "Apply"] == {"f:metadata": {"f:finalizers": {'v:"acme.example/a"': {}}}}
    apply_whole(cluster, "configmaps", "us", body())
    left = apply_whole(cluster, "configmaps", "them", body())
    assert not left["metadata"].get("finalizers")


def test_a_selector_is_owned_as_a_whole(cluster: Cluster) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    applied = apply_whole(cluster, "services", "us", body)
    assert owned(applied)["us", "Apply"]["f:spec"]["f:selector"] == {}
    other = {**body, "spec": {"selector": {"tier": "web"}}}
    status = refused(409, "Conflict", apply_whole, cluster, "services", "them", other)
    assert [each["field"] for each in status["details"]["causes"]] == [".spec.selector"]
    forced = apply_whole(cluster, "services", "them", other, force=True)
    assert forced["spec"]["selector"] == {"tier": "web"}


def test_scaling_owns_the_replicas(cluster: Cluster) -> None:
    apply_web(cluster, "us", deployment())
    path = cluster.path("deployments", "web") + "/scale?fieldManager=hand"
    cluster.request("PATCH", path, {"spec": {"replicas": 0}}, MERGE)
    cluster.request("PATCH", path, {"metadata": {}, "spec": {"replicas": 1}}, MERGE)
    entry = next(
        each for each in cluster.get("deployments", "web")["metadata"]["managedFields"] if each["manager"] == "hand"
    )
    assert (entry["subresource"], entry["fieldsV1"]) == ("scale", {"f:spec": {"f:replicas": {}}})
    status = refused(409, "Conflict", apply_web, cluster, "us", deployment())
    assert 'conflict with "hand" with subresource "scale"' in status["message"]
    without = deployment()
    del without["spec"]["replicas"]
    assert apply_web(cluster, "us", without)["spec"]["replicas"] == 1


def test_an_apply_needs_a_manager(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "settings")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    status = refused(422, "Invalid", cluster.request, "PATCH", path, body, "application/apply-patch+yaml")
    assert [each["field"] for each in status["details"]["causes"]] == ["fieldManager"]


def test_an_apply_must_not_say_who_owns_what(cluster: Cluster) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": apply(cluster, "us", {"a": "1"})["metadata"]}
    status = refused(400, "BadRequest", apply_whole, cluster, "configmaps", "us", body)
    assert "metadata.managedFields must be nil" in status["message"]


def test_only_an_apply_can_be_forced(cluster: Cluster) -> None:
    cluster.create("configmaps", config())
    path = cluster.path("configmaps", "settings", query={"force": "true"})
    status = refused(422, "Invalid", cluster.request, "PATCH", path, {"data": {"a": "1"}}, MERGE)
    assert [each["field"] for each in status["details"]["causes"]] == ["force"]


def test_owners_are_forgotten_when_asked_to(cluster: Cluster) -> None:
    apply(cluster, "us", {"a": "1"})
    left = cluster.patch("configmaps", "settings", {"metadata": {"managedFields": [{}]}})
    assert not left["metadata"].get("managedFields")


def test_an_apply_of_an_old_version_is_refused(cluster: Cluster) -> None:
    old = apply(cluster, "us", {"a": "1"})["metadata"]["resourceVersion"]
    apply(cluster, "us", {"a": "2"})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "resourceVersion": old}}
    refused(409, "Conflict", apply_whole, cluster, "configmaps", "us", body)


def test_a_status_has_owners_of_its_own(cluster: Cluster) -> None:
    cluster.create("deployments", deployment())
    path = cluster.path("deployments", "web") + "/status?fieldManager=judge"
    condition = {"type": "Judged", "status": "True", "reason": "Because", "message": ""}
    cluster.request("PATCH", path, {"status": {"conditions": [condition]}}, "application/strategic-merge-patch+json")
    entries = cluster.get("deployments", "web")["metadata"]["managedFields"]
    entry = next(each for each in entries if each["manager"] == "judge")
    assert (entry["subresource"], list(entry["fieldsV1"])) == ("status", ["f:status"])
