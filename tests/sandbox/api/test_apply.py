"""Server-side apply: who owns what, who may overrule whom, and what goes when it is no longer wanted."""

from __future__ import annotations

import json
from typing import Any

from .conftest import STRATEGIC, Api, config_map, deployment

MAPS = "/api/v1/namespaces/work/configmaps"
WEB = "/apis/apps/v1/namespaces/work/deployments/web"


def owners(obj: Any) -> dict[tuple[str, str, str], Any]:
    return {
        (each["manager"], each["operation"], each.get("subresource", "")): each["fieldsV1"]
        for each in obj["metadata"]["managedFields"]
    }


async def test_the_first_apply_creates_and_owns_exactly_what_it_names(api: Api) -> None:
    created = await api.apply(WEB, deployment(), "one")
    assert api.status == 201
    fields = owners(created)["one", "Apply", ""]
    assert "f:replicas" in fields["f:spec"]
    assert "f:revisionHistoryLimit" not in fields["f:spec"]
    container = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    assert container["f:env"] == {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}


async def test_the_same_apply_again_writes_nothing(api: Api) -> None:
    created = await api.apply(WEB, deployment(), "one")
    again = await api.apply(WEB, deployment(), "one")
    assert (api.status, again) == (200, created)


async def test_changing_what_others_own_is_a_conflict_that_names_fields_and_owners(api: Api) -> None:
    await api.apply(WEB, deployment(), "one")
    wanted = deployment(replicas=3)
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    status = await api.apply(WEB, wanted, "two")
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"].startswith('Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n')
    assert status["details"]["causes"][1] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "one"',
        "field": '.spec.template.spec.containers[name="main"].image',
    }


async def test_force_takes_the_fields_over(api: Api) -> None:
    await api.apply(WEB, deployment(), "one")
    taken = await api.apply(WEB, deployment(replicas=3), "two", "&force=true")
    assert taken["spec"]["replicas"] == 3
    assert "f:replicas" not in owners(taken)["one", "Apply", ""]["f:spec"]
    assert "f:replicas" in owners(taken)["two", "Apply", ""]["f:spec"]


async def test_agreeing_on_a_value_shares_it_and_it_stays_until_the_last_owner_drops_it(api: Api) -> None:
    both = {"a": "1", "b": "2"}
    for manager in ("one", "two"):
        await api.apply(f"{MAPS}/settings", config_map(data=both), manager)
    kept = await api.apply(f"{MAPS}/settings", config_map(data={"a": "1"}), "one")
    assert kept["data"] == both
    gone = await api.apply(f"{MAPS}/settings", config_map(data={"a": "1"}), "two")
    assert gone["data"] == {"a": "1"}


async def test_a_list_item_that_is_dropped_goes_and_those_of_others_stay(api: Api) -> None:
    await api.apply(WEB, deployment(), "one")
    side = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s:1"}]}}}}
    head = {key: deployment()[key] for key in ("apiVersion", "kind", "metadata")}
    await api.apply(WEB, head | side, "two")
    without = deployment()
    del without["spec"]["template"]["spec"]["containers"][0]["env"]
    left = await api.apply(WEB, without, "one")
    main, other = left["spec"]["template"]["spec"]["containers"]
    assert ("env" in main, other["name"], other["image"]) == (False, "side", "s:1")


async def test_a_part_that_is_dropped_takes_its_defaults_along(api: Api) -> None:
    probed = deployment()
    container = probed["spec"]["template"]["spec"]["containers"][0]
    container["readinessProbe"] = {"httpGet": {"path": "/ready", "port": 8000}, "periodSeconds": 5}
    live = await api.apply(WEB, probed, "one")
    assert live["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["timeoutSeconds"] == 1
    left = await api.apply(WEB, deployment(), "one")
    assert api.status == 200
    assert "readinessProbe" not in left["spec"]["template"]["spec"]["containers"][0]


async def test_scaling_owns_the_replicas_and_a_later_apply_hears_of_it(api: Api) -> None:
    await api.apply(WEB, deployment(), "one")
    await api.call("PATCH", f"{WEB}/scale?fieldManager=hand", {"spec": {"replicas": 4}}, "application/merge-patch+json")
    status = await api.apply(WEB, deployment(), "one")
    message = 'Apply failed with 1 conflict: conflict with "hand" with subresource "scale" using apps/v1'
    assert status["message"].startswith(message)
    assert status["message"].endswith(": .spec.replicas")
    without = deployment()
    del without["spec"]["replicas"]
    assert (await api.apply(WEB, without, "one"))["spec"]["replicas"] == 4


async def test_an_update_takes_what_it_changes_from_whoever_had_applied_it(api: Api) -> None:
    await api.apply(WEB, deployment(), "one")
    changed = await api.call("PATCH", f"{WEB}?fieldManager=editor", {"spec": {"replicas": 2}}, STRATEGIC)
    assert owners(changed)["editor", "Update", ""] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owners(changed)["one", "Apply", ""]["f:spec"]


async def test_an_object_that_nobody_is_known_to_own_belongs_to_those_before(api: Api) -> None:
    api.machinery.create("configmaps", config_map(namespace="work"))
    status = await api.apply(f"{MAPS}/settings", config_map(data={"a": "2"}), "one")
    assert 'conflict with "before-first-apply" using v1' in status["message"]


async def test_requests_that_are_no_apply(api: Api) -> None:
    nameless = await api.call("PATCH", WEB, deployment(), "application/apply-patch+yaml")
    assert (nameless["code"], nameless["details"]["causes"][0]["field"]) == (422, "fieldManager")
    other = await api.apply(WEB, config_map(), "one")
    assert other["message"] == "invalid object type: /v1, Kind=ConfigMap"
    odd = await api.apply(WEB, deployment() | {"colour": "red"}, "one")
    assert odd["message"].endswith(".colour: field not declared in schema")


async def test_yaml_is_taken_as_kubectl_sends_it(api: Api) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n"
    created = await api.call("PATCH", f"{MAPS}/settings?fieldManager=one", body, "application/apply-patch+yaml")
    assert created["data"] == {"a": "1"}


async def test_kubectl_takes_over_what_it_applied_from_the_client_side(api: Api) -> None:
    said = config_map(data={"a": "1", "b": "1"})
    note = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(said)}
    live = said | {"metadata": {**said["metadata"], "annotations": note}}
    await api.post(f"{MAPS}?fieldManager=kubectl-client-side-apply", live)
    path = f"{MAPS}/{said['metadata']['name']}"
    other = await api.apply(path, config_map(data={"a": "2", "b": "1"}), "somebody")
    assert other["message"].endswith('conflict with "kubectl-client-side-apply" using v1: .data.a')
    taken = await api.apply(path, config_map(data={"a": "2", "b": "1"}), "kubectl")
    assert (api.status, taken["data"]) == (200, {"a": "2", "b": "1"})
    await api.patch(f"{path}?fieldManager=somebody", {"data": {"b": "3"}})
    assert (await api.apply(path, config_map(data={"a": "2", "b": "4"}), "kubectl"))["reason"] == "Conflict"
