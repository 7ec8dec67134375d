"""What a plan needs to know, asked of a real API server."""

import asyncio
import base64

import pytest
import yaml

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.gather import gather, gather_destroy, known_secrets
from console.engine.ports import Right
from console.engine.preflight import check
from console.engine.releases import write_release
from console.model.plan import ChangeKind, ObjectRef
from console.model.planning import plan_deploy, plan_destroy
from console.model.release import Release
from console.model.stack import STACK_LABEL, ExternalSource
from tests.engine.planning_world import world_of
from tests.stacks import build_source, config_map, deployment, make_service, make_stack, together

DATABASE = ExternalSource("database", "postgres", "postgres", "DATABASE_URL")
URL = "postgresql://app:verysecret@127.0.0.1:1/todo"
FROM_SECRET = {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "DATABASE_URL"}}}


@pytest.fixture
async def client(sandbox):
    transport = await open_transport([sandbox.kubeconfig], "sandbox")
    client = KubernetesCluster(transport, "sandbox")
    yield client
    await client.close()
    await asyncio.sleep(0)


@pytest.fixture
async def world(client, tmp_path):
    world = world_of(client, tmp_path, DATABASE_URL=URL)
    yield world
    await world.registry.close()
    await world.journal.close()


def stack_texts(**data):
    """A Deployment that reads a Secret and a ConfigMap, and the ConfigMap."""
    reading = deployment("web", envFrom=[{"configMapRef": {"name": "web"}}], env=[FROM_SECRET])
    return reading, config_map("web", **data)


@pytest.fixture
def stack(namespace):
    return make_stack(
        [make_service("web", together(*stack_texts(A="1")), namespace)], externals=[DATABASE], namespace=namespace
    )


async def _plan(stack, world):
    gathered = await gather(stack, world)
    return plan_deploy(gathered, world.redactor.text)


async def _apply(stack, world):
    for state in (await gather(stack, world)).objects:
        await world.cluster.apply(state.declared.body)


def _changes(plan):
    return {str(change.ref): str(change.kind) for change in plan.changes}


async def test_in_a_namespace_that_is_not_there_everything_is_new_and_it_comes_first(world):
    stack = make_stack([make_service("web", deployment("web"), "nowhere-yet")], namespace="nowhere-yet")
    gathered = await gather(stack, world)
    assert not gathered.namespace_exists
    assert [str(change.ref) for change in plan_deploy(gathered, str).changes] == [
        "namespace/nowhere-yet",
        "deployment/web",
    ]
    assert await world.cluster.get(ObjectRef("v1", "Namespace", "", "nowhere-yet")) is None


async def test_a_namespace_that_nobody_declares_is_nobodys_to_remove(stack, world):
    await _apply(stack, world)
    assert "Namespace" not in {change.ref.kind for change in plan_destroy(await gather_destroy(stack, world)).changes}


async def _release(stack, world):
    """Applies everything, and keeps it as a release."""
    gathered = await gather(stack, world)
    for state in gathered.objects:
        await world.cluster.apply(state.declared.body)
    sent = tuple(state.declared.body for state in gathered.objects)
    release = Release(1, "todo", "test", 0.0, "somebody", "done", {}, sent, gathered.checksum_key)
    await write_release(world.cluster, release, stack.namespace)


async def test_a_second_plan_finds_nothing_to_do_but_to_wait(stack, world):
    assert set(_changes(await _plan(stack, world)).values()) == {"create"}
    await _release(stack, world)
    gathered = await gather(stack, world)
    assert gathered.unready == ("web",)
    plan = plan_deploy(gathered, world.redactor.text)
    assert plan.changes == ()
    assert plan.drift == ()
    assert [step.id for step in plan.steps] == ["preflight", "wait:web"]


async def test_a_changed_key_of_the_environment_rolls_the_pods_that_read_it(stack, world, namespace):
    await _release(stack, world)
    web = together(*stack_texts(A="2"))
    changed = make_stack([make_service("web", web, namespace)], externals=[DATABASE], namespace=namespace)
    plan = await _plan(changed, world)
    assert [field.path for change in plan.changes for field in change.fields] == [
        "data.A",
        "spec.template.metadata.annotations.stack-console/config",
    ]
    assert plan.drift == ()


async def test_a_value_that_somebody_took_away_is_drift_too(stack, world, cluster):
    await _release(stack, world)
    cluster.patch("configmaps", "web", {"data": {"A": None}})
    (change,) = (await _plan(stack, world)).drift
    assert [(field.path, field.before, field.after) for field in change.drift] == [("data.A", "", '"1"')]


