"""Requests as users send them, to a real server: what came of each, and who answered."""

import asyncio

import pytest
from aiohttp import web

from console.adapters.visitor import HttpVisitor
from console.engine.ports import Answer


@pytest.fixture
async def server():
    """A server that remembers who connected, and answers as its path says."""
    asked = []

    async def handle(request):
        asked.append((request.transport.get_extra_info("peername"), dict(request.headers)))
        if request.path == "/elsewhere":
            return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})
        if request.path == "/closes":
            request.transport.abort()
        if request.path == "/large":
            return web.Response(body=b"x" * (3 << 20))
        status = int(request.path.strip("/") or 200)
        return web.Response(status=status, text="words " * 2000, headers={"X-Pod-Name": "web-1"})

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


@pytest.fixture
async def visitor():
    visitor = HttpVisitor()
    yield visitor
    await visitor.close()


async def test_an_answer_has_its_status_the_start_of_its_text_and_the_pod(server, visitor):
    base, asked = server
    answer = await visitor.get(f"{base}/503")
    assert (answer.status, answer.pod, len(answer.text)) == (503, "web-1", 4000)
    assert "Authorization" not in asked[0][1]
    assert asked[0][1]["User-Agent"].startswith("stack-console")


async def test_connections_are_kept_but_for_those_that_are_to_be_fresh(server, visitor):
    base, asked = server
    for fresh in (False, False, True, True):
        await visitor.get(base, fresh=fresh)
    peers = [peer for peer, _ in asked]
    assert peers[0] == peers[1]
    assert len(set(peers)) == 3


async def test_another_host_can_be_asked_for_at_an_address(server, visitor):
    base, asked = server
    await visitor.get(base, host="shop.example.com")
    assert asked[0][1]["Host"] == "shop.example.com"


async def test_a_redirect_is_an_answer_and_is_not_followed(server, visitor):
    base, asked = server
    assert (await visitor.get(f"{base}/elsewhere")).status == 302
    assert len(asked) == 1


async def test_what_is_too_large_is_broken_off(server, visitor):
    answer = await visitor.get(f"{server[0]}/large")
    assert (answer.status, len(answer.text)) == (200, 4000)


async def test_who_does_not_answer_is_told_with_the_reason(server, visitor, unused_tcp_port):
    assert await visitor.get(f"http://127.0.0.1:{unused_tcp_port}/") == Answer(None, "Connection refused")
    answer = await visitor.get(f"{server[0]}/closes", fresh=True)
    assert (answer.status, answer.text) == (None, "the connection was closed without an answer")


async def test_the_limit_is_set_by_who_asks_and_nothing_is_left_open(visitor):
    begun = asyncio.Event()

    async def silent(reader, writer):
        begun.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    asking = asyncio.create_task(visitor.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    server.close()
    await server.wait_closed()


async def test_after_its_end_it_can_begin_anew(server, visitor):
    await visitor.get(server[0])
    await visitor.close()
    assert (await visitor.get(server[0])).status == 200


async def test_what_is_written_arrives_with_its_body_and_the_answer_is_not_packed(server, visitor):
    base, asked = server
    answer = await visitor.send(
        "POST", f"{base}/201", host="web.example.com", body="{}", content_type="application/json"
    )
    assert answer.status == 201
    _, headers = asked[0]
    expected = {"Host": "web.example.com", "Content-Type": "application/json", "Content-Length": "2"}
    assert expected.items() <= headers.items()
    assert headers["Accept-Encoding"] == "identity"
    assert (await visitor.send("DELETE", f"{base}/204")).status == 204
    assert "Content-Type" not in asked[1][1]
