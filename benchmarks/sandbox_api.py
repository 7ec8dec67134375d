"""The embedded cluster: start, writes, ten thousand virtual pods at rest and in motion, a pod's way to ready.

Budgets: up 1.5 s, 1,000 writes/s, 10,000 virtual pods in 500 MB, a pod with an instant process ready within 1.5 s.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.cluster import Cluster, ready, rolled_out

PODS = 10_000
DEPLOYMENTS = 100
CHANGES = 500
NODES = 4
WRITERS = 16
SECONDS = 5.0

Figures = dict[str, float | str]
Object = dict[str, Any]


def run() -> Figures:
    """Measures a sandbox of its own; takes about a minute."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        figures: Figures = {"up_seconds": _up(state)}
        try:
            figures |= asyncio.run(_measure(state))
        finally:
            _sandbox("reset", state)
    return figures


def _sandbox(command: str, state: Path, *flags: str) -> Object:
    full = [sys.executable, "-m", "console.sandbox", command, "--state", str(state), "--output", "json", *flags]
    answer: Object = json.loads(subprocess.run(full, check=True, capture_output=True, text=True).stdout)
    return answer


def _up(state: Path) -> float:
    start = time.perf_counter()
    status = _sandbox("up", state, "--virtual-nodes", str(NODES))
    Cluster(Path(status["kubeconfig"])).request("GET", "/api/v1/namespaces")
    return time.perf_counter() - start


async def _measure(state: Path) -> Figures:
    status = _sandbox("status", state)
    daemon = psutil.Process(status["pid"])
    cluster = Cluster(Path(status["kubeconfig"]))
    figures: Figures = {}
    figures["pod_ready_seconds"] = statistics.median(_pod_ready(cluster, number) for number in range(5))
    async with _client(cluster) as http:
        figures["writes_per_second"] = await _writes(http)
        figures["virtual_pods_up_seconds"] = await _virtual_pods(http, cluster)
        figures["virtual_pods_rest_cpu_percent"] = await _cpu(daemon)
        figures["virtual_pods_memory_mb"] = daemon.memory_info().rss / 1e6
        await _churn(http)
        before, start = await _version(http), time.perf_counter()
        figures["virtual_churn_cpu_percent"] = await _cpu(daemon)
        writes = await _version(http) - before
        figures["virtual_churn_writes_per_second"] = writes / (time.perf_counter() - start)
        figures["virtual_churn_list_pods_seconds"] = await _seconds(lambda: _get(http, "/api/v1/pods?limit=500"))
    return figures


@asynccontextmanager
async def _client(cluster: Cluster) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {cluster.token}"}
    connector = aiohttp.TCPConnector(ssl=cluster.tls, limit=WRITERS)
    async with aiohttp.ClientSession(cluster.server, headers=headers, connector=connector) as session:
        yield session


def _pod_ready(cluster: Cluster, number: int) -> float:
    container = {"name": "main", "image": "busybox", "command": ["sleep", "600"]}
    name = f"instant-{number}"
    start = time.perf_counter()
    cluster.create("pods", {"metadata": {"name": name}, "spec": {"containers": [container]}})
    cluster.until("pods", name, ready)
    return time.perf_counter() - start


async def _writes(http: aiohttp.ClientSession) -> float:
    """Creates ConfigMaps from several connections at once."""
    deadline, done = time.perf_counter() + SECONDS, 0

    async def write(writer: int) -> None:
        nonlocal done
        while time.perf_counter() < deadline:
            body = {"metadata": {"name": f"w{writer}-{done}-{time.perf_counter_ns()}"}, "data": {"key": "value" * 20}}
            await _post(http, "/api/v1/namespaces/default/configmaps", body)
            done += 1

    await asyncio.gather(*(write(each) for each in range(WRITERS)))
    return done / SECONDS


async def _virtual_pods(http: aiohttp.ClientSession, cluster: Cluster) -> float:
    start = time.perf_counter()
    for index in range(DEPLOYMENTS):
        await _post(http, "/apis/apps/v1/namespaces/default/deployments", _deployment(f"virtual-{index}"))
    for index in range(DEPLOYMENTS):
        await asyncio.to_thread(cluster.until, "deployments", f"virtual-{index}", rolled_out, timeout=300)
    return time.perf_counter() - start


def _deployment(name: str) -> Object:
    labels = {"app": name}
    spec = {"tolerations": [{"operator": "Exists"}], "containers": [{"name": "main", "image": "busybox"}]}
    spec["nodeSelector"] = {"type": "virtual"}
    replicas = PODS // DEPLOYMENTS
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


async def _churn(http: aiohttp.ClientSession) -> None:
    """Lets pods restart, on all virtual nodes alike."""
    body = {"metadata": {"annotations": {"sandbox/changes-per-second": str(CHANGES / NODES)}}}
    for index in range(NODES):
        await _patch(http, f"/api/v1/nodes/virtual-{index}", body)


async def _cpu(daemon: psutil.Process) -> float:
    daemon.cpu_percent()
    await asyncio.sleep(SECONDS)
    return daemon.cpu_percent()


async def _version(http: aiohttp.ClientSession) -> int:
    found = await _get(http, "/api/v1/namespaces?limit=1")
    return int(found["metadata"]["resourceVersion"])


async def _seconds(work: Callable[[], Awaitable[Any]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


async def _get(http: aiohttp.ClientSession, path: str) -> Object:
    async with http.get(path) as answer:
        return await _checked(answer)


async def _post(http: aiohttp.ClientSession, path: str, body: Object) -> Object:
    async with http.post(path, json=body) as answer:
        return await _checked(answer)


async def _patch(http: aiohttp.ClientSession, path: str, body: Object) -> Object:
    headers = {"Content-Type": "application/merge-patch+json"}
    async with http.patch(path, json=body, headers=headers) as answer:
        return await _checked(answer)


async def _checked(answer: aiohttp.ClientResponse) -> Object:
    body: Object = await answer.json()
    if answer.status >= 400:
        raise RuntimeError(body.get("message"))
    return body


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
