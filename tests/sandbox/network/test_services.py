"""Services as sockets."""

from __future__ import annotations

import asyncio

import pytest

from console.sandbox.network.endpoints import EndpointTable
from console.sandbox.network.services import places
from console.sandbox.store import Key
from tests.sandbox.network.conftest import Network


async def connect(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connects as soon as the listener is there."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncio.open_connection(address, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0)


async def ask(address: str, port: int, data: bytes = b"hello") -> bytes:
    """Sends, ends the input, and reads to the end."""
    reader, writer = await connect(address, port)
    try:
        writer.write(data)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


class Echo:
    """A server that answers with its name and everything it is sent, once the input has ended."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.accepted = asyncio.Event()
        self.release = asyncio.Event()
        self.release.set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.set()
        data = await reader.read()
        await self.release.wait()
        writer.write(self.name + b":" + data)
        writer.close()


async def test_bytes_pass_both_ways_and_the_ends_of_each(network: Network) -> None:
    address = network.address()
    async with await asyncio.start_server(Echo(b"a"), address, 8080):
        service = network.service("web", (address, 8080), port=9000)
        large = b"x" * 3_000_000
        assert await ask(service, 9000, large) == b"a:" + large


async def test_connections_go_round_and_pass_over_who_refuses(network: Network) -> None:
    one, two, gone = (network.address() for _ in range(3))
    async with await asyncio.start_server(Echo(b"1"), one, 8080), await asyncio.start_server(Echo(b"2"), two, 8080):
        service = network.service("web", (one, 8080), (gone, 8080), (two, 8080), port=9000)
        answers = [await ask(service, 9000, b"") for _ in range(6)]
    assert set(answers) == {b"1:", b"2:"}


async def test_without_an_endpoint_a_connection_is_reset(network: Network) -> None:
    service = network.service("web", port=9000)
    with pytest.raises(ConnectionResetError):
        assert await ask(service, 9000) != b""


async def test_what_a_closing_pod_has_accepted_it_may_finish(network: Network) -> None:
    """While new connections go elsewhere."""
    old, new = network.address(), network.address()
    slow = Echo(b"old")
    slow.release.clear()
    async with await asyncio.start_server(slow, old, 8080), await asyncio.start_server(Echo(b"new"), new, 8080):
        service = network.service("web", (old, 8080), port=9000)
        first = asyncio.create_task(ask(service, 9000, b"1"))
        await slow.accepted.wait()
        network.point("web", (new, 8080))
        assert await ask(service, 9000, b"2") == b"new:2"
        slow.release.set()
        assert await first == b"old:1"


async def test_a_service_that_goes_stops_listening(network: Network) -> None:
    address = network.address()
    async with await asyncio.start_server(Echo(b"a"), address, 8080):
        service = network.service("web", (address, 8080), port=9000)
        await ask(service, 9000)
        network.machinery.delete("services", "work", "web")
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection(service, 9000)
                    writer.close()
                except (ConnectionRefusedError, ConnectionResetError):
                    break


async def test_a_port_that_cannot_be_had_is_told_on_the_service(network: Network) -> None:
    service = str(network.addresses.services[77])
    async with await asyncio.start_server(Echo(b"other"), service, 9000):
        spec = {"clusterIP": service, "ports": [{"port": 9000}]}
        network.machinery.create("services", {"metadata": {"name": "web", "namespace": "work"}, "spec": spec})
        with network.machinery.watch("events", "work") as watch:
            event = (await anext(watch)).object
    assert (event["type"], event["reason"]) == ("Warning", "FailedToListen")
    assert event["message"] == f"cannot listen on {service}:9000: Address already in use"


def test_headless_and_external_services_listen_nowhere() -> None:
    assert places({"spec": {"clusterIP": "None", "ports": [{"port": 80}]}}) == []
    assert places({"spec": {"type": "ExternalName", "externalName": "example.com"}}) == []


async def test_closing_endpoints_serve_only_when_no_other_is_ready(network: Network) -> None:
    network.service("web", ("127.0.0.1", 1))
    key, table = Key("services", "work", "web"), EndpointTable(network.machinery.store)
    network.point("web", ("127.0.0.1", 1), ready=False, serving=True, terminating=True)
    assert list(table.choose(key, "")) == [("127.0.0.1", 1)]
    network.point("web", ("127.0.0.1", 1), ready=False, serving=False)
    assert list(table.choose(key, "")) == []
