"""Bad weather on the wire of a watch: the view goes stale, is back soon, has missed nothing and tells nothing twice."""

import asyncio
import random
import time

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.adapters.kubernetes.pulse import PATIENCE, QUIET
from console.engine.watch import keep_watching
from console.model.events import Relisted, WatchLost
from console.model.state import Freshness
from tests.engine.conftest import leave, virtual
from tests.outage import BACK_WITHIN, matches, told_once
from tests.weather import HTML, answer, everything


@pytest.fixture
async def client(weather, tmp_path):
    """A client behind the weather."""
    client = KubernetesCluster(await open_transport([weather.kubeconfig(tmp_path / "far")], "sandbox"), "sandbox")
    yield client
    await leave(client)


@pytest.fixture
def facts(store):
    """All facts that the store is told."""
    facts = []
    store.subscribe(facts.append)
    return facts


@pytest.fixture
async def watched(client, weather, cluster, store, tasks, facts):
    """Two pods that are watched, and seen."""
    cluster.create("deployments", virtual())
    tasks.start("watch pods", keep_watching(client, "pods", cluster.namespace, store.dispatch, time.time))
    await until(store, lambda view: view.freshness is Freshness.LIVE and len(view.pods) == 2)
    await asyncio.to_thread(cluster.until_pods, lambda pods: all(map(_is_ready, pods)))
    await until(store, lambda view: all(pod.ready for pod in view.pods.values()))
    # Behind the list the stream begins: what is broken before that would break nothing.
    async with asyncio.timeout(10):
        while not any(request.watches for request in weather.forwarded):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return store


async def until(store, holds, within=20.0):
    async with asyncio.timeout(within):
        return await store.wait_until(holds)


def _is_ready(pod):
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def replace_one(cluster):
    """What goes on in the cluster meanwhile: one pod goes, another comes."""
    gone = cluster.list("pods")[0]
    cluster.delete("pods", gone["metadata"]["name"], gracePeriodSeconds=0)
    uid = gone["metadata"]["uid"]
    cluster.until_pods(
        lambda pods: len(pods) == 2 and all(map(_is_ready, pods)) and uid not in {p["metadata"]["uid"] for p in pods}
    )
    return uid


async def goes_stale(store, within=8.0):
    return await until(store, lambda view: view if view.freshness is Freshness.STALE else None, within)


async def listed_again(store):
    """Waits for the next list; a fact tells of it, which those who look at the view may see before it is counted."""
    heard = asyncio.Event()
    leave = store.subscribe(lambda fact: heard.set() if isinstance(fact, Relisted) else None)
    async with asyncio.timeout(10):
        await heard.wait()
    leave()


async def is_back(store, cluster):
    """The view is live within five seconds, and is what the cluster is."""
    began = time.monotonic()
    await until(store, lambda view: view.freshness is Freshness.LIVE, BACK_WITHIN)
    print(f"back after {time.monotonic() - began:.2f} s")
    view = await until(store, lambda view: view if matches(view, cluster) else None)
    assert view.freshness is Freshness.LIVE


