"""The kinds of patches: steps, merges by kind of field, and what each cannot do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object
from tests.conformance.api import JSON_PATCH, MERGE, STRATEGIC, config, deployment, refused


def patched(
    cluster: Cluster, patch: Any, content_type: str, resource: str = "deployments", name: str = "web"
) -> Object:
    answer: Object = cluster.request("PATCH", cluster.path(resource, name), patch, content_type)
    return answer


def pod_patch(**spec: Any) -> Object:
    """A patch of a template's pod."""
    return {"spec": {"template": {"spec": spec}}}


def pod_of(obj: Object) -> Object:
    spec: Object = obj["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def web(cluster: Cluster) -> Object:
    env = [{"name": each, "value": each.lower()} for each in ("A", "B", "C")]
    ports = [{"name": "http", "containerPort": 80}, {"name": "admin", "containerPort": 81}]
    main = {"name": "main", "image": "acme/web:1", "env": env, "ports": ports, "args": ["a", "b"]}
    return cluster.create("deployments", deployment(main, {"name": "side", "image": "acme/side:1"}))


@pytest.mark.parametrize(
    ("steps", "data"),
    [
        ([{"op": "add", "path": "/data/c", "value": "3"}], {"a": "1", "b": "2", "c": "3"}),
        ([{"op": "replace", "path": "/data/a", "value": "9"}], {"a": "9", "b": "2"}),
        ([{"op": "remove", "path": "/data/a"}], {"b": "2"}),
        ([{"op": "move", "from": "/data/a", "path": "/data/c"}], {"b": "2", "c": "1"}),
        ([{"op": "copy", "from": "/data/a", "path": "/data/c"}], {"a": "1", "b": "2", "c": "1"}),
        ([{"op": "add", "path": "/data/x~1y", "value": "3"}], None),
        ([{"op": "add", "path": "/data", "value": {"z": "0"}}], {"z": "0"}),
    ],
    ids=["add", "replace", "remove", "move", "copy", "escaped", "whole"],
)
def test_a_json_patch_does_its_steps(cluster: Cluster, steps: list[Object], data: dict[str, str] | None) -> None:
    cluster.create("configmaps", config(a="1", b="2"))
    if data is None:  # "x/y" is no key of a ConfigMap
        refused(422, "Invalid", patched, cluster, steps, JSON_PATCH, "configmaps", "settings")
    else:
        assert patched(cluster, steps, JSON_PATCH, "configmaps", "settings")["data"] == data


def test_a_json_patch_reaches_into_lists(cluster: Cluster, web: Object) -> None:
    base = "/spec/template/spec/containers/0/args"
    steps = [
        {"op": "add", "path": f"{base}/-", "value": "c"},
        {"op": "add", "path": f"{base}/0", "value": "first"},
        {"op": "remove", "path": f"{base}/1"},
    ]
    assert pod_of(patched(cluster, steps, JSON_PATCH))["containers"][0]["args"] == ["first", "b", "c"]


def test_of_a_json_patch_all_or_nothing_is_done(cluster: Cluster) -> None:
    cluster.create("configmaps", config(a="1"))
    steps = [
        {"op": "replace", "path": "/data/a", "value": "2"},
        {"op": "test", "path": "/data/a", "value": "1"},
    ]
    refused(422, "Invalid", patched, cluster, steps, JSON_PATCH, "configmaps", "settings")
    assert cluster.get("configmaps", "settings")["data"] == {"a": "1"}


def test_a_patch_that_is_none_is_a_bad_request(cluster: Cluster) -> None:
    cluster.create("configmaps", config(a="1"))
    refused(400, "BadRequest", patched, cluster, {"op": "add"}, JSON_PATCH, "configmaps", "settings")
    refused(400, "BadRequest", patched, cluster, "text", MERGE, "configmaps", "settings")


def test_a_merge_patch_replaces_lists(cluster: Cluster, web: Object) -> None:
    containers = [{"name": "other", "image": "acme/other:1"}]
    changed = patched(cluster, pod_patch(containers=containers), MERGE)
    assert [each["name"] for each in pod_of(changed)["containers"]] == ["other"]


def test_a_strategic_patch_merges_variables_by_their_name(cluster: Cluster, web: Object) -> None:
    env = [{"name": "B", "value": "new"}, {"name": "D", "value": "d"}]
    changed = patched(cluster, pod_patch(containers=[{"name": "main", "env": env}]), STRATEGIC)
    found = {each["name"]: each["value"] for each in pod_of(changed)["containers"][0]["env"]}
    assert found == {"A": "a", "B": "new", "C": "c", "D": "d"}


def test_a_strategic_patch_takes_out_one_item(cluster: Cluster, web: Object) -> None:
    env = [{"name": "B", "$patch": "delete"}]
    containers = [{"name": "main", "env": env}, {"name": "side", "$patch": "delete"}]
    [main] = pod_of(patched(cluster, pod_patch(containers=containers), STRATEGIC))["containers"]
    assert [each["name"] for each in main["env"]] == ["A", "C"]


def test_a_strategic_patch_replaces_a_list_when_told_to(cluster: Cluster, web: Object) -> None:
    env = [{"$patch": "replace"}, {"name": "Z", "value": "z"}]
    [main, _] = pod_of(patched(cluster, pod_patch(containers=[{"name": "main", "env": env}]), STRATEGIC))["containers"]
    assert [each["name"] for each in main["env"]] == ["Z"]


def test_a_strategic_patch_orders_a_list(cluster: Cluster, web: Object) -> None:
    order = [{"name": "side"}, {"name": "main"}]
    patch = pod_patch(
        **{"$setElementOrder/containers": order, "containers": [{"name": "side", "image": "acme/side:2"}]}
    )
    found = pod_of(patched(cluster, patch, STRATEGIC))["containers"]
    assert [(each["name"], each["image"]) for each in found] == [("side", "acme/side:2"), ("main", "acme/web:1")]


def test_a_strategic_patch_replaces_lists_without_a_key(cluster: Cluster, web: Object) -> None:
    changed = patched(cluster, pod_patch(containers=[{"name": "main", "args": ["c"]}]), STRATEGIC)
    assert pod_of(changed)["containers"][0]["args"] == ["c"]


def test_a_strategic_patch_merges_lists_of_plain_values(cluster: Cluster) -> None:
    body = config()
    body["metadata"]["finalizers"] = ["acme.example/a", "acme.example/b"]
    cluster.create("configmaps", body)
    more = {"metadata": {"finalizers": ["acme.example/c"]}}
    found = patched(cluster, more, STRATEGIC, "configmaps", "settings")["metadata"]["finalizers"]
    assert sorted(found) == ["acme.example/a", "acme.example/b", "acme.example/c"]
    less = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["acme.example/a", "acme.example/c"]}}
    left = patched(cluster, less, STRATEGIC, "configmaps", "settings")["metadata"]["finalizers"]
    assert left == ["acme.example/b"]
    cluster.patch("configmaps", "settings", {"metadata": {"finalizers": None}})


