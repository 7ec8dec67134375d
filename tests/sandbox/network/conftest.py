"""The network alone, in this process: real listeners in front of real servers, and the objects that steer them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from console.sandbox.api import bootstrap
from console.sandbox.api.machinery import Machinery
from console.sandbox.network.addresses import Range, lock_range
from console.sandbox.network.endpoints import EndpointTable
from console.sandbox.network.ingress import IngressProxy
from console.sandbox.network.services import ServiceProxy
from console.sandbox.store import Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Network:
    """Services and Ingresses over servers of the test."""

    def __init__(self, machinery: Machinery, addresses: Range) -> None:
        self.machinery = machinery
        self.addresses = addresses
        self.endpoints = EndpointTable(machinery.store)
        self.ingress = IngressProxy(machinery, self.endpoints)
        self.services = ServiceProxy(machinery, self.endpoints)
        self._runners: list[web.AppRunner] = []
        self._next = 10

    def address(self) -> str:
        """The next address of a pod."""
        self._next += 1
        return str(self.addresses.pods[self._next])

    async def backend(self, handler: Handler, address: str = "") -> tuple[str, int]:
        """Starts an HTTP server."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, address or self.address(), 8080).start()
        self._runners.append(runner)
        found: tuple[str, int] = runner.addresses[0]
        return found

    def service(self, name: str, *places: tuple[str, int], port: int = 80) -> str:
        """Makes a Service in front of addresses; returns its own."""
        metadata = {"name": name, "namespace": "work"}
        made = self.machinery.create("services", {"metadata": metadata, "spec": {"ports": [{"port": port}]}})
        self.point(name, *places)
        address: str = made["spec"]["clusterIP"]
        return address

    def point(self, name: str, *places: tuple[str, int], **conditions: bool) -> None:
        """Sets where a Service leads."""
        labels = {"kubernetes.io/service-name": name}
        endpoints = [{"addresses": [address], "conditions": {"ready": True} | conditions} for address, _ in places]
        ports = [{"name": "", "port": places[0][1]}] if places else []
        slice_ = {"addressType": "IPv4", "endpoints": endpoints, "ports": ports}
        metadata = {"name": name, "namespace": "work", "labels": labels}
        if self.machinery.find("endpointslices", "work", name):
            self.machinery.mutate("endpointslices", "work", name, lambda obj: obj.update(slice_))
        else:
            self.machinery.create("endpointslices", {"metadata": metadata, **slice_})

    def route(self, name: str, path: str = "/", host: str = "") -> None:
        """Makes an Ingress that leads to a Service of the same name."""
        backend = {"service": {"name": name, "port": {"number": 80}}}
        rule: dict[str, Any] = {"http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}
        if host:
            rule["host"] = host
        self.machinery.create("ingresses", {"metadata": {"name": name, "namespace": "work"}, "spec": {"rules": [rule]}})

    @property
    def url(self) -> str:
        """Where Ingresses are served."""
        return f"http://127.0.0.1:{self.ingress.port}"

    async def close(self) -> None:
        for each in self._runners:
            await each.cleanup()


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    addresses = lock_range(tmp_path / "runtime", tmp_path, preferred=0)
    store = Store(":memory:")
    machinery = Machinery(store, service_network=addresses.services)
    bootstrap.furnish(machinery)
    machinery.create("namespaces", {"metadata": {"name": "work"}})
    made = Network(machinery, addresses)
    await made.ingress.start(0)
    task = asyncio.create_task(made.services.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.ingress.stop()
    await made.close()
    addresses.close()
    store.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session
