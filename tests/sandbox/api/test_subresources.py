"""What hangs below objects: scale, eviction, binding, logs, commands, proxies, figures."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from console.sandbox.api import spdy
from console.sandbox.api.times import now

from .conftest import Agent, Api, deployment, pod

POD = "/api/v1/namespaces/work/pods/web"


async def test_scale_reads_and_sets_replicas(api: Api) -> None:
    await api.post("/apis/apps/v1/namespaces/work/deployments", deployment())
    path = "/apis/apps/v1/namespaces/work/deployments/web/scale"
    scale = await api.get(path)
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == ("Scale", {"replicas": 1}, "app=web")
    await api.put(path, scale | {"spec": {"replicas": 5}})
    assert api.machinery.get("deployments", "work", "web")["spec"]["replicas"] == 5
    refused = await api.put(path, scale | {"spec": {"replicas": 6}})
    assert refused["code"] == 409


async def test_binding_gives_a_pod_its_node_once(api: Api) -> None:
    api.machinery.create("pods", pod(node=""))
    target = {"target": {"kind": "Node", "name": "node-1"}}
    await api.post(f"{POD}/binding", target)
    bound = api.machinery.get("pods", "work", "web")
    assert bound["spec"]["nodeName"] == "node-1"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    assert api.machinery.on_node("node-1") == [bound]
    assert (await api.post(f"{POD}/binding", target))["code"] == 409


async def test_eviction_takes_from_the_budget_until_it_is_empty(api: Api) -> None:
    for name in ("a", "b"):
        api.machinery.create("pods", pod(name, labels={"app": "web"}))
        api.machinery.mutate(
            "pods", "work", name, lambda obj: obj["status"].update(phase="Running"), subresource="status"
        )
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    api.machinery.create("poddisruptionbudgets", {"metadata": {"name": "b", "namespace": "work"}, "spec": budget})
    counts = {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "observedGeneration": 1}
    api.machinery.mutate(
        "poddisruptionbudgets", "work", "b", lambda obj: obj["status"].update(counts), subresource="status"
    )
    await api.post("/api/v1/namespaces/work/pods/a/eviction", {})
    assert (api.status, api.machinery.get("pods", "work", "a")["metadata"]["deletionTimestamp"] > "") == (201, True)
    refused = await api.post("/api/v1/namespaces/work/pods/b/eviction", {})
    assert (refused["code"], refused["details"]["causes"][0]["reason"]) == (429, "DisruptionBudget")
    assert "deletionTimestamp" not in api.machinery.get("pods", "work", "b")["metadata"]


async def test_logs_come_from_the_node_with_the_options_of_the_query(api: Api, agent: Agent) -> None:
    api.machinery.create("pods", pod())
    assert await api.get(f"{POD}/log?follow=true&previous=true&tailLines=5&sinceSeconds=60") == "web/main\n"
    asked = agent.asked
    assert asked
    assert asked.since
    assert (asked.follow, asked.previous, asked.tail_lines, asked.timestamps) == (True, True, 5, False)
    assert abs(now() - asked.since - timedelta(seconds=60)) < timedelta(seconds=5)


async def test_logs_need_to_know_which_container(api: Api) -> None:
    containers = [{"name": name, "image": "i"} for name in ("a", "b")]
    api.machinery.create("pods", pod(containers=containers))
    status = await api.get(f"{POD}/log")
    assert status["message"] == "a container name must be specified for pod web, choose one of: [a b]"
    assert (await api.get(f"{POD}/log?container=c"))["message"] == "container c is not valid for pod web"
    assert await api.get(f"{POD}/log?container=b") == "web/b\n"


async def run(api: Api, *command: str, send: bytes = b"", protocol: str = "v5.channel.k8s.io") -> dict[int, bytes]:
    """Runs a command in the pod's container; what came on each channel."""
    query = "&".join(f"command={each}" for each in command)
    headers = {"Authorization": f"Bearer {api.token}"}
    address = f"{api.base}{POD}/exec?{query}&stdin=true&stdout=true&stderr=true"
    received: dict[int, bytes] = {}
    async with asyncio.timeout(10), api.http.ws_connect(address, headers=headers, protocols=[protocol]) as socket:
        assert socket.protocol == protocol
        if send:
            await socket.send_bytes(b"\x00" + send)
            await socket.send_bytes(b"\xff\x00")
        async for message in socket:
            assert message.type is aiohttp.WSMsgType.BINARY
            received[message.data[0]] = received.get(message.data[0], b"") + message.data[1:]
    return received


