"""The engine as front ends hold it: its end is its end, whoever is in a hurry."""

import asyncio

import pytest

from console.engine.service import Engine
from tests.engine.bench import virtual_deployment
from tests.engine.planning_world import world_of
from tests.stacks import make_service, make_stack


async def test_closing_comes_to_its_end_though_it_is_cancelled_meanwhile(near_client, namespace, tmp_path):
    stack = make_stack([make_service("web", virtual_deployment("web"), namespace)], namespace=namespace)
    engine = Engine(stack, world_of(near_client, tmp_path), tmp_path / "runs")
    before = asyncio.all_tasks()
    await engine.start()
    await engine.settled()
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert asyncio.all_tasks() == before
    with pytest.raises(RuntimeError, match="closed"):
        await near_client.version()
