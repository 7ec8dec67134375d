"""Every way in which something is missing has a row of its own, with plain words and what to do."""

import asyncio
from dataclasses import replace

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.gather import gather
from console.engine.preflight import check
from console.model.errors import Problem, UnreachableError
from console.model.plan import ObjectRef
from console.model.stack import ExternalSource
from tests.engine.planning_world import GivenSecrets, world_of
from tests.stacks import config_map, deployment, make_service, make_stack, together

DATABASE = ExternalSource("database", "postgres", "postgres", "DATABASE_URL")
UNUSED = "postgresql://app:verysecret@127.0.0.1:1/todo"


@pytest.fixture
async def client(sandbox):
    client = KubernetesCluster(await open_transport([sandbox.kubeconfig], "sandbox"), "sandbox")
    yield client
    await client.close()
    await asyncio.sleep(0)


@pytest.fixture
async def world(client, tmp_path):
    world = world_of(client, tmp_path)
    yield world
    await world.registry.close()
    await world.journal.close()


async def _rows(stack, world):
    return await check(await gather(stack, world), world)


async def _row(name, stack, world):
    (found,) = [row for row in await _rows(stack, world) if row.name == name]
    return found


def _stack(namespace, text, **more):
    return make_stack([make_service("web", text, namespace)], namespace=namespace, **more)


async def test_everything_there_is_one_row_each_and_all_are_good(world, namespace):
    rows = await _rows(_stack(namespace, deployment("web")), world)
    assert [(row.name, row.ok) for row in rows] == [("cluster", True), ("namespace", True), ("rights", True)]
    assert rows[0].detail.startswith("v1.")
    assert world.cluster.server in rows[0].detail


async def test_a_cluster_that_does_not_answer_ends_it_at_once(world, namespace, sandbox, tmp_path):
    gathered = await gather(_stack(namespace, config_map("web")), world)
    text = sandbox.kubeconfig.read_text().replace(world.cluster.server, "https://127.0.0.1:1")
    (tmp_path / "down").write_text(text)
    down = KubernetesCluster(await open_transport([tmp_path / "down"], "sandbox"), "sandbox")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await check(gathered, world_of(down, tmp_path))
    await down.close()


async def test_read_only_is_said(sandbox, namespace, tmp_path):
    client = KubernetesCluster(await open_transport([sandbox.kubeconfig], "sandbox", read_only=True), "sandbox")
    reader = world_of(client, tmp_path)
    row = await _row("read-only", _stack(namespace, config_map("web")), reader)
    assert (row.ok, row.hint) == (None, "leave out --read-only")
    await client.close()
    await reader.registry.close()
    await reader.journal.close()