async def test_values_of_this_machine_make_a_secret_and_are_masked_everywhere(stack, world):
    assert await known_secrets(stack, world) == {("postgres", "DATABASE_URL"): URL}
    gathered = await gather(stack, world)
    (secret,) = [state.declared for state in gathered.objects if state.declared.sensitive]
    assert base64.b64decode(secret.body["data"]["DATABASE_URL"]).decode() == URL
    assert "verysecret" not in repr(plan_deploy(gathered, world.redactor.text))
    assert "verysecret" not in world.redactor.text(f"connecting to {URL}")


async def test_a_value_that_is_too_short_to_be_searched_is_told(stack, client, tmp_path):
    world = world_of(client, tmp_path, DATABASE_URL="tiny")
    (warning,) = (await _plan(stack, world)).warnings
    assert warning == "not searched in what is shown: secret/postgres DATABASE_URL is too short"
    await world.registry.close()
    await world.journal.close()


async def test_a_secret_that_the_cluster_holds_already_is_used_and_masked(stack, world, tmp_path):
    await _apply(stack, world)
    other = world_of(world.cluster, tmp_path / "other")
    gathered = await gather(stack, other)
    assert "Secret" not in {state.declared.ref.kind for state in gathered.objects}
    assert gathered.obsolete == ()
    assert "verysecret" not in other.redactor.text(URL)
    await other.registry.close()
    await other.journal.close()


async def test_an_external_of_our_own_is_not_started_by_a_plan(stack, world, namespace):
    own = ExternalSource("database", "postgres", "postgres", "DATABASE_URL", "embedded")
    stack = make_stack(stack.services, externals=[own], namespace=namespace)
    gathered = await gather(stack, world)
    assert gathered.unprovisioned == ("database",)
    assert await world.externals.known("database", "postgres") is None
    url = await world.externals.provision("database", "postgres")
    try:
        gathered = await gather(stack, world)
        assert gathered.unprovisioned == ()
        assert await known_secrets(stack, world) == {("postgres", "DATABASE_URL"): url}
        (row,) = [row for row in await check(gathered, world) if row.name == "external database"]
        assert row.ok
    finally:
        await world.externals.withdraw("database", "postgres")


async def test_somebody_elses_change_is_drift_with_their_name(stack, world, cluster):
    await _apply(stack, world)
    path = f"{cluster.path('configmaps', 'web')}?fieldManager=kubectl-edit"
    cluster.request("PATCH", path, {"data": {"A": "theirs"}}, "application/merge-patch+json")
    plan = await _plan(stack, world)
    (change,) = plan.drift
    assert [(field.path, field.before, field.after) for field in change.drift] == [("data.A", "theirs", '"1"')]
    assert "configmap/web: data.A belongs to kubectl-edit" in plan.warnings
    assert (await world.cluster.get(change.ref))["data"] == {"A": "theirs"}


async def test_what_carries_the_label_and_is_declared_no_more_is_obsolete(stack, world, namespace, cluster):
    await _release(stack, world)
    labels = {STACK_LABEL: "todo"}
    cluster.create("configmaps", {"metadata": {"name": "old", "labels": labels}})
    cluster.create("configmaps", {"metadata": {"name": "of-another", "labels": {STACK_LABEL: "other"}}})
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "old", "uid": "x"}
    cluster.create("configmaps", {"metadata": {"name": "owned", "labels": labels, "ownerReferences": [owner]}})
    assert (await gather(stack, world)).obsolete == (ObjectRef("v1", "ConfigMap", namespace, "old"),)


async def test_a_destroy_finds_all_that_carries_the_label_whatever_is_declared_now(stack, world, namespace):
    await _apply(stack, world)
    nothing = make_stack([make_service("other", config_map("other"), namespace)], namespace=namespace)
    plan = plan_destroy(await gather_destroy(nothing, world))
    assert {str(change.ref): str(change.kind) for change in plan.changes} == {
        "deployment/web": "delete",
        "configmap/web": "delete",
        "secret/postgres": "delete",
    }
    assert [step.id for step in plan.steps] == ["stop:web", "prune:web", "prune"]
    assert {row.ok for row in plan.checks} == {True}


async def test_an_object_that_the_api_server_refuses_is_a_failed_check_and_does_not_hide_the_others(world, namespace):
    broken = deployment("web", ports=[{"containerPort": 99999}])
    stack = make_stack([make_service("web", together(broken, config_map("web")), namespace)], namespace=namespace)
    gathered = await gather(stack, world)
    (row,) = gathered.checks
    assert (row.name, row.ok) == ("deployment/web", False)
    assert "containerPort" in row.detail
    assert row in await check(gathered, world)
    assert set(_changes(plan_deploy(gathered, str))) == {"deployment/web", "configmap/web"}