async def test_exec_carries_input_output_errors_and_the_exit_code(api: Api) -> None:
    api.machinery.create("pods", pod())
    received = await run(api, "sh", "-c", "cat; echo oops >%262; exit 3", send=b"hello")
    assert (received[1], received[2]) == (b"hello", b"oops\n")
    status = json.loads(received[3])
    assert (status["status"], status["details"]["causes"]) == ("Failure", [{"reason": "ExitCode", "message": "3"}])


async def test_exec_that_succeeds_says_so_in_the_older_protocol_too(api: Api) -> None:
    api.machinery.create("pods", pod())
    received = await run(api, "echo", "hi", protocol="v4.channel.k8s.io")
    assert (received[1], json.loads(received[3])["status"]) == (b"hi\n", "Success")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A port of the pod behind which HTTP is spoken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as listener:
        yield listener.sockets[0].getsockname()[1]


async def test_proxy_passes_requests_on_to_the_pod(api: Api, port: int) -> None:
    api.machinery.create("pods", pod())
    assert await api.get(f"/api/v1/namespaces/work/pods/web:{port}/proxy/path") == "hi"


async def test_port_forward_by_channels(api: Api, port: int) -> None:
    api.machinery.create("pods", pod())
    async with forwarding(api, "v4.channel.k8s.io", f"?ports={port}") as socket:
        assert await socket.receive_bytes() == b"\x00" + port.to_bytes(2, "little")
        assert await socket.receive_bytes() == b"\x01" + port.to_bytes(2, "little")
        await socket.send_bytes(b"\x00GET / HTTP/1.1\r\n\r\n")
        assert (await socket.receive_bytes()).endswith(b"\r\n\r\nhi")


async def test_port_forward_by_spdy_in_a_websocket_as_kubectl_does(api: Api, port: int) -> None:
    api.machinery.create("pods", pod())
    deflate = zlib.compressobj(zdict=spdy.DICTIONARY)

    def open_stream(number: int, kind: str, to: int) -> bytes:
        headers = {"streamtype": kind, "port": str(to), "requestid": str(number // 4)}
        block = struct.pack(">I", len(headers))
        for text in (part for pair in headers.items() for part in pair):
            block += struct.pack(">I", len(text)) + text.encode()
        block = deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)
        payload = struct.pack(">IIH", number, 0, 0) + block
        return struct.pack(">II", 0x80030001, len(payload)) + payload

    def data(number: int, payload: bytes) -> bytes:
        return struct.pack(">II", number, len(payload)) + payload

    async with forwarding(api, "SPDY/3.1+portforward.k8s.io") as socket:
        await socket.send_bytes(open_stream(1, "error", port) + open_stream(3, "data", port))
        request = data(3, b"GET / HTTP/1.1\r\n\r\n")
        await socket.send_bytes(request[:9])
        await socket.send_bytes(request[9:])
        await socket.send_bytes(open_stream(5, "error", 1) + open_stream(7, "data", 1))
        received: dict[int, bytes] = {}
        ended: set[int] = set()
        while ended != {1, 3, 5, 7}:
            answer = await socket.receive_bytes()
            first, second = struct.unpack_from(">II", answer)
            if not first >> 31:
                received[first] = received.get(first, b"") + answer[8:]
                ended |= {first} if second >> 24 else set()
        assert received[3].endswith(b"\r\n\r\nhi")
        assert received[1] == b""
        assert received[5] == b"failed to connect to port 1 of the pod: Connection refused"


@asynccontextmanager
async def forwarding(api: Api, protocol: str, query: str = "") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    headers = {"Authorization": f"Bearer {api.token}"}
    address = f"{api.base}{POD}/portforward{query}"
    async with asyncio.timeout(10), api.http.ws_connect(address, headers=headers, protocols=[protocol]) as socket:
        assert socket.protocol == protocol
        yield socket


async def test_proxy_says_when_nothing_answers(api: Api) -> None:
    api.machinery.create("pods", pod())
    status = await api.get("/api/v1/namespaces/work/pods/web:1/proxy/")
    assert (status["code"], status["reason"]) == (503, "ServiceUnavailable")


async def test_figures_of_nodes_and_pods(api: Api) -> None:
    api.machinery.create("nodes", {"metadata": {"name": "node-1"}})
    api.machinery.create("pods", pod())
    nodes = await api.get("/apis/metrics.k8s.io/v1beta1/nodes")
    assert nodes["items"][0]["usage"] == {"cpu": "500000000n", "memory": "131072Ki"}
    one = await api.get("/apis/metrics.k8s.io/v1beta1/namespaces/work/pods/web")
    assert one["containers"] == [{"name": "main", "usage": {"cpu": "250000000n", "memory": "65536Ki"}}]
    assert (await api.get("/apis/metrics.k8s.io/v1beta1/namespaces/work/pods/none"))["code"] == 404
    assert "prober_probe_total" in await api.get("/api/v1/nodes/node-1/proxy/metrics/probes")
