"""A console whose context was pointed elsewhere says so, and changes nothing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
import yaml

from console.adapters.kubernetes.connection import open_cluster
from console.engine.pinned import keep_confirming
from console.engine.store import Store
from console.model.errors import RefusedError
from console.model.events import WatchLost
from console.model.outcome import Outcome
from tests.engine.bench import Bench
from tests.engine.conftest import leave
from tests.engine.planning_world import world_of
from tests.stacks import config_map, make_service, make_stack

ELSEWHERE = "https://127.0.0.1:1"


@pytest.fixture
def file(sandbox, tmp_path):
    """A kubeconfig of the sandbox that the test may change."""
    copy = tmp_path / "config"
    copy.write_text(sandbox.kubeconfig.read_text())
    return copy


@pytest.fixture
async def pinned(file):
    opened = await open_cluster([file], "sandbox")
    yield opened
    await leave(opened)


@pytest.fixture
async def bench(pinned, tasks, tmp_path):
    world = replace(world_of(pinned, tmp_path), clock=time.time)
    yield Bench(world, tasks, tmp_path / "runs")
    await world.registry.close()
    await world.journal.close()


def put(file, text):
    """Another content at once, as kubectl writes it: nobody reads half of it."""
    whole = file.with_suffix(".new")
    whole.write_text(text)
    whole.replace(file)


def repoint(file):
    content = yaml.safe_load(file.read_text())
    content["clusters"][0]["cluster"]["server"] = ELSEWHERE
    put(file, yaml.safe_dump(content))


async def test_a_plan_and_its_run_say_which_cluster_they_are_of(bench, cluster, namespace):
    bench.observe(make_stack([make_service("web", config_map("web"), namespace)], namespace=namespace))
    made = await bench.plan()
    uid = cluster.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    assert made[0].cluster.uid == uid
    await bench.run(made)
    (record,) = await bench.world.journal.runs("todo")
    assert record.cluster == f"sandbox at {cluster.server}, cluster {uid}"


async def test_a_context_that_was_changed_after_the_plan_stops_the_run_before_anything_is_changed(
    bench, cluster, namespace, file
):
    bench.observe(make_stack([make_service("web", config_map("web"), namespace)], namespace=namespace))
    made = await bench.plan()
    repoint(file)
    verdict = await bench.run(made)
    assert verdict.outcome is Outcome.REFUSED
    assert "context 'sandbox' was changed since the console started" in verdict.headline
    assert cluster.find("configmaps", "web") is None
    assert cluster.list("leases") == []
    with pytest.raises(RefusedError, match="was changed since the console started"):
        await bench.plan()


async def test_the_screen_says_it_once_the_connection_is_lost_and_takes_it_back(pinned, file, namespace, tasks):
    store = Store("todo", "test", namespace, ["web"], [])
    original = file.read_text()
    tasks.start("pinned", keep_confirming(pinned, store, time.time))
    await asyncio.sleep(0)
    repoint(file)
    async with asyncio.timeout(10):
        store.dispatch(WatchLost("pods", 1.0, "cut"))
        words = await store.wait_until(lambda view: view.mismatch or None)
        assert f"and is {ELSEWHERE}" in words
        assert any(line.level == "error" and ELSEWHERE in line.text for line in store.view().activity)
        put(file, original)
        store.dispatch(WatchLost("pods", 2.0, "cut"))
        await store.wait_until(lambda view: not view.mismatch)
