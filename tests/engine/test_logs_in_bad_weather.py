"""A real container's log while the wire fails and the container restarts: every line once."""

import asyncio
import random
import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.logs import LogOptions, follow
from console.engine.store import Store
from console.engine.watch import keep_watching
from console.model.state import Freshness
from tests.engine.conftest import leave
from tests.engine.planning_world import world_of
from tests.outage import BACK_WITHIN
from tests.weather import HTML, answer

LINES = 250
LONG = 40_000
RUN = f"""
n=$(cat /data/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /data/n
i=0
while [ $i -lt {LINES} ]; do
  i=$((i+1)); echo "run $n line $i"
  if [ $i = 50 ]; then head -c {LONG} /dev/zero | tr '\\000' x; echo; fi
  sleep 0.005
done
printf "run $n ends"
[ $n -lt 2 ] || {{ echo; exec sleep 600; }}
"""


def expected():
    """What two runs say: the API keeps the log of the run before, not of those before that."""
    for run in (1, 2):
        lines = [f"run {run} line {number}" for number in range(1, LINES + 1)]
        yield from [*lines[:50], "x" * LONG, *lines[50:], f"run {run} ends"]


class Reading:
    """The lines that have come so far."""

    def __init__(self, world, store):
        self.store = store
        self.lines = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._read(follow(world, store, LogOptions())))

    async def _read(self, chunks):
        async with aclosing(chunks):
            async for chunk in chunks:
                self.lines += chunk.data.decode().splitlines()
                self._news.set()

    async def until(self, count):
        async with asyncio.timeout(20):
            while len(self.lines) < count and not self._task.done():
                self._news.clear()
                await self._news.wait()

    async def end(self):
        self._task.cancel()
        lost = [line for line in expected() if line not in self.lines]
        print(f"{len(self.lines)} lines, without {lost[:1]} to {lost[-1:]}")
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def reading(weather, cluster, tmp_path, tasks):
    """The merged log of a pod that runs twice."""
    store = Store("todo", "test", cluster.namespace, ["web"], [])
    client = KubernetesCluster(await open_transport([weather.kubeconfig(tmp_path / "far")], "sandbox"), "sandbox")
    tasks.start("watch", keep_watching(client, "pods", cluster.namespace, store.dispatch, time.time))
    world = replace(world_of(client, tmp_path), clock=time.time)
    mounts = [{"name": "data", "mountPath": "/data"}]
    main = {"name": "main", "image": "busybox", "command": ["sh", "-c", RUN], "volumeMounts": mounts}
    spec = {"containers": [main], "volumes": [{"name": "data", "emptyDir": {}}], "terminationGracePeriodSeconds": 1}
    labels = {"stack-console/service": "web"}
    cluster.create("pods", {"metadata": {"name": "speaker", "labels": labels}, "spec": spec})
    reading = Reading(world, store)
    yield reading
    await reading.end()
    await tasks.close()
    # What went dark takes no leave.
    await weather.reset()
    await leave(client)
    await world.registry.close()
    await world.journal.close()


def follows(request):
    return request.follows


async def cut(weather, chance):
    weather.fail(follows, after=chance.randrange(1, 3000), times=2)
    await weather.reset()


async def refuse(weather, chance):
    await weather.fall()
    await weather.open()


async def busy(weather, chance):
    weather.fail(follows, answer(429, retry_after="1"), times=2)
    await weather.reset()


async def portal(weather, chance):
    weather.fail(lambda request: not request.follows, answer(200, HTML), times=2)
    weather.fail(follows, answer(503, HTML), times=2)
    await weather.reset()


@pytest.mark.parametrize("weathers", [(cut, cut, cut, cut), (refuse, busy, portal, cut)])
async def test_every_line_comes_once_over_restarts_and_a_wire_that_fails(weather, reading, weathers):
    lines = list(expected())
    chance = random.Random(5)
    for number, happens in enumerate(weathers, 1):
        await reading.until(number * len(lines) // (len(weathers) + 1))
        await happens(weather, chance)
    await reading.until(len(lines))
    assert reading.lines == lines, [line for line in lines if line not in reading.lines][:3]


async def test_a_wire_that_goes_dark_keeps_no_line_back_once_it_is_light_again(weather, reading, soon_found_out):
    lines = list(expected())
    await reading.until(len(lines) - LINES)
    weather.go_dark()
    async with asyncio.timeout(20):
        await reading.store.wait_until(lambda view: view.freshness is Freshness.STALE)
    weather.clear()
    began = time.monotonic()
    await reading.until(len(lines))
    assert time.monotonic() - began < BACK_WITHIN
    assert reading.lines == lines, [line for line in lines if line not in reading.lines][:3]
