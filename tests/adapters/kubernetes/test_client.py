"""The client against a real sandbox, over TLS: objects, rights, conflicts, kinds."""

import asyncio
import copy

import pytest
import yaml

from console.adapters.kubernetes import watch
from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.ports import Right
from console.model.errors import (
    ApplyError,
    BudgetError,
    ConflictError,
    DeniedError,
    FieldConflictError,
    NotFoundError,
    RefusedError,
)
from console.model.plan import ObjectRef
from tests.cluster import ready


@pytest.fixture
def config_map(namespace):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace, "labels": {"part": "one"}},
        "data": {"LEVEL": "info"},
    }


@pytest.fixture
def ref(namespace):
    return ObjectRef("v1", "ConfigMap", namespace, "settings")


async def test_it_says_which_version_and_as_whom(client):
    version, identity = await asyncio.gather(client.version(), client.identity())
    assert version.startswith("v1.")
    assert identity


async def test_apply_creates_then_changes_and_leaves_what_others_own(client, config_map, ref):
    await client.apply(config_map)
    await client.patch(ref, "merge", {"metadata": {"labels": {"other": "two"}}})
    config_map["data"]["LEVEL"] = "debug"
    applied = await client.apply(config_map)
    assert applied["data"] == {"LEVEL": "debug"}
    assert (await client.get(ref))["metadata"]["labels"] == {"part": "one", "other": "two"}
    assert {entry["manager"] for entry in applied["metadata"]["managedFields"]} == {"stack-console"}


async def test_a_dry_run_says_what_would_be_and_changes_nothing(client, config_map, ref):
    would = await client.apply(config_map, dry_run=True)
    assert would["data"] == {"LEVEL": "info"}
    assert await client.get(ref) is None


async def test_a_field_of_another_manager_is_a_conflict_that_can_be_overridden(client, cluster, config_map):
    path = f"/api/v1/namespaces/{cluster.namespace}/configmaps/settings?fieldManager=kubectl-edit"
    theirs = copy.deepcopy(config_map) | {"data": {"LEVEL": "warning"}}
    cluster.request("PATCH", path, theirs, "application/apply-patch+yaml")
    with pytest.raises(FieldConflictError) as caught:
        await client.apply(config_map)
    assert caught.value.conflicts == (("data.LEVEL", "kubectl-edit"),)
    assert (await client.apply(config_map, force=True))["data"] == {"LEVEL": "info"}


async def test_create_replace_and_delete_say_when_somebody_was_faster(client, config_map, ref):
    created = await client.create(config_map)
    with pytest.raises(ConflictError, match="exists already"):
        await client.create(config_map)
    newer = await client.replace(created | {"data": {"LEVEL": "debug"}})
    with pytest.raises(ConflictError, match="changed by somebody else"):
        await client.replace(created | {"data": {"LEVEL": "error"}})
    with pytest.raises(ConflictError):
        await client.delete(ref, uid="another")
    assert await client.delete(ref, uid=newer["metadata"]["uid"])
    assert not await client.delete(ref)


async def test_json_and_strategic_patches(client, config_map, ref):
    await client.apply(config_map)
    await client.patch(ref, "json", [{"op": "add", "path": "/data/MODE", "value": "fast"}])
    patched = await client.patch(ref, "strategic", {"data": {"LEVEL": None}})
    assert patched["data"] == {"MODE": "fast"}


async def test_an_invalid_object_is_refused_with_the_field(client, namespace):
    labels = {"app": "web"}
    spec = {"selector": {"matchLabels": {"app": "other"}}, "template": {"metadata": {"labels": labels}, "spec": {}}}
    meta = {"name": "web", "namespace": namespace}
    with pytest.raises(ApplyError) as caught:
        await client.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    assert caught.value.where == "deployment/web"
    assert "spec.template" in caught.value.why


async def test_a_list_is_read_page_by_page_and_its_items_name_their_kind(client, config_map, namespace, monkeypatch):
    monkeypatch.setattr("console.adapters.kubernetes.client.PAGE", 2)
    for number in range(5):
        meta = {"name": f"part-{number}", "namespace": namespace, "labels": {"group": "ab"[number % 2]}}
        await client.create(config_map | {"metadata": meta})
    mine = await client.list("v1", "ConfigMap", namespace, labels="group in (a,b)")
    assert [item["metadata"]["name"] for item in mine] == [f"part-{number}" for number in range(5)]
    assert {(item["apiVersion"], item["kind"]) for item in mine} == {("v1", "ConfigMap")}
    assert len(await client.list("v1", "ConfigMap", namespace, labels="group=a")) == 3


@pytest.mark.parametrize(
    ("api_version", "kind", "words"),
    [
        ("example.com/v1", "Widget", "the cluster does not serve this apiVersion"),
        ("apps/v1", "Deploymnet", "did you mean 'Deployment'?"),
    ],
)
async def test_an_unknown_kind_is_named_with_the_nearest(client, namespace, api_version, kind, words):
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": namespace}}
    with pytest.raises(NotFoundError, match=f"no kind {kind} in {api_version}") as caught:
        await client.apply(manifest)
    assert caught.value.why == words


