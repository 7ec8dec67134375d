"""Lists with selectors and pages, watches with versions: what a reflector relies on."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.server import ApiServer
from console.sandbox.pki import Authority

from .conftest import Agent, Api, config_map, pod

MAPS = "/api/v1/namespaces/work/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class Lines:
    """The events of a watch, one by one."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            line = await self._answer.content.readline()
        return json.loads(line) if line else None

    async def names(self, count: int) -> list[tuple[str, str]]:
        events = [await self.next() for _ in range(count)]
        return [(each["type"], each["object"]["metadata"]["name"]) for each in events]


@asynccontextmanager
async def watching(api: Api, path: str, query: str = "", **headers: str) -> AsyncIterator[Lines]:
    sent = {"Authorization": f"Bearer {api.token}", **headers}
    async with api.http.get(f"{api.base}{path}?watch=1&{query}", headers=sent) as answer:
        assert answer.status == 200
        yield Lines(answer)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("tier=web", ["a"]),
        ("tier!=web", ["b", "c"]),
        ("tier in (web, api)", ["a", "b"]),
        ("tier notin (web)", ["b", "c"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c"]),
        ("tier=api,size>4", ["b"]),
    ],
)
async def test_label_selectors(api: Api, selector: str, names: list[str]) -> None:
    for name, labels in {"a": {"tier": "web"}, "b": {"tier": "api", "size": "5"}, "c": {"size": "4"}}.items():
        await api.post(MAPS, config_map(name, labels=labels))
    found = await api.call("GET", f"{MAPS}?labelSelector={selector.replace(' ', '%20').replace('!', '%21')}")
    assert [each["metadata"]["name"] for each in found["items"]] == names


async def test_field_selectors_know_the_fields_of_their_kind(api: Api) -> None:
    for name, node in {"here": "node-1", "there": "node-2"}.items():
        api.machinery.create("pods", pod(name, node=node))
    found = await api.get("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1,status.phase!%3DFailed")
    assert [each["metadata"]["name"] for each in found["items"]] == ["here"]
    status = await api.get("/api/v1/pods?fieldSelector=spec.colour%3Dred")
    assert (status["code"], status["message"]) == (400, "field label not supported: spec.colour")


