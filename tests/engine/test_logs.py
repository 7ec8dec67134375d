"""Merged logs over a wire: no line lost, none told twice, whatever breaks."""

import asyncio
import random
import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine import logs as module
from console.engine.logs import LogOptions, follow
from console.engine.logstream import LARGEST
from console.engine.store import Store
from console.engine.watch import keep_watching
from console.model.events import PodGone, PodObserved
from tests.adapters.kubernetes.conftest import write_kubeconfig
from tests.engine.logserver import LogServer
from tests.engine.planning_world import world_of
from tests.observed import container, ended, pod, waiting


@pytest.fixture
async def server():
    server = LogServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def near(server, tmp_path):
    """A world whose cluster is the log server."""
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", ("logs", server.server))
    client = KubernetesCluster(await open_transport([kubeconfig], "logs"), "logs")
    world = replace(world_of(client, tmp_path), clock=time.time)
    yield world
    await client.close()
    await world.registry.close()
    await world.journal.close()
    await asyncio.sleep(0)


@pytest.fixture
def store():
    return Store("todo", "test", "todo", ["backend", "frontend"], [])


def runs(name, restarts=0, **more):
    last = ended() if restarts else None
    return PodObserved(pod(container(restarts=restarts, last=last, since=10.0 + restarts), name=name, **more))


async def collect(chunks, count):
    """So many lines, by pod."""
    found = {}
    async with asyncio.timeout(20), aclosing(chunks):
        async for chunk in chunks:
            found.setdefault(chunk.pod, []).extend(chunk.data.decode().splitlines())
            if sum(map(len, found.values())) >= count:
                return found
    return found


async def test_what_there_is_of_many_pods_then_the_end(near, store, server):
    store.dispatch(runs("a"), runs("b"))
    server.write("a", "one", "two")
    server.write("b", "three")
    chunks = [chunk async for chunk in follow(near, store, LogOptions(follow=False))]
    assert {(each.pod, each.service, each.data) for each in chunks} == {
        ("a", "backend", b"one\ntwo\n"),
        ("b", "backend", b"three\n"),
    }
    assert max(each.at for each in chunks) == pytest.approx(1_790_000_000.03)


async def test_nothing_to_read_is_an_end_as_well(near, store):
    store.dispatch(PodObserved(pod(waiting("ContainerCreating"))))
    assert [chunk async for chunk in follow(near, store, LogOptions(follow=False))] == []


async def test_only_what_was_asked_for(near, store, server):
    store.dispatch(runs("a"), runs("b", service="frontend"), runs("c", service=""))
    for name in "abc":
        server.write(name, f"of {name}")
    asked = {
        LogOptions(follow=False): {"a", "b"},
        LogOptions(follow=False, services=("frontend",)): {"b"},
        LogOptions(follow=False, pods=("a", "c")): {"a", "c"},
    }
    for options, expected in asked.items():
        assert {chunk.pod async for chunk in follow(near, store, options)} == expected


async def test_the_last_lines_and_those_of_the_run_before(near, store, server):
    server.write("a", "one", "two")
    server.end("a")
    server.write("a", "three", "four")
    store.dispatch(runs("a", restarts=1))
    for options, expected in (
        (LogOptions(follow=False, tail=1), b"four\n"),
        (LogOptions(follow=False, previous=True), b"one\ntwo\n"),
        (LogOptions(follow=False, since=1_790_000_001.0), b""),
    ):
        assert b"".join([chunk.data async for chunk in follow(near, store, options)]) == expected


async def test_pods_that_come_later_join_in_with_all_they_have_said(near, store, server):
    store.dispatch(runs("a"))
    server.write("a", "one", "two")
    reading = asyncio.create_task(collect(follow(near, store, LogOptions(tail=1)), 3))
    await asyncio.sleep(0.05)
    server.write("b", "three", "four")
    store.dispatch(PodObserved(pod(waiting("ContainerCreating"), name="b")))
    store.dispatch(runs("b"))
    assert await reading == {"a": ["two"], "b": ["three", "four"]}


async def test_a_container_that_restarts_goes_on_with_its_next_run(near, store, server):
    store.dispatch(runs("a"))
    reading = asyncio.create_task(collect(follow(near, store, LogOptions()), 4))
    server.write("a", "one", "two")
    await asyncio.sleep(0.05)
    server.end("a")
    server.write("a", "three")
    await asyncio.sleep(0.05)
    store.dispatch(runs("a", restarts=1))
    server.write("a", "four")
    assert await reading == {"a": ["one", "two", "three", "four"]}


async def test_a_run_that_came_and_went_unseen_is_caught_up(near, store, server):
    store.dispatch(runs("a"))
    reading = asyncio.create_task(collect(follow(near, store, LogOptions()), 4))
    server.write("a", "one")
    await asyncio.sleep(0.05)
    server.end("a")
    await asyncio.sleep(0.05)
    server.write("a", "two", "three")
    server.end("a")
    server.write("a", "four")
    store.dispatch(runs("a", restarts=2))
    assert await reading == {"a": ["one", "two", "three", "four"]}


