"""The API of a sandbox in this process, over real HTTPS, with one agent that runs real processes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from console.sandbox.api import bootstrap
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.ports import LogOptions, NodeUsage, PodUsage, Session, Usage
from console.sandbox.api.resources import Object
from console.sandbox.api.server import ApiServer
from console.sandbox.pki import Authority
from console.sandbox.store import Store

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Process:
    """A command on this machine, as a session in a container."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        out, error = self._process.stdout, self._process.stderr
        assert out
        assert error
        while chunk := await out.read(1024):
            yield "stdout", chunk
        while chunk := await error.read(1024):
            yield "stderr", chunk

    async def write(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def close_input(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()

    async def resize(self, columns: int, rows: int) -> None:
        raise AssertionError("no terminal here")

    async def wait(self) -> int:
        return await self._process.wait()

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Agent:
    """A node whose containers are this machine."""

    asked: LogOptions | None = None

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.asked = options

        async def lines() -> AsyncIterator[bytes]:
            yield f"{pod['metadata']['name']}/{container}\n".encode()

        return lines()

    async def exec(self, pod: Object, container: str, command: list[str], *, stdin: bool, tty: bool) -> Session:
        pipe = asyncio.subprocess.PIPE
        return Process(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe))

    async def attach(self, pod: Object, container: str, *, stdin: bool, tty: bool) -> Session:
        raise NotImplementedError

    def address(self, pod: Object) -> str:
        return "127.0.0.1"

    def probe_metrics(self) -> str:
        return 'prober_probe_total{probe_type="Readiness",result="successful"} 3\n'

    async def usage(self) -> NodeUsage:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        pod = PodUsage("work", "web", now, 10.0, {"main": Usage(0.25, 64 * 1024 * 1024)})
        return NodeUsage(now, 10.0, Usage(0.5, 128 * 1024 * 1024), (pod,))


class Api:
    """A client: `await api.get(path)` gives the decoded answer; `api.status` its code, `api.headers` its headers."""

    def __init__(self, http: aiohttp.ClientSession, base: str, authority: Authority, machinery: Machinery) -> None:
        self.http = http
        self.base = base
        self.authority = authority
        self.machinery = machinery
        self.token = authority.admin_token
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.warnings: list[str] = []

    async def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **headers: str
    ) -> Any:
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, **headers}
        data = body if isinstance(body, bytes | None) else aiohttp.JsonPayload(body)
        async with self.http.request(method, self.base + path, data=data, headers=sent) as answer:
            self.status, self.headers = answer.status, answer.headers
            self.warnings = answer.headers.getall("Warning", [])
            return await answer.json() if "json" in answer.content_type else await answer.text()

    async def get(self, path: str, **headers: str) -> Any:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        return await self.call("POST", path, body, **headers)

    async def put(self, path: str, body: Any) -> Any:
        return await self.call("PUT", path, body)

    async def delete(self, path: str, body: Any = None) -> Any:
        return await self.call("DELETE", path, body)

    async def patch(self, path: str, body: Any, content_type: str = MERGE) -> Any:
        return await self.call("PATCH", path, body, content_type)

    async def apply(self, path: str, body: Any, manager: str, query: str = "") -> Any:
        return await self.call("PATCH", f"{path}?fieldManager={manager}{query}", body, APPLY)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def machinery(tmp_path: Path) -> AsyncIterator[Machinery]:
    store = Store(tmp_path / "store.db")
    made = Machinery(store)
    bootstrap.furnish(made)
    made.create("namespaces", {"metadata": {"name": "work"}})
    yield made
    store.close()


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
async def api(machinery: Machinery, authority: Authority, agent: Agent) -> AsyncIterator[Api]:
    server = ApiServer(machinery, authority, {"node-1": agent})
    port = await server.start()
    trust = ssl.create_default_context(cadata=authority.root_certificate)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http:
        yield Api(http, f"https://127.0.0.1:{port}", authority, machinery)
    await server.stop()


def deployment(name: str = "web", **spec: Any) -> Object:
    """A Deployment that is valid."""
    container = {"name": "main", "image": "web:1", "env": [{"name": "A", "value": "1"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    given = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": given}


def config_map(name: str = "settings", data: dict[str, str] | None = None, **metadata: Any) -> Object:
    """A ConfigMap that is valid."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"a": "1"} if data is None else data,
    }


def pod(name: str = "web", *, node: str = "node-1", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    """A Pod that is valid, bound to a node."""
    given = {"containers": [{"name": "main", "image": "web:1"}], "nodeName": node} | spec
    metadata = {"name": name, "namespace": "work", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": given}