def test_a_strategic_patch_keeps_only_the_keys_it_retains(cluster: Cluster, web: Object) -> None:
    assert "rollingUpdate" in web["spec"]["strategy"]
    strategy = {"$retainKeys": ["type"], "type": "Recreate"}
    assert patched(cluster, {"spec": {"strategy": strategy}}, STRATEGIC)["spec"]["strategy"] == {"type": "Recreate"}


def test_a_strategic_patch_of_ports_and_volumes(cluster: Cluster, web: Object) -> None:
    ports = [{"containerPort": 81, "name": "inner"}, {"containerPort": 82}]
    volumes = [{"name": "work", "emptyDir": {}}]
    changed = pod_of(
        patched(cluster, pod_patch(containers=[{"name": "main", "ports": ports}], volumes=volumes), STRATEGIC)
    )
    found = {each["containerPort"]: each.get("name") for each in changed["containers"][0]["ports"]}
    assert found == {80: "http", 81: "inner", 82: None}
    assert [each["name"] for each in changed["volumes"]] == ["work"]


def test_a_strategic_patch_deletes_by_null(cluster: Cluster, web: Object) -> None:
    changed = patched(cluster, pod_patch(containers=[{"name": "main", "args": None}]), STRATEGIC)
    assert "args" not in pod_of(changed)["containers"][0]


def test_a_patch_cannot_change_a_name(cluster: Cluster, web: Object) -> None:
    status = refused(400, "BadRequest", patched, cluster, {"metadata": {"name": "other"}}, MERGE)
    assert status["message"] == "the name of the object (other) does not match the name on the URL (web)"
