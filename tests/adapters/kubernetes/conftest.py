"""A server that answers as it is told: for what a healthy API server never says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.adapters.kubernetes.transport import Transport
from tests.cluster import Cluster

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Weather:
    """A stand-in for an API server: `answer` decides, `asked` remembers."""

    port: int
    answer: Answer
    asked: list[web.Request] = field(default_factory=list)

    @property
    def server(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def write_kubeconfig(file: Path, *contexts: tuple[str, str], user: dict | None = None) -> Path:
    """A kubeconfig whose contexts lead to these servers, and whose current context leads nowhere."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "nowhere",
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in contexts],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "tester"}} for name, _ in contexts],
        "users": [{"name": "tester", "user": user or {"token": "first"}}],
    }
    file.write_text(yaml.safe_dump(content))
    return file


def status(code: int, reason: str, message: str, **details: object) -> web.Response:
    """A refusal as an API server words it."""
    body = {
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }
    return web.json_response(body, status=code)


@pytest.fixture
async def weather() -> AsyncIterator[Weather]:
    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        weather.asked.append(request)
        return await weather.answer(request)

    async def nothing(request: web.Request) -> web.Response:
        return web.json_response({})

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    weather = Weather(runner.addresses[0][1], nothing)
    yield weather
    await runner.cleanup()


@pytest.fixture
async def transport(weather, tmp_path) -> AsyncIterator[Transport]:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", ("weather", weather.server))
    transport = await open_transport([kubeconfig], "weather")
    yield transport
    await transport.close()
    # Connections end in a callback of the loop.
    await asyncio.sleep(0)


@pytest.fixture
async def over_tls(sandbox) -> AsyncIterator[Transport]:
    """A transport to the sandbox, by its own kubeconfig."""
    transport = await open_transport([sandbox.kubeconfig], "sandbox")
    yield transport
    await transport.close()


@pytest.fixture
async def client(over_tls) -> KubernetesCluster:
    """The client of the sandbox."""
    return KubernetesCluster(over_tls, "sandbox")


@pytest.fixture
def stranger(cluster) -> Cluster:
    """A service account without rights, in the test's namespace."""
    cluster.create("serviceaccounts", {"metadata": {"name": "stranger"}})
    body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}}
    found = cluster.request("POST", cluster.path("serviceaccounts", "stranger") + "/token", body)
    client = Cluster(cluster.kubeconfig, cluster.namespace)
    client.act_as(found["status"]["token"])
    return client
