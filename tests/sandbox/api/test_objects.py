"""Objects over HTTP: create, read, update, delete, and the four ways to patch."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import JSON_PATCH, STRATEGIC, Api, config_map, deployment, pod

MAPS = "/api/v1/namespaces/work/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/work/deployments"
PODS = "/api/v1/namespaces/work/pods"


async def test_a_created_object_has_identity_defaults_and_a_version(api: Api) -> None:
    created = await api.post(DEPLOYMENTS, deployment())
    assert api.status == 201
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["uid"]
    assert created["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert created["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert await api.get(f"{DEPLOYMENTS}/web") == created


async def test_generated_names_differ_and_keep_their_prefix(api: Api) -> None:
    body = {"metadata": {"generateName": "job-"}}
    names = {(await api.post(MAPS, body))["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("job-") and len(name) == 9 for name in names)


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason", "message"),
    [
        ("GET", f"{MAPS}/none", None, 404, "NotFound", 'configmaps "none" not found'),
        ("GET", f"{DEPLOYMENTS}/x", None, 404, "NotFound", 'deployments.apps "x" not found'),
        ("GET", "/api/v1/namespaces/work/foos", None, 404, "NotFound", "the server could not find the requested"),
        ("POST", MAPS.replace("work", "no"), config_map(), 404, "NotFound", 'namespaces "no" not found'),
        ("POST", MAPS, config_map(namespace="other"), 400, "BadRequest", "the namespace of the provided object does"),
        ("POST", MAPS, deployment(), 400, "BadRequest", 'Deployment in version "v1" cannot be handled as a ConfigMap'),
        ("PUT", f"{MAPS}/a", config_map("b"), 400, "BadRequest", "the name of the object (b) does not match the name"),
        ("PUT", MAPS, config_map(), 405, "MethodNotAllowed", "the server does not allow this method"),
        ("POST", MAPS, b"{", 400, "BadRequest", "error decoding the body"),
    ],
)
async def test_what_cannot_be_done_is_a_status_with_code_and_reason(
    api: Api, method: str, path: str, body: Any, code: int, reason: str, message: str
) -> None:
    status = await api.call(method, path, body)
    assert (api.status, status["kind"], status["code"], status["reason"]) == (code, "Status", code, reason)
    assert message in status["message"]


async def test_a_name_is_taken_once(api: Api) -> None:
    await api.post(MAPS, config_map())
    status = await api.post(MAPS, config_map())
    assert (status["code"], status["message"]) == (409, 'configmaps "settings" already exists')


async def test_a_write_based_on_an_old_version_is_refused(api: Api) -> None:
    old = await api.post(MAPS, config_map())
    await api.put(f"{MAPS}/settings", old | {"data": {"a": "2"}})
    status = await api.put(f"{MAPS}/settings", old | {"data": {"a": "3"}})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert "the object has been modified" in status["message"]
    assert (await api.get(f"{MAPS}/settings"))["data"] == {"a": "2"}


async def test_a_write_that_changes_nothing_makes_no_version(api: Api) -> None:
    created = await api.post(DEPLOYMENTS, deployment())
    same = await api.patch(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 1}})
    assert same["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


async def test_generation_counts_changes_of_the_spec_only(api: Api) -> None:
    await api.post(DEPLOYMENTS, deployment())
    labelled = await api.patch(f"{DEPLOYMENTS}/web", {"metadata": {"labels": {"a": "b"}}})
    scaled = await api.patch(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 2}})
    assert (labelled["metadata"]["generation"], scaled["metadata"]["generation"]) == (1, 2)


async def test_spec_and_status_are_written_apart(api: Api) -> None:
    await api.post(DEPLOYMENTS, deployment())
    both = {"spec": {"replicas": 7}, "status": {"replicas": 5}}
    by_main = await api.patch(f"{DEPLOYMENTS}/web", both)
    assert (by_main["spec"]["replicas"], by_main["status"]) == (7, {})
    by_status = await api.patch(f"{DEPLOYMENTS}/web/status", {"spec": {"replicas": 1}, "status": {"replicas": 5}})
    assert (by_status["spec"]["replicas"], by_status["status"]) == (7, {"replicas": 5})


async def test_dry_run_answers_but_writes_nothing(api: Api) -> None:
    created = await api.post(f"{DEPLOYMENTS}?dryRun=All", deployment())
    assert (api.status, created["spec"]["revisionHistoryLimit"]) == (201, 10)
    await api.get(f"{DEPLOYMENTS}/web")
    assert api.status == 404


async def test_unknown_fields_are_refused_warned_about_or_dropped(api: Api) -> None:
    odd = config_map() | {"colour": "red"}
    status = await api.post(f"{MAPS}?fieldValidation=Strict", odd)
    assert status["message"].endswith('strict decoding error: unknown field "colour"')
    created = await api.post(f"{MAPS}?fieldValidation=Warn", odd)
    assert "colour" not in created
    assert api.warnings == [r'299 - "unknown field \"colour\""']
    await api.post(f"{MAPS}?fieldValidation=Ignore&dryRun=All", odd | {"metadata": {"name": "b"}})
    assert api.warnings == []


async def test_secret_text_is_stored_encoded(api: Api) -> None:
    secrets = "/api/v1/namespaces/work/secrets"
    created = await api.post(secrets, {"metadata": {"name": "s"}, "stringData": {"key": "value"}})
    assert created["data"] == {"key": "dmFsdWU="}
    assert "stringData" not in created
    bad = await api.post(secrets, {"metadata": {"name": "t"}, "data": {"key": "*"}})
    assert bad["message"].endswith("illegal base64 data at input byte 0")


# -- patches


async def test_json_patch_adds_tests_and_removes(api: Api) -> None:
    await api.post(MAPS, config_map())
    operations = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/b~1c", "value": "2"},
        {"op": "move", "from": "/data/a", "path": "/data/d"},
    ]
    changed = await api.patch(f"{MAPS}/settings", operations, JSON_PATCH)
    assert (changed["data"], changed["metadata"]["annotations"]) == ({"d": "1"}, {"b/c": "2"})
    status = await api.patch(f"{MAPS}/settings", [{"op": "remove", "path": "/data/none"}], JSON_PATCH)
    assert (status["code"], status["reason"]) == (422, "Invalid")


async def test_merge_patch_removes_with_null_and_replaces_lists(api: Api) -> None:
    await api.post(DEPLOYMENTS, deployment())
    template = {"spec": {"containers": [{"name": "other", "image": "x"}]}}
    changed = await api.patch(
        f"{DEPLOYMENTS}/web", {"spec": {"template": template, "minReadySeconds": 5, "progressDeadlineSeconds": None}}
    )
    assert [each["name"] for each in changed["spec"]["template"]["spec"]["containers"]] == ["other"]
    assert changed["spec"]["progressDeadlineSeconds"] == 600


async def test_strategic_patch_merges_lists_by_their_key_and_obeys_directives(api: Api) -> None:
    await api.post(DEPLOYMENTS, deployment())
    variables = [{"name": "A", "$patch": "delete"}, {"name": "B", "value": "2"}]
    containers = [{"name": "main", "env": variables}, {"name": "side", "image": "s:1"}]
    body = {
        "spec": {
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
            "template": {
                "spec": {"containers": containers, "$setElementOrder/containers": [{"name": "side"}, {"name": "main"}]}
            },
        }
    }
    changed = await api.patch(f"{DEPLOYMENTS}/web", body, STRATEGIC)
    side, main = changed["spec"]["template"]["spec"]["containers"]
    assert (side["name"], main["image"], main["env"]) == ("side", "web:1", [{"name": "B", "value": "2"}])
    assert changed["spec"]["strategy"] == {"type": "Recreate"}


async def test_a_patch_of_an_unknown_type_is_refused(api: Api) -> None:
    await api.post(MAPS, config_map())
    await api.patch(f"{MAPS}/settings", {}, "application/json")
    assert api.status == 415


# -- delete


async def test_deleting_an_object_that_waits_for_nothing_answers_success(api: Api) -> None:
    created = await api.post(MAPS, config_map())
    status = await api.delete(f"{MAPS}/settings")
    assert status["status"] == "Success"
    assert status["details"] == {"name": "settings", "kind": "configmaps", "uid": created["metadata"]["uid"]}


async def test_finalizers_hold_an_object_until_they_are_gone(api: Api) -> None:
    await api.post(MAPS, config_map(finalizers=["example.com/hold"]))
    held = await api.delete(f"{MAPS}/settings")
    assert held["metadata"]["deletionTimestamp"]
    added = await api.patch(f"{MAPS}/settings", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})
    assert (added["code"], added["details"]["causes"][0]["field"]) == (422, "metadata.finalizers")
    await api.patch(f"{MAPS}/settings", {"metadata": {"finalizers": None}})
    await api.get(f"{MAPS}/settings")
    assert api.status == 404


async def test_a_scheduled_pod_is_given_its_grace_and_goes_when_the_kubelet_says_so(api: Api) -> None:
    await api.post(PODS, pod(terminationGracePeriodSeconds=20))
    going = await api.delete(f"{PODS}/web")
    assert going["metadata"]["deletionGracePeriodSeconds"] == 20
    shorter = await api.delete(f"{PODS}/web?gracePeriodSeconds=5")
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    assert shorter["metadata"]["deletionTimestamp"] < going["metadata"]["deletionTimestamp"]
    api.machinery.delete("pods", "work", "web", grace=0)
    assert api.machinery.find("pods", "work", "web") is None


async def test_a_pod_without_a_node_goes_at_once(api: Api) -> None:
    await api.post(PODS, pod(node=""))
    await api.delete(f"{PODS}/web")
    assert api.machinery.find("pods", "work", "web") is None


async def test_preconditions_protect_a_successor_of_the_same_name(api: Api) -> None:
    await api.post(MAPS, config_map())
    status = await api.delete(f"{MAPS}/settings", {"preconditions": {"uid": "of-another"}})
    assert status["code"] == 409
    assert "does not match the UID in record" in status["message"]


@pytest.mark.parametrize(("policy", "finalizers"), [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])])
async def test_propagation_is_left_to_the_garbage_collector(api: Api, policy: str, finalizers: list[str]) -> None:
    await api.post(DEPLOYMENTS, deployment())
    held = await api.delete(f"{DEPLOYMENTS}/web?propagationPolicy={policy}")
    assert held["metadata"]["finalizers"] == finalizers


async def test_a_collection_is_deleted_by_selector(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api.post(MAPS, config_map(name, labels={"keep": "yes" if name == "b" else "no"}))
    await api.delete(f"{MAPS}?labelSelector=keep%3Dno")
    assert [each["metadata"]["name"] for each in (await api.get(MAPS))["items"]] == ["b"]


async def test_a_namespace_goes_through_terminating_and_refuses_new_content(api: Api) -> None:
    gone = await api.delete("/api/v1/namespaces/work")
    assert gone["status"]["phase"] == "Terminating"
    refused = await api.post(MAPS, config_map())
    assert (refused["code"], refused["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    await api.put("/api/v1/namespaces/work/finalize", gone | {"spec": {"finalizers": []}})
    await api.get("/api/v1/namespaces/work")
    assert api.status == 404
