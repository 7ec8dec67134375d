"""The reference stack as a plan sees it: accepted as it is written, and quickly known to be unchanged."""

import asyncio
from pathlib import Path

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_cluster, open_transport
from console.engine.gather import gather, gather_destroy
from console.engine.preflight import check
from console.engine.releases import write_release
from console.model.planning import plan_deploy, plan_destroy
from console.model.release import Release
from console.model.stack import ExternalSource
from tests.cluster import said_goodbye
from tests.engine.planning_world import world_of
from tests.people import person
from tests.stacks import build_source, make_service, make_stack

ROOT = Path(__file__).parents[2]
AFTER = {"backend": ("database",), "mcp-server": ("backend",), "ai-agent": ("mcp-server",), "frontend": ("backend",)}
CONTEXTS = {"frontend": "frontend"}
URL = "postgresql://app:verysecret@127.0.0.1:1/todo"


def _texts(name):
    texts = (file.read_text() for file in sorted((ROOT / "k8s" / name).glob("*.yaml")))
    # Its own namespace is not declared here: each test has one.
    return "\n---\n".join(text for text in texts if "kind: Namespace" not in text)


@pytest.fixture
def stack(namespace):
    services = []
    for name, after in AFTER.items():
        context = ROOT / "stacks" / "todo" / "services" / CONTEXTS.get(name, "")
        source = build_source(name, context, dockerfile=ROOT / "dockerfiles" / f"{name}.Dockerfile")
        services.append(make_service(name, _texts(name), namespace, source, after=after))
    database = ExternalSource("database", "postgres", "postgres", "DATABASE_URL")
    return make_stack(services, shared=_texts("shared"), externals=[database], namespace=namespace)


@pytest.fixture
async def world(sandbox, tmp_path):
    client = KubernetesCluster(await open_transport([sandbox.kubeconfig], "sandbox"), "sandbox")
    world = world_of(client, tmp_path, DATABASE_URL=URL)
    yield world
    await client.close()
    await world.registry.close()
    await world.journal.close()
    await asyncio.sleep(0)


async def test_it_is_accepted_as_it_is_written_and_a_second_look_finds_nothing_to_do(stack, world):
    gathered = await gather(stack, world)
    assert gathered.checks == ()
    assert len(plan_deploy(gathered, world.redactor.text).changes) == len(gathered.objects) == 32
    for state in gathered.objects:
        await world.cluster.apply(state.declared.body)
    sent = tuple(state.declared.body for state in gathered.objects)
    await write_release(
        world.cluster, Release(1, "todo", "test", 0.0, "me", "done", {}, sent, gathered.checksum_key), stack.namespace
    )
    again = await gather(stack, world)
    rows = await check(again, world)
    plan = plan_deploy(again, world.redactor.text)
    assert (plan.changes, plan.drift) == ((), ())
    # Nobody listens at the registry's or the database's address.
    assert {row.name for row in rows if row.ok is False} == {"registry", "external database"}


async def test_a_destroy_finds_all_of_it_in_the_reverse_order(stack, world):
    for state in (await gather(stack, world)).objects:
        await world.cluster.apply(state.declared.body)
    plan = plan_destroy(await gather_destroy(stack, world))
    assert len(plan.changes) == 32
    names = ("ai-agent", "frontend", "mcp-server", "backend")
    assert [step.id for step in plan.steps] == [f"{what}:{name}" for what in ("stop", "prune") for name in names] + [
        "prune"
    ]


async def test_the_roles_of_an_operator_are_all_that_it_takes(stack, cluster, tmp_path):
    file = person(cluster, tmp_path, "operator", "reader", "operator")
    client = await open_cluster([file], "operator")
    world = world_of(client, tmp_path, DATABASE_URL=URL)
    rows = await check(await gather(stack, world), world)
    assert [row.detail for row in rows if row.name == "rights" and row.ok is not True] == []
    assert any(row.name == "rights" and row.ok for row in rows)
    await client.close()
    await world.registry.close()
    await world.journal.close()
    await said_goodbye(cluster.server)