async def test_a_namespace_that_is_being_removed_is_no_place_to_deploy_to(world, namespace, cluster):
    held = {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    cluster.create("configmaps", held)
    cluster.delete("namespaces", namespace)
    row = await _row("namespace", _stack(namespace, config_map("web")), world)
    cluster.patch("configmaps", "held", {"metadata": {"finalizers": None}})
    assert row.ok is False
    assert "is being removed" in row.detail


async def test_objects_that_the_cluster_must_hold_are_looked_for(world, namespace, cluster):
    env = [{"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "held", "key": "LEVEL"}}}]
    text = deployment("web", env=env, envFrom=[{"secretRef": {"name": "maybe", "optional": True}}])
    stack = _stack(namespace, text)
    row = await _row("configmap/held", stack, world)
    assert row.ok is False
    assert row.detail == "deployment/web needs it (environment), but it is not there"
    cluster.create("configmaps", {"metadata": {"name": "held"}})
    assert (await _row("configmap/held", stack, world)).detail.endswith("but it has no LEVEL")
    cluster.patch("configmaps", "held", {"data": {"LEVEL": "info"}})
    assert await _row("references", stack, world)


@pytest.mark.parametrize(
    ("spec", "name", "ok"),
    [
        ({"serviceAccountName": "robot"}, "serviceaccount/robot", False),
        ({"imagePullSecrets": [{"name": "pull"}]}, "secret/pull", False),
        (
            {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
            "persistentvolumeclaim/data",
            False,
        ),
    ],
)
async def test_what_pods_cannot_start_without_is_named(world, namespace, spec, name, ok):
    stack = _stack(namespace, deployment("web"))
    stack.manifests[0].body["spec"]["template"]["spec"] |= spec
    row = await _row(name, stack, world)
    assert row.ok is ok
    assert row.hint


async def test_a_key_that_no_value_is_known_for_is_missed_before_pods_are(world, namespace, cluster):
    names = ("URL", "TOKEN")
    env = [{"name": name, "valueFrom": {"secretKeyRef": {"name": "keys", "key": name}}} for name in names]
    keyless = "{apiVersion: v1, kind: Secret, metadata: {name: keys}}"
    stack = _stack(namespace, together(deployment("web", env=env), keyless))
    row = await _row("secret/keys", stack, world)
    assert row.ok is False
    assert row.detail == "deployment/web needs it (environment), but it has no TOKEN, URL"
    known = replace(world, secrets=GivenSecrets({"URL": "https://somewhere"}))
    assert (await _row("secret/keys", stack, known)).detail.endswith("but it has no TOKEN")
    cluster.create("secrets", {"metadata": {"name": "keys"}, "stringData": {"TOKEN": "something"}})
    assert await _row("references", stack, known)


INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nobodys
  tls: [{secretName: certificate}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
"""


async def test_a_certificate_may_still_come_but_a_class_must_be_there(world, namespace):
    stack = _stack(namespace, INGRESS)
    assert (await _row("secret/certificate", stack, world)).ok is None
    assert (await _row("ingressclass/nobodys", stack, world)).ok is False


async def test_what_the_files_only_warn_of_is_looked_for_as_well(world, namespace, cluster):
    service = ObjectRef("v1", "Service", namespace, "elsewhere")
    doubt = Problem("k8s/ingress.yaml", 9, 1, "Service 'elsewhere' is not part of this stack", needs=service)
    stack = _stack(namespace, deployment("web"), warnings=(doubt,))
    row = await _row("service/elsewhere", stack, world)
    assert (row.ok, row.detail) == (None, "k8s/ingress.yaml:9 needs it, but it is not there")
    cluster.create("services", {"metadata": {"name": "elsewhere"}, "spec": {"ports": [{"port": 80}]}})
    assert "service/elsewhere" in (await _row("references", stack, world)).detail


async def test_an_external_that_nobody_knows_or_that_does_not_answer(world, namespace, tmp_path):
    stack = _stack(namespace, config_map("web"), externals=[DATABASE])
    row = await _row("external database", stack, world)
    assert row.ok is False
    assert "no DATABASE_URL on this machine" in row.detail
    for url, ok in ((UNUSED, False), (UNUSED.replace("127.0.0.1", "postgres.data.svc.cluster.local"), None)):
        knows = world_of(world.cluster, tmp_path / str(ok), DATABASE_URL=url)
        row = await _row("external database", stack, knows)
        assert row.ok is ok
        assert "verysecret" not in row.detail + row.hint
        await knows.registry.close()
        await knows.journal.close()


async def test_a_quota_that_is_too_small_is_told_before_anything_waits_for_pods(world, namespace, cluster):
    cluster.create("resourcequotas", {"metadata": {"name": "small"}, "spec": {"hard": {"requests.cpu": "150m"}}})
    resources = {"requests": {"cpu": "100m"}}
    stack = _stack(namespace, deployment("web", replicas=2, resources=resources))
    row = await _row("quota", stack, world)
    assert (row.ok, row.detail) == (False, "resourcequota/small: requests.cpu: 200m more needed, 150m of 150m free")
    fits = _stack(namespace, deployment("web", replicas=1, resources=resources))
    assert (await _row("quota", fits, world)).ok
    declared = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: small}, spec: {hard: {requests.cpu: '1'}}}"
    raised = _stack(namespace, together(deployment("web", replicas=2, resources=resources), declared))
    assert (await _row("quota", raised, world)).ok


async def test_containers_must_say_what_a_quota_counts_unless_there_are_defaults(world, namespace, cluster):
    cluster.create("resourcequotas", {"metadata": {"name": "all"}, "spec": {"hard": {"limits.memory": "1Gi"}}})
    silent = _stack(namespace, deployment("web"))
    row = await _row("quota", silent, world)
    assert (row.ok, row.detail) == (
        False,
        "deployment/web: container web has no limits.memory, and a quota asks for it",
    )
    limits = [{"type": "Container", "default": {"memory": "64Mi"}}]
    cluster.create("limitranges", {"metadata": {"name": "defaults"}, "spec": {"limits": limits}})
    assert (await _row("quota", silent, world)).ok