async def test_pages_show_the_list_as_it_was_at_the_first_page(api: Api) -> None:
    for number in range(5):
        await api.post(MAPS, config_map(f"m{number}"))
    first = await api.get(f"{MAPS}?limit=2")
    assert first["metadata"]["remainingItemCount"] == 3
    await api.delete(f"{MAPS}/m3")
    second = await api.get(f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    third = await api.get(f"{MAPS}?limit=2&continue={second['metadata']['continue']}")
    names = [each["metadata"]["name"] for page in (first, second, third) for each in page["items"]]
    assert names == ["m0", "m1", "m2", "m3", "m4"]
    assert "continue" not in third["metadata"]
    assert first["metadata"]["resourceVersion"] == third["metadata"]["resourceVersion"]
    expired = await api.get(f"{MAPS}?limit=2&continue=of-so-long-ago-x")
    assert (expired["code"], expired["reason"]) == (410, "Expired")


async def test_a_watch_from_a_lists_version_tells_what_came_after(api: Api) -> None:
    await api.post(MAPS, config_map("before"))
    version = (await api.get(MAPS))["metadata"]["resourceVersion"]
    await api.post(MAPS, config_map("missed"))
    async with watching(api, MAPS, f"resourceVersion={version}") as lines:
        await api.post(MAPS, config_map("live"))
        await api.patch(f"{MAPS}/live", {"data": {"a": "2"}})
        await api.delete(f"{MAPS}/live")
        expected = [("ADDED", "missed"), ("ADDED", "live"), ("MODIFIED", "live"), ("DELETED", "live")]
        assert await lines.names(4) == expected


async def test_a_watch_without_a_version_begins_with_what_exists(api: Api) -> None:
    await api.post(MAPS, config_map())
    async with watching(api, MAPS) as lines:
        assert await lines.names(1) == [("ADDED", "settings")]


async def test_an_object_that_leaves_the_selector_is_deleted_for_that_watch(api: Api) -> None:
    version = (await api.get(MAPS))["metadata"]["resourceVersion"]
    async with watching(api, MAPS, f"resourceVersion={version}&labelSelector=on%3Dyes") as lines:
        await api.post(MAPS, config_map("x", labels={"on": "no"}))
        for value in ("yes", "no"):
            await api.patch(f"{MAPS}/x", {"metadata": {"labels": {"on": value}}})
        assert await lines.names(2) == [("ADDED", "x"), ("DELETED", "x")]


async def test_a_watch_older_than_the_history_is_told_so_in_the_stream(api: Api) -> None:
    await api.post(MAPS, config_map())
    api.machinery.store.compact()
    async with watching(api, MAPS, "resourceVersion=2") as lines:
        event = await lines.next()
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
        assert await lines.next() is None


async def test_a_watch_that_times_out_ends_with_a_bookmark(api: Api) -> None:
    version = (await api.get(MAPS))["metadata"]["resourceVersion"]
    await api.post("/api/v1/namespaces", {"metadata": {"name": "elsewhere"}})
    query = f"resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=1"
    async with watching(api, MAPS, query) as lines:
        event = await lines.next()
        assert event["type"] == "BOOKMARK"
        assert int(event["object"]["metadata"]["resourceVersion"]) > int(version)
        assert await lines.next() is None


async def test_a_streaming_list_ends_its_first_part_with_a_marked_bookmark(api: Api) -> None:
    await api.post(MAPS, config_map())
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with watching(api, MAPS, query) as lines:
        assert (await lines.next())["type"] == "ADDED"
        mark = await lines.next()
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_server_that_stops_ends_its_watches_at_once(
    machinery: Machinery, authority: Authority, agent: Agent
) -> None:
    server = ApiServer(machinery, authority, {"node-1": agent})
    port = await server.start()
    trust = ssl.create_default_context(cadata=authority.root_certificate)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http:
        api = Api(http, f"https://127.0.0.1:{port}", authority, machinery)
        async with watching(api, MAPS) as lines:
            async with asyncio.timeout(0.4):
                await server.stop()
            with pytest.raises(aiohttp.ClientPayloadError):
                await lines.next()


async def test_in_process_watches_share_the_same_rules(api: Api) -> None:
    version = api.machinery.store.version
    with api.machinery.watch("configmaps", "work", since=version) as changes:
        api.machinery.create("configmaps", config_map(namespace="work"))
        assert (await anext(changes)).object["data"] == {"a": "1"}
    assert [each async for each in changes] == []
    api.machinery.store.compact()
    with pytest.raises(StatusError, match="too old resource version"):
        api.machinery.watch("configmaps", since=version)


async def test_a_table_has_the_columns_that_kubectl_prints(api: Api) -> None:
    waiting = {"name": "main", "ready": False, "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    api.machinery.create("pods", pod())
    api.machinery.mutate(
        "pods", "work", "web", lambda obj: obj["status"].update(containerStatuses=[waiting]), subresource="status"
    )
    table = await api.get("/api/v1/namespaces/work/pods", Accept=TABLE)
    shown = [each["name"] for each in table["columnDefinitions"] if each["priority"] == 0]
    assert shown == ["Name", "Ready", "Status", "Restarts", "Age"]
    row = table["rows"][0]
    assert row["cells"][:4] == ["web", "0/1", "CrashLoopBackOff", "2"]
    assert row["cells"][6] == "node-1"
    assert row["object"]["kind"] == "PartialObjectMetadata"


async def test_a_watch_can_send_tables_too(api: Api) -> None:
    async with watching(api, MAPS, Accept=TABLE) as lines:
        await api.post(MAPS, config_map())
        event = await lines.next()
        assert event["object"]["rows"][0]["cells"][:2] == ["settings", 1]