async def test_rights_are_answered_in_the_order_they_were_asked(client, namespace):
    rights = [Right("patch", "apps", "deployments", namespace, subresource="scale"), Right("get", "", "nodes")]
    answers = await client.may(rights)
    assert [(answer.right, answer.allowed) for answer in answers] == [(right, True) for right in rights]


async def test_a_kind_has_the_right_that_rbac_would_grant(client, namespace):
    patch = await client.right("patch", ObjectRef("networking.k8s.io/v1", "NetworkPolicy", namespace, "web"))
    assert str(patch) == f"patch networkpolicies.networking.k8s.io in {namespace}"
    assert str(await client.right("create", ObjectRef("v1", "Namespace", "", "todo"))) == "create namespaces"
    with pytest.raises(NotFoundError, match="no kind Widget"):
        await client.right("get", ObjectRef("example.com/v1", "Widget", namespace, "one"))


async def test_read_only_plans_but_does_not_change(sandbox, config_map, ref):
    transport = await open_transport([sandbox.kubeconfig], "sandbox", read_only=True)
    reader = KubernetesCluster(transport, "sandbox")
    assert (await reader.apply(config_map, dry_run=True))["data"] == {"LEVEL": "info"}
    assert (await reader.may([Right("get", "", "pods", ref.namespace)]))[0].allowed
    for change in (reader.apply(config_map), reader.delete(ref)):
        with pytest.raises(RefusedError, match="read-only"):
            await change
    assert await reader.get(ref) is None
    await reader.close()


@pytest.fixture
async def stranger(cluster, sandbox, tmp_path):
    """A client that may do nothing: a service account without rights."""
    cluster.create("serviceaccounts", {"metadata": {"name": "stranger"}})
    path = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts/stranger/token"
    token = cluster.request(
        "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )
    config = yaml.safe_load(sandbox.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token["status"]["token"]}
    (tmp_path / "stranger").write_text(yaml.safe_dump(config))
    stranger = KubernetesCluster(await open_transport([tmp_path / "stranger"], "sandbox"), "sandbox")
    yield stranger
    await stranger.close()


async def test_who_may_not_is_told_the_missing_right(stranger, config_map, namespace):
    assert await stranger.identity() == f"system:serviceaccount:{namespace}:stranger"
    attempts = {
        f"list configmaps in {namespace}": stranger.list("v1", "ConfigMap", namespace),
        f"patch configmaps in {namespace}": stranger.apply(config_map),
        f"delete deployments.apps in {namespace}": stranger.delete(
            ObjectRef("apps/v1", "Deployment", namespace, "web")
        ),
        f"list pods in {namespace}": anext(stranger.watch("pods", namespace)),
        f"get pods/proxy in {namespace}": stranger.pod_get(namespace, "web-1", 8000, "/ready"),
        "get nodes/proxy": stranger.probe_counters("process-0", namespace),
    }
    for right, attempt in attempts.items():
        with pytest.raises(DeniedError) as caught:
            await attempt
        assert caught.value.right == right
        assert "forbidden" in caught.value.why
    (answer,) = await stranger.may([Right("list", "", "configmaps", namespace)])
    assert not answer.allowed


async def test_a_context_that_acts_as_somebody_else_has_no_more_than_their_rights(sandbox, namespace, tmp_path):
    config = yaml.safe_load(sandbox.kubeconfig.read_text())
    config["users"][0]["user"]["as"] = "somebody"
    (tmp_path / "as").write_text(yaml.safe_dump(config))
    somebody = KubernetesCluster(await open_transport([tmp_path / "as"], "sandbox"), "sandbox")
    assert await somebody.identity() == "somebody"
    with pytest.raises(DeniedError, match=f"not allowed to list configmaps in {namespace}"):
        await somebody.list("v1", "ConfigMap", namespace)
    await somebody.close()


def test_every_resource_that_is_watched_has_a_path():
    paths = {name: watched.resource.path("todo") for name, watched in watch.WATCHED.items()}
    assert paths["pods"] == "/api/v1/namespaces/todo/pods"
    assert paths["statefulsets"] == "/apis/apps/v1/namespaces/todo/statefulsets"
    assert paths["jobs"] == "/apis/batch/v1/namespaces/todo/jobs"


async def test_pods_are_evicted_as_far_as_their_budget_allows(client, cluster, namespace):
    container = {"name": "main", "image": "busybox"}
    virtual = {"nodeSelector": {"type": "virtual"}, "tolerations": [{"operator": "Exists"}]}
    for name in ("one", "two"):
        meta = {"name": name, "labels": {"app": "web"}}
        cluster.create("pods", {"metadata": meta, "spec": {"containers": [container], **virtual}})
    found = {name: cluster.until("pods", name, ready) for name in ("one", "two")}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    cluster.create("poddisruptionbudgets", {"metadata": {"name": "web"}, "spec": spec})
    cluster.until("poddisruptionbudgets", "web", lambda body: body["status"].get("disruptionsAllowed") == 1)
    one, two = (ObjectRef("v1", "Pod", namespace, name) for name in ("one", "two"))
    await client.evict(one, found["one"]["metadata"]["uid"])
    with pytest.raises(BudgetError) as caught:
        await client.evict(two, found["two"]["metadata"]["uid"])
    assert "web needs 1 healthy pods" in caught.value.why
