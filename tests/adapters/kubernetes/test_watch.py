"""Watches: nothing missed, nothing told twice, and every end is an end."""

import asyncio
import json
from contextlib import aclosing

import pytest
from aiohttp import web

from console.adapters.kubernetes import watch as module
from console.adapters.kubernetes.watch import watch
from console.model.errors import DeniedError, UnreachableError
from console.model.events import (
    EventObserved,
    PodGone,
    PodObserved,
    Relisted,
    WatchBeat,
    WorkloadObserved,
)

from .conftest import status


def _pod(name, version="1"):
    return {"metadata": {"uid": f"uid-{name}", "name": name, "namespace": "todo", "resourceVersion": version}}


def _line(kind, thing):
    return json.dumps({"type": kind, "object": thing}, separators=(",", ":")).encode() + b"\n"


def _lists_then(weather, pages, *lines):
    """Answers lists with these pages, and each watch with these lines."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response(pages[request.query.get("continue", "")])
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line)
        return response

    weather.answer = answer


ONE_PAGE = {"": {"metadata": {"resourceVersion": "40"}, "items": [_pod("a"), _pod("b")]}}


async def _facts(transport, resource="pods"):
    return [fact async for fact in watch(transport, resource, "todo")]


def _told(facts):
    """Facts in short."""
    short = {
        PodObserved: lambda fact: f"seen {fact.pod.name} {fact.pod.resource_version}",
        PodGone: lambda fact: f"gone {fact.uid}",
        Relisted: lambda fact: f"listed {','.join(sorted(fact.uids))}",
        WatchBeat: lambda fact: f"beat {fact.resource}",
    }
    return [short[type(fact)](fact) for fact in facts]


async def test_what_is_there_then_every_change_in_order(weather, transport):
    changes = [_line("ADDED", _pod("c", "41")), _line("MODIFIED", _pod("a", "42")), _line("DELETED", _pod("b", "43"))]
    _lists_then(weather, ONE_PAGE, *changes)
    assert _told(await _facts(transport)) == [
        *("seen a 1", "seen b 1", "listed uid-a,uid-b", "seen c 41", "seen a 42", "gone uid-b"),
    ]


async def test_the_stream_starts_at_the_version_of_the_list(weather, transport):
    pages = {
        "": {"metadata": {"resourceVersion": "40", "continue": "next"}, "items": [_pod("a")]},
        "next": {"metadata": {"resourceVersion": "40"}, "items": [_pod("b")]},
    }
    _lists_then(weather, pages)
    assert _told(await _facts(transport)) == ["seen a 1", "seen b 1", "listed uid-a,uid-b"]
    first, second, stream = (dict(request.query) for request in weather.asked)
    assert (first, second) == ({"limit": "500"}, {"limit": "500", "continue": "next"})
    assert stream == {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "40"}


async def test_a_bookmark_is_a_beat_and_changes_nothing(weather, transport):
    bookmark = {
        "kind": "Pod",
        "metadata": {"resourceVersion": "99", "creationTimestamp": None},
        "spec": {"containers": None},
    }
    _lists_then(weather, ONE_PAGE, _line("BOOKMARK", bookmark))
    assert _told(await _facts(transport))[3:] == ["beat pods"]


async def test_a_version_that_is_gone_is_just_an_end(weather, transport):
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (2)"}
    _lists_then(weather, ONE_PAGE, _line("ERROR", gone), _line("ADDED", _pod("never")))
    assert len(await _facts(transport)) == 3


async def test_any_other_error_on_the_stream_is_told(weather, transport):
    failed = {"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd is away"}
    _lists_then(weather, ONE_PAGE, _line("ERROR", failed))
    with pytest.raises(UnreachableError, match="etcd is away"):
        await _facts(transport)


@pytest.mark.parametrize("line", [b"<html>\n", b'{"type":"ADDED","object":{"metadata"', b"\xff\xfe\n", b"[]\n"])
async def test_garbage_on_the_stream_is_said_to_make_no_sense(weather, transport, line):
    _lists_then(weather, ONE_PAGE, line)
    with pytest.raises(UnreachableError, match="makes no sense"):
        await _facts(transport)


async def test_a_page_of_another_server_is_no_list(weather, transport):
    async def portal(request: web.Request) -> web.Response:
        return web.Response(text="<html>log in to the hotel's network</html>")

    weather.answer = portal
    with pytest.raises(UnreachableError, match="makes no sense"):
        await _facts(transport)


async def test_a_missing_right_is_named(weather, transport):
    async def deny(request: web.Request) -> web.Response:
        if "watch" in request.query:
            return status(403, "Forbidden", "pods is forbidden")
        return web.json_response(ONE_PAGE[""])

    weather.answer = deny
    with pytest.raises(DeniedError) as caught:
        await _facts(transport)
    assert caught.value.right == "watch pods in todo"


async def test_a_silent_stream_is_given_up(weather, transport, monkeypatch):
    monkeypatch.setattr(module, "SILENCE", 0.05)

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response(ONE_PAGE[""])
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    weather.answer = answer
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await _facts(transport)


VIRTUAL = {"sandbox/virtual": "true"}


def _deployment(name, replicas):
    labels = {"app": name}
    tolerations = [{"key": "sandbox/virtual", "operator": "Exists"}]
    spec = {
        "containers": [{"name": "web", "image": "busybox"}],
        "tolerations": tolerations,
        "nodeSelector": {"type": "virtual"},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"stack-console/service": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


async def _until(facts, wanted):
    """Reads facts until one of them is wanted."""
    seen = []
    async for fact in facts:
        seen.append(fact)
        if wanted(fact):
            return seen
    raise AssertionError(f"the watch ended after {seen}")


async def test_a_pod_of_the_sandbox_is_seen_from_its_birth_to_its_end(client, cluster):
    async with asyncio.timeout(20), aclosing(client.watch("pods", cluster.namespace)) as facts:
        assert (await anext(facts)).uids == frozenset()
        cluster.create("deployments", _deployment("web", 1))
        born = await _until(facts, lambda fact: isinstance(fact, PodObserved) and fact.pod.ready)
        cluster.delete("deployments", "web")
        await _until(facts, lambda fact: fact == PodGone(born[-1].pod.uid))
    pod = born[-1].pod
    assert (pod.owner_kind, pod.phase, pod.containers[0].state.value) == ("ReplicaSet", "Running", "running")


@pytest.mark.parametrize("resource", ["deployments", "replicasets"])
async def test_a_workload_is_seen_until_it_is_available(client, cluster, resource):
    cluster.create("deployments", _deployment("web", 2))
    async with asyncio.timeout(20), aclosing(client.watch(resource, cluster.namespace)) as facts:
        seen = await _until(facts, lambda fact: isinstance(fact, WorkloadObserved) and fact.workload.available == 2)
    workload = seen[-1].workload
    assert (workload.desired, workload.ready, workload.observed_generation) == (2, 2, workload.generation)
    assert workload.service == ("web" if resource == "deployments" else "")


async def test_events_are_about_something(client, cluster):
    cluster.create("deployments", _deployment("web", 1))
    async with asyncio.timeout(20), aclosing(client.watch("events", cluster.namespace)) as facts:
        seen = await _until(facts, lambda fact: isinstance(fact, EventObserved) and fact.event.kind == "Deployment")
    assert (seen[-1].event.reason, seen[-1].event.name, seen[-1].event.count) == ("ScalingReplicaSet", "web", 1)


async def test_two_pages_of_the_sandbox_and_a_relist_name_the_same_pods(client, cluster, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    cluster.create("deployments", _deployment("web", 5))
    async with asyncio.timeout(20), aclosing(client.watch("pods", cluster.namespace)) as facts:
        ready = set()
        async for fact in facts:
            if isinstance(fact, PodObserved) and fact.pod.ready:
                ready.add(fact.pod.uid)
            if len(ready) == 5:
                break
    async with asyncio.timeout(20), aclosing(client.watch("pods", cluster.namespace)) as again:
        listed = await _until(again, lambda fact: isinstance(fact, Relisted))
    assert {fact.pod.uid for fact in listed[:-1]} == listed[-1].uids == ready
