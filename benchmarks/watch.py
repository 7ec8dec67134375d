"""What watching costs the console: ten thousand pods listed, then five hundred changes a second, over TLS.

Budget: with the screen 10 % of a core and 150 MB; decoding and translating a change 25 us.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import msgspec
import psutil

from console.adapters import sandbox
from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.adapters.kubernetes.watch import WATCHED
from console.engine.ports import Cluster
from console.model.events import PodObserved, Relisted
from console.model.plan import ObjectRef
from console.model.stack import SERVICE_LABEL
from console.model.workload import Pod

PODS = 10_000
DEPLOYMENTS = 100
CHANGES = 500
NODES = 4
NAMESPACE = "default"
WINDOW = 10.0

Figures = dict[str, float | str]


def run() -> Figures:
    """Measures against a sandbox of its own; takes about a minute."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(Path(folder) / "state"))


async def _run(state: Path) -> Figures:
    status = await sandbox.up(state, ("--virtual-nodes", str(NODES)))
    try:
        cluster = KubernetesCluster(await open_transport([Path(status.kubeconfig)], "sandbox"), "sandbox")
        await deploy(cluster)
        figures = await _watch(cluster)
        figures |= await _decode(cluster)
        await cluster.close()
        return figures
    finally:
        await sandbox.reset(state)


async def deploy(cluster: KubernetesCluster) -> None:
    """A hundred Deployments, until every pod is available."""
    for index in range(DEPLOYMENTS):
        await cluster.apply(_deployment(f"virtual-{index}"))
    waiting = {f"virtual-{index}" for index in range(DEPLOYMENTS)}
    while waiting:
        async with aclosing(cluster.watch("deployments", NAMESPACE)) as facts:
            async for fact in facts:
                workload = getattr(fact, "workload", None)
                if workload and workload.available == PODS // DEPLOYMENTS:
                    waiting.discard(workload.name)
                if not waiting:
                    break


async def _watch(cluster: KubernetesCluster) -> Figures:
    """The first list, then the churn; the pods are kept, as the engine's store keeps them."""
    process, pods = psutil.Process(), dict[str, Pod]()
    gc.collect()
    memory, start, cpu = process.memory_info().rss, time.perf_counter(), _cpu(process)
    figures: Figures = {}
    events, since = 0, start
    async with aclosing(cluster.watch("pods", NAMESPACE)) as facts:
        async for fact in facts:
            if isinstance(fact, PodObserved):
                pods[fact.pod.uid] = fact.pod
                events += 1
            elif isinstance(fact, Relisted):
                gc.collect()
                gc.freeze()
                figures["list_10k_pods_seconds"] = time.perf_counter() - start
                figures["list_10k_pods_cpu_seconds"] = _cpu(process) - cpu
                figures["list_10k_pods_memory_mb"] = (process.memory_info().rss - memory) / 1e6
                await churn(cluster)
                events, since, cpu = 0, time.perf_counter(), _cpu(process)
            if "list_10k_pods_seconds" in figures and time.perf_counter() - since > WINDOW:
                break
    seconds = time.perf_counter() - since
    figures["watch_events_per_second"] = events / seconds
    figures["watch_cpu_percent"] = (_cpu(process) - cpu) / seconds * 100
    figures["watch_memory_mb"] = (process.memory_info().rss - memory) / 1e6
    return figures


async def _decode(cluster: KubernetesCluster) -> Figures:
    """One change of a pod of the sandbox, from its line to the model, without the network."""
    items = await cluster.list("v1", "Pod", NAMESPACE)
    lines = [msgspec.json.encode({"type": "MODIFIED", "object": item}) for item in items[:2000]]
    watched = WATCHED["pods"]
    start = time.perf_counter()
    facts = [watched.observed(watched.changes.decode(line).object) for line in lines]
    seconds = time.perf_counter() - start
    return {"decode_bytes": len(lines[0]), "decode_us_per_event": seconds / len(facts) * 1e6}


async def churn(cluster: Cluster) -> None:
    """From now on pods restart on every node."""
    annotations = {"sandbox/changes-per-second": str(CHANGES / NODES)}
    for index in range(NODES):
        ref = ObjectRef("v1", "Node", "", f"virtual-{index}")
        await cluster.patch(ref, "merge", {"metadata": {"annotations": annotations}})


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _deployment(name: str) -> dict[str, object]:
    labels = {"app": name}
    probe = {"httpGet": {"path": "/ready", "port": "http"}}
    container = {
        "name": "main",
        "image": "busybox",
        "ports": [{"name": "http", "containerPort": 8000}],
        "startupProbe": probe,
        "readinessProbe": probe,
        "livenessProbe": probe,
    }
    spec = {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"type": "virtual"}, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {SERVICE_LABEL: name}},
        "spec": {
            "replicas": PODS // DEPLOYMENTS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
