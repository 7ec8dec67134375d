"""Ingresses, asked as a browser would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.sandbox.network.conftest import Network


async def echo(request: web.Request) -> web.Response:
    """Answers with what it was asked."""
    seen = {"path": request.path_qs, "method": request.method, "headers": dict(request.headers)}
    return web.json_response(seen | {"body": (await request.read()).decode()}, headers={"X-Served": "yes"})


async def test_a_request_reaches_the_pod_with_what_it_has_to_know(
    network: Network, http: aiohttp.ClientSession
) -> None:
    network.service("web", await network.backend(echo))
    network.route("web", host="todo.localhost")
    async with http.post(
        f"{network.url}/a%2Fb?x=1",
        data="hello",
        headers={"Host": "todo.localhost", "Connection": "x-private", "X-Private": "1"},
    ) as answer:
        seen = await answer.json()
        assert answer.headers["X-Served"] == "yes"
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/a%2Fb?x=1", "hello")
    assert seen["headers"]["Host"] == "todo.localhost"
    assert seen["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert "X-Private" not in seen["headers"], "headers named in Connection are for one hop only"


async def test_what_no_rule_names_is_not_found_and_what_has_no_pod_is_unavailable(
    network: Network, http: aiohttp.ClientSession
) -> None:
    network.service("web")
    network.route("web", "/app")
    async with http.get(f"{network.url}/") as answer:
        assert answer.status == 404
    async with http.get(f"{network.url}/app") as answer:
        assert (answer.status, await answer.text()) == (503, "no available server\n")


async def test_the_address_is_told_in_the_ingress_status(network: Network) -> None:
    network.route("web")
    with network.machinery.watch("ingresses", "work") as watch:
        async for change in watch:
            if told := change.object["status"].get("loadBalancer", {}).get("ingress"):
                break
    assert told == [{"ip": "127.0.0.1", "ports": [{"port": network.ingress.port, "protocol": "TCP"}]}]


async def test_requests_go_round_the_ready_pods(network: Network, http: aiohttp.ClientSession) -> None:
    async def who(request: web.Request) -> web.Response:
        assert request.transport
        return web.Response(text=request.transport.get_extra_info("sockname")[0])

    places = [await network.backend(who) for _ in range(3)]
    network.service("web", *places)
    network.route("web")
    answers = [await (await http.get(network.url)).text() for _ in range(6)]
    assert sorted(answers) == sorted(2 * [address for address, _ in places])


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_pod_that_refuses_is_passed_over(network: Network, http: aiohttp.ClientSession, method: str) -> None:
    gone = network.address()
    network.service("web", (gone, 8080), await network.backend(echo))
    network.route("web")
    for _ in range(4):
        async with http.request(method, network.url, data="x" if method == "POST" else None) as answer:
            assert answer.status == 200


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads a request, and ends without a word."""
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def test_only_what_may_be_repeated_is_repeated_when_a_pod_hangs_up(
    network: Network, http: aiohttp.ClientSession
) -> None:
    bad = network.address()
    async with await asyncio.start_server(hang_up, bad, 8080):
        network.service("web", (bad, 8080), await network.backend(echo))
        network.route("web")
        gets = [(await http.get(network.url)).status for _ in range(4)]
        posts = [(await http.post(network.url, data=b"x")).status for _ in range(4)]
    assert gets == [200] * 4
    assert sorted(posts) == [200, 200, 502, 502]


async def test_bodies_stream_both_ways(network: Network, http: aiohttp.ClientSession) -> None:
    """The pod answers each part before it sees the next: nothing is held back."""

    async def back(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for part in request.content.iter_any():
            await response.write(part.upper())
        return response

    network.service("web", await network.backend(back))
    network.route("web")
    heard = asyncio.Queue[bytes]()

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        assert await heard.get() == b"FIRST"
        yield b"second"

    async with http.post(network.url, data=parts()) as answer:
        async for part in answer.content.iter_any():
            heard.put_nowait(part)
    assert heard.get_nowait() == b"SECOND"


async def test_encoded_bodies_are_passed_as_they_are(network: Network, http: aiohttp.ClientSession) -> None:
    async def packed(request: web.Request) -> web.Response:
        response = web.Response(text="x" * 1000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    network.service("web", await network.backend(packed))
    network.route("web")
    async with http.get(network.url, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.text() == "x" * 1000


async def test_an_answer_cut_short_is_not_passed_off_as_whole(network: Network, http: aiohttp.ClientSession) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await writer.drain()
        writer.close()

    address = network.address()
    async with await asyncio.start_server(half, address, 8080):
        network.service("web", (address, 8080))
        network.route("web")
        with pytest.raises(aiohttp.ClientError):
            async with http.get(network.url) as answer:
                await answer.read()


async def test_websockets_pass_messages_and_close_codes(network: Network, http: aiohttp.ClientSession) -> None:
    async def chat(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["chat"])
        await socket.prepare(request)
        async for message in socket:
            if message.data == "bye":
                await socket.close(code=4001, message=b"so long")
            elif message.type is WSMsgType.TEXT:
                await socket.send_str(message.data.upper())
            else:
                await socket.send_bytes(message.data[::-1])
        return socket

    network.service("web", await network.backend(chat))
    network.route("web")
    async with http.ws_connect(network.url, protocols=["other", "chat"]) as socket:
        assert socket.protocol == "chat"
        await socket.send_str("hello")
        assert await socket.receive_str() == "HELLO"
        await socket.send_bytes(b"\x00\x01")
        assert await socket.receive_bytes() == b"\x01\x00"
        await socket.send_str("bye")
        closing = await socket.receive()
    assert (closing.type, closing.data, closing.extra) == (WSMsgType.CLOSE, 4001, "so long")


async def test_the_port_is_kept_when_it_is_free(network: Network) -> None:
    port = network.ingress.port
    await network.ingress.stop()
    assert await network.ingress.start(port) == port