ANSWERS = {
    "429": answer(429, retry_after="1"),
    "500": answer(500, b'{"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd is gone"}'),
    "503 without a word": answer(503),
    "503 that asks to wait": answer(503, b"starting", retry_after="1"),
    "a page of another server": answer(200, HTML, content_type="text/html"),
    "half a page": answer(200, b'{"kind": "PodList", "items": [{"metadata": {"na'),
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_server_that_answers_amiss_makes_the_view_stale_for_as_long_as_it_does(
    weather, watched, cluster, facts, name
):
    weather.fail(everything, ANSWERS[name])
    await weather.reset()
    view = await goes_stale(watched)
    assert len(view.pods) == 2
    assert view.health["pods"].detail
    await asyncio.to_thread(replace_one, cluster)
    weather.clear()
    await is_back(watched, cluster)
    told_once(facts)


async def test_connections_that_are_reset_and_refused(weather, watched, cluster, facts):
    await weather.fall()
    await goes_stale(watched, 1.0)
    await asyncio.to_thread(replace_one, cluster)
    await weather.open()
    await is_back(watched, cluster)
    told_once(facts)


async def test_a_wire_that_goes_dark_is_found_out_and_left(weather, watched, cluster, facts):
    """With the true seconds: half-open connections say nothing, neither then nor when the others do again."""
    began = time.monotonic()
    weather.go_dark()
    view = await goes_stale(watched, QUIET + PATIENCE + 1.0)
    assert time.monotonic() - began > QUIET
    assert "did not answer in time" in view.health["pods"].detail
    await asyncio.to_thread(replace_one, cluster)
    weather.clear()
    await is_back(watched, cluster)
    told_once(facts)


async def test_a_server_that_takes_no_new_connections_is_lost_though_the_old_ones_stay(weather, watched, cluster):
    await weather.refuse()
    view = await goes_stale(watched)
    assert "Connection refused" in view.health["pods"].detail
    await weather.open()
    await is_back(watched, cluster)


async def test_a_slow_server_is_not_a_lost_one(weather, watched, cluster, facts):
    weather.fail(everything, delay=0.5)
    await weather.reset()
    await listed_again(watched)
    await is_back(watched, cluster)
    lost = len([fact for fact in facts if isinstance(fact, WatchLost)])
    await asyncio.to_thread(replace_one, cluster)
    await until(watched, lambda view: matches(view, cluster))
    assert len([fact for fact in facts if isinstance(fact, WatchLost)]) == lost


@pytest.mark.parametrize("seed", [3, 4])
async def test_watches_that_are_cut_within_lines_miss_nothing(weather, watched, cluster, facts, monkeypatch, seed):
    monkeypatch.setattr("console.engine.watch.FIRST", 0.02)
    chance = random.Random(seed)
    weather.fail(lambda request: request.watches, after=chance.randrange(200, 6000))
    await weather.reset()
    for _ in range(4):
        await asyncio.to_thread(replace_one, cluster)
        await until(watched, lambda view: matches(view, cluster))
    weather.clear()
    await weather.reset()
    await is_back(watched, cluster)
    told_once(facts)
    assert len([request for request in weather.asked if request.watches]) > 2


GONE = b'{"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}\n'


@pytest.mark.parametrize("said", [answer(200, GONE), answer(410, b'{"kind": "Status", "code": 410}')])
async def test_a_version_that_is_gone_is_listed_afresh(weather, watched, cluster, facts, said):
    weather.fail(lambda request: request.watches, said, times=2)
    await weather.reset()
    gone = await asyncio.to_thread(replace_one, cluster)
    await is_back(watched, cluster)
    assert gone not in watched.view().pods
    told_once(facts)


async def test_pages_that_are_gone_are_listed_afresh(weather, watched, cluster, facts, monkeypatch):
    monkeypatch.setattr("console.adapters.kubernetes.watch.PAGE", 1)
    said = answer(410, b'{"kind": "Status", "code": 410, "reason": "Expired", "message": "continue token expired"}')
    weather.fail(lambda request: "continue=" in request.path, said, times=2)
    await weather.reset()
    await listed_again(watched)
    await is_back(watched, cluster)
    assert len([request for request in weather.asked if "continue=" in request.path]) == 3


async def test_an_error_of_ours_leaves_no_view_that_looks_live(watched, tasks, monkeypatch, weather):
    told = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.set_result(context["exception"]))
    monkeypatch.setattr("console.adapters.kubernetes.translate.pod", lambda source: 1 / 0)
    await weather.reset()
    view = await until(watched, lambda view: view if "ZeroDivisionError" in view.health["pods"].detail else None)
    assert view.freshness is Freshness.STALE
    assert isinstance(await told, ZeroDivisionError)
    assert not tasks.running("watch pods")