WIDGET = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: one}, spec: {size: 1}}"
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec: {group: example.com, scope: Namespaced, names: {kind: Widget, plural: widgets}, versions: []}
"""


async def test_a_kind_that_nobody_defines_is_a_failed_check_unless_the_stack_brings_it(world, namespace):
    service = make_service("web", WIDGET, namespace)
    gathered = await gather(make_stack([service], namespace=namespace), world)
    assert [(row.name, row.ok, row.detail) for row in gathered.checks] == [
        ("widget/one", False, "no kind Widget in example.com/v1: the cluster does not serve this apiVersion")
    ]
    bringing = await gather(make_stack([service], shared=DEFINITION, namespace=namespace), world)
    assert "widget/one" not in {row.name for row in bringing.checks}
    assert _changes(plan_deploy(bringing, str))["widget/one"] == "create"


async def test_a_registry_that_does_not_answer_is_for_preflight_to_tell(world, namespace, tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\n")
    source = build_source("web", tmp_path / "context")
    stack = make_stack([make_service("web", deployment("web"), namespace, source)], namespace=namespace)
    gathered = await gather(stack, world)
    assert [image.present for image in gathered.images] == [False]
    rows = {row.name: row for row in await check(gathered, world)}
    assert rows["registry"].ok is False
    assert "127.0.0.1:1" in rows["registry"].detail
    assert rows["build"].ok
    assert (await gather(stack, world)).images == gathered.images


def _grant(cluster, scope, kind, rules):
    """Gives the service account `visitor` these rights, in its namespace or everywhere."""
    base, name = f"/apis/rbac.authorization.k8s.io/v1{scope}", f"visitor-{cluster.namespace}"
    cluster.request("POST", f"{base}/{kind.lower()}s", {"metadata": {"name": name}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "visitor", "namespace": cluster.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
    cluster.request("POST", f"{base}/{kind.lower()}bindings", binding)


@pytest.fixture
async def visitor(cluster, sandbox, tmp_path):
    """May look at namespaces, workloads and ConfigMaps, and change nothing."""
    cluster.create("serviceaccounts", {"metadata": {"name": "visitor"}})
    looking = {"apiGroups": ["", "apps"], "resources": ["configmaps", "deployments", "pods"], "verbs": ["get", "list"]}
    _grant(cluster, f"/namespaces/{cluster.namespace}", "Role", [looking])
    _grant(cluster, "", "ClusterRole", [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}])
    path = cluster.path("serviceaccounts", "visitor") + "/token"
    token = cluster.request("POST", path, {"spec": {}})["status"]["token"]
    config = yaml.safe_load(sandbox.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "visitor").write_text(yaml.safe_dump(config))
    visitor = KubernetesCluster(await open_transport([tmp_path / "visitor"], "sandbox"), "sandbox")
    yield visitor
    await visitor.close()


async def test_who_may_not_patch_sees_declared_fields_compared_and_every_missing_right(stack, world, visitor, tmp_path):
    await _apply(stack, world)
    namespace = stack.namespace
    ref = ObjectRef("v1", "ConfigMap", namespace, "web")
    await world.cluster.patch(ref, "merge", {"data": {"A": "2"}})
    theirs = world_of(visitor, tmp_path / "visitor-world")
    gathered = await gather(stack, theirs)
    plan = plan_deploy(gathered, theirs.redactor.text)
    changes = {str(change.ref): change for step in plan.steps for change in step.changes}
    assert changes["configmap/web"].declared_only
    assert changes["configmap/web"].kind is ChangeKind.UPDATE
    assert changes["deployment/web"].kind is ChangeKind.UNCHANGED
    assert theirs.redactor.by_pattern
    told = "\n".join(plan.warnings)
    assert f"not allowed to patch configmaps in {namespace}: only declared fields are compared" in told
    assert "masking by pattern" in told
    missing = [row for row in await check(gathered, theirs) if row.name == "rights" and row.ok is False]
    assert f"not allowed to {Right('patch', '', 'configmaps', namespace)}" in {row.detail for row in missing}
    assert all(row.hint.startswith("ask an administrator") for row in missing)
    await theirs.registry.close()
    await theirs.journal.close()


async def test_who_may_not_create_the_namespace_is_told(visitor, tmp_path):
    stack = make_stack([make_service("web", config_map("web"), "nowhere-yet")], namespace="nowhere-yet")
    theirs = world_of(visitor, tmp_path / "visitor-world")
    rows = [row for row in await check(await gather(stack, theirs), theirs) if row.ok is False]
    assert {"not allowed to create namespaces", "not allowed to create configmaps in nowhere-yet"} <= {
        row.detail for row in rows
    }
    await theirs.registry.close()
    await theirs.journal.close()