@pytest.mark.parametrize("delay", [0.0, 0.0001, 0.3])
async def test_streams_that_break_anywhere_lose_nothing_and_repeat_nothing(near, store, server, monkeypatch, delay):
    monkeypatch.setattr("console.engine.watch.FIRST", 0.01)
    seed = random.Random(7)
    server.breaks = [seed.randrange(1, 400) for _ in range(40)]
    server.delay = delay
    names = ["a", "b", "c"]
    store.dispatch(*map(runs, names))
    reading = asyncio.create_task(collect(follow(near, store, LogOptions()), 600))
    for number in range(200):
        for name in names:
            server.write(name, f"{name} says {number}")
        if number % 20 == 0:
            await asyncio.sleep(0.01)
    found = await reading
    assert found == {name: [f"{name} says {number}" for number in range(200)] for name in names}
    assert server.asked > 20


async def test_a_restart_behind_a_broken_wire_loses_nothing(near, store, server, monkeypatch):
    monkeypatch.setattr("console.engine.watch.FIRST", 0.01)
    server.breaks = [40]
    store.dispatch(runs("a"))
    reading = asyncio.create_task(collect(follow(near, store, LogOptions()), 5))
    server.write("a", "one")
    await asyncio.sleep(0.05)
    server.write("a", "two", "three")
    server.end("a")
    server.write("a", "four", "five")
    store.dispatch(runs("a", restarts=1))
    assert await reading == {"a": ["one", "two", "three", "four", "five"]}


async def test_a_secret_is_masked_wherever_it_is_split(near, store, server):
    near.redactor.add("key", "first line\nsecond line")
    store.dispatch(runs("a"))
    server.write("a", "key: first line", "second line", "bye")
    shown = b"".join([chunk.data async for chunk in follow(near, store, LogOptions(follow=False))]).decode()
    assert "first line" not in shown
    assert "second line" not in shown
    assert shown.endswith("bye\n")


async def test_closing_ends_every_stream(near, store, server):
    before = asyncio.all_tasks()
    store.dispatch(runs("a"), runs("b"))
    server.write("a", "one")
    chunks = follow(near, store, LogOptions())
    assert (await anext(chunks)).data == b"one\n"
    await chunks.aclose()
    assert {task for task in asyncio.all_tasks() - before if task.get_name().startswith("log")} == set()


async def test_of_a_crowd_those_in_trouble_and_the_newest_are_followed_and_free_places_are_taken(near, store, server):
    for number in range(6):
        store.dispatch(runs(f"p{number}", created=float(number)))
        server.write(f"p{number}", f"of {number}")
    store.dispatch(PodObserved(pod(container(ready=False), name="p0", created=0.0)))
    told = []
    chunks = follow(near, store, LogOptions(at_most=3), lambda *counts: told.append(counts))
    async with asyncio.timeout(20), aclosing(chunks):
        assert {(await anext(chunks)).pod for _ in range(3)} == {"p0", "p4", "p5"}
        assert server.asked == 3
        assert told == [(3, 6)]
        store.dispatch(PodGone(pod(name="p5").uid))
        server.end("p5", again=False)
        assert (await anext(chunks)).pod == "p3"
        assert told[-1] == (3, 5)


async def test_without_following_all_are_read_but_few_at_once(near, store, server):
    for number in range(6):
        store.dispatch(runs(f"p{number}"))
        server.write(f"p{number}", f"of {number}")
    chunks = [chunk async for chunk in follow(near, store, LogOptions(follow=False, at_most=2))]
    assert {chunk.pod for chunk in chunks} == {f"p{number}" for number in range(6)}


async def test_a_pod_that_goes_is_read_to_its_end(near, store, server):
    store.dispatch(runs("a"))
    chunks = follow(near, store, LogOptions())
    server.write("a", "one")
    assert (await anext(chunks)).data == b"one\n"
    store.dispatch(PodGone(pod(name="a").uid))
    server.write("a", "last words")
    server.end("a", again=False)
    assert (await anext(chunks)).data == b"last words\n"
    await chunks.aclose()


async def test_a_slow_reader_slows_the_containers_down(near, store, server, monkeypatch):
    monkeypatch.setattr(module, "QUEUE", 2)
    store.dispatch(runs("a"))
    server.write("a", *(f"{number:06} {'x' * 200}" for number in range(160_000)))
    chunks = follow(near, store, LogOptions())
    first = await anext(chunks)
    await asyncio.sleep(0.2)
    assert server.left("a") > 20_000_000
    size, count = len(first.data), first.data.count(b"\n")
    async for chunk in chunks:
        size, count = max(size, len(chunk.data)), count + chunk.data.count(b"\n")
        if count == 160_000:
            break
    await chunks.aclose()
    assert size <= LARGEST
    assert server.left("a") == 0


COUNTING = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; sleep 0.005; done; sleep 600"


async def test_a_real_container_is_followed_over_a_wire_that_breaks(far_client, line, cluster, tmp_path, tasks):
    store = Store("todo", "test", cluster.namespace, ["web"], [])
    labels = {"stack-console/service": "web"}
    main = {"name": "main", "image": "busybox", "command": ["sh", "-c", COUNTING]}
    spec = {"containers": [main], "terminationGracePeriodSeconds": 1}
    cluster.create("pods", {"metadata": {"name": "counter", "labels": labels}, "spec": spec})
    tasks.start("watch", keep_watching(far_client, "pods", cluster.namespace, store.dispatch, time.time))
    world = replace(world_of(far_client, tmp_path), clock=time.time)
    reading = asyncio.create_task(collect(follow(world, store, LogOptions()), 400))
    for _ in range(3):
        await asyncio.sleep(0.4)
        await line.cut()
        await line.mend()
    assert await reading == {"counter": [f"line {number}" for number in range(1, 401)]}
    await world.registry.close()
    await world.journal.close()
