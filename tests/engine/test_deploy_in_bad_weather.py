"""A deploy while the API server is away, answers amiss, or its answers are lost: it goes on, or says why it cannot."""

import asyncio
import time
from dataclasses import replace

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine import deploy, lease, opening
from console.engine.holder import this_process
from console.engine.lease import lease_ref
from console.engine.releases import read_releases
from console.model.events import StepStarted
from console.model.outcome import Outcome
from console.model.state import Freshness
from tests.engine.bench import Bench, virtual_deployment
from tests.engine.conftest import leave
from tests.engine.planning_world import world_of
from tests.stacks import config_map, make_service, make_stack, together
from tests.weather import HTML, answer


@pytest.fixture
async def bench(weather, tasks, tmp_path, namespace):
    """A console behind the weather, with a stack of one service to deploy."""
    client = KubernetesCluster(await open_transport([weather.kubeconfig(tmp_path / "far")], "sandbox"), "sandbox")
    world = replace(world_of(client, tmp_path), clock=time.time)
    bench = Bench(world, tasks, tmp_path / "runs")
    declared = together(virtual_deployment("web", ready_after="300ms"), config_map("web", A="1"))
    bench.observe(make_stack([make_service("web", declared, namespace)], namespace=namespace))
    yield bench
    await tasks.close()
    # What went dark takes no leave.
    await weather.reset()
    await leave(client)
    await world.registry.close()
    await world.journal.close()


def writes(request):
    return request.writes


def of_deployment(request):
    return request.writes and request.path.partition("?")[0].endswith("/deployments/web")


async def is_deployed_once(bench, cluster, near_client, verdict):
    """Done, and what was sent twice is there as if it had been sent once."""
    assert verdict.outcome is Outcome.DONE, verdict
    found = cluster.get("deployments", "web")
    assert found["metadata"]["generation"] == 1
    managers = [each["manager"] for each in found["metadata"]["managedFields"]]
    assert managers.count("stack-console") == 1
    assert found["status"]["availableReplicas"] == 2
    assert len(cluster.list("replicasets")) == 1
    releases = await read_releases(near_client, "todo", cluster.namespace)
    assert [(each.number, each.outcome) for each in releases] == [(1, "done")]
    held = await near_client.get(lease_ref(cluster.namespace, "todo"))
    assert not held["spec"].get("holderIdentity")


async def test_writes_whose_answers_are_lost_are_sent_again_and_come_to_the_same(bench, weather, cluster, near_client):
    made = await bench.plan()
    lost = set()

    def once(request):
        name = (request.method, request.path.partition("?")[0])
        return request.writes and name not in lost and not lost.add(name)

    weather.fail(once, after=0)
    verdict = await bench.run(made)
    await is_deployed_once(bench, cluster, near_client, verdict)
    assert {path.rpartition("/")[2] for method, path in lost} >= {"web", "stack-console-todo", "secrets", "leases"}


@pytest.mark.parametrize(
    "said", [answer(429, retry_after="1"), answer(503), answer(502, HTML, content_type="text/html"), answer(200, HTML)]
)
async def test_a_server_that_answers_amiss_is_asked_again(bench, weather, cluster, near_client, said):
    made = await bench.plan()
    weather.fail(of_deployment, said, times=2)
    await is_deployed_once(bench, cluster, near_client, await bench.run(made))


async def test_a_server_that_is_away_while_objects_are_applied_is_waited_for(bench, weather, cluster, near_client):
    made = await bench.plan()
    reached = asyncio.Event()
    weather.fail(lambda request: of_deployment(request) and not reached.set(), None)
    run = asyncio.create_task(bench.run(made))
    await reached.wait()
    await weather.fall()
    await bench.store.wait_until(lambda view: view.freshness is Freshness.STALE)
    weather.clear()
    await weather.open()
    await is_deployed_once(bench, cluster, near_client, await run)


async def test_a_wire_that_goes_dark_while_a_service_is_waited_for_is_found_out(
    bench, weather, cluster, near_client, soon_found_out
):
    made = await bench.plan()
    waits = asyncio.Event()
    bench.store.subscribe(
        lambda fact: waits.set() if isinstance(fact, StepStarted) and fact.step_id == "wait:web" else None
    )
    run = asyncio.create_task(bench.run(made))
    await waits.wait()
    weather.go_dark()
    await bench.store.wait_until(lambda view: view.freshness is Freshness.STALE)
    weather.clear()
    async with asyncio.timeout(10):
        verdict = await run
    await is_deployed_once(bench, cluster, near_client, verdict)


async def test_a_server_that_stays_away_ends_the_run_with_its_own_exit_code(bench, weather, monkeypatch):
    monkeypatch.setattr(deploy, "PATIENCE", 1.0)
    made = await bench.plan()
    reached = asyncio.Event()
    weather.fail(lambda request: of_deployment(request) and not reached.set(), None)
    run = asyncio.create_task(bench.run(made))
    await reached.wait()
    await weather.fall()
    async with asyncio.timeout(10):
        verdict = await run
    await weather.open()
    assert verdict.outcome is Outcome.UNREACHABLE
    assert "cannot be reached: Connection refused" in verdict.headline
    assert "check that the cluster is up" in verdict.next_step


async def test_who_cancels_while_the_server_is_away_does_not_wait_for_it(bench, weather, monkeypatch):
    made = await bench.plan()
    reached = asyncio.Event()
    weather.fail(lambda request: of_deployment(request) and not reached.set(), None)
    run = asyncio.create_task(bench.run(made))
    await reached.wait()
    await weather.fall()
    began = time.monotonic()
    run.cancel()
    verdict = await run
    assert time.monotonic() - began < 8
    assert verdict.outcome is Outcome.INTERRUPTED
    weather.clear()
    await weather.open()


async def test_a_lock_that_somebody_else_took_meanwhile_ends_the_run_which_writes_nothing_more(
    bench, weather, cluster, near_client, monkeypatch
):
    monkeypatch.setattr(opening, "TERMS", lease.Terms(duration=1.0, renew=0.3, look=0.2))
    made = await bench.plan()
    reached = asyncio.Event()
    weather.fail(lambda request: of_deployment(request) and not reached.set(), None)
    run = asyncio.create_task(bench.run(made))
    await reached.wait()
    await weather.fall()
    other = replace(this_process("run-9"), host="build-7", boot="another", user="somebody").identity
    await near_client.patch(lease_ref(cluster.namespace, "todo"), "merge", {"spec": {"holderIdentity": other}})
    weather.clear()
    weather.forwarded.clear()
    weather.fail(of_deployment, None)
    await weather.open()
    async with asyncio.timeout(15):
        verdict = await run
    assert verdict.outcome is Outcome.LOCKED
    assert "somebody, process" in verdict.headline
    assert "on build-7 holds it" in verdict.headline
    sent = [request for request in weather.forwarded if request.writes and "leases" not in request.path]
    assert [(request.method, request.path) for request in sent] == []
    assert cluster.find("deployments", "web") is None
