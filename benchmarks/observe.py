"""What observing costs the console: a store fed by real watches of ten thousand pods, five hundred changes a second.

A taker looks ten times a second, as the screen does. Budget: with the screen 10 % of a core and 150 MB.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.watch import NAMESPACE, NODES, PODS, WINDOW, Figures, churn, deploy
from console.adapters import sandbox
from console.adapters.externals import StackExternals
from console.adapters.images.bundles import BundleBuilder
from console.adapters.images.registry import OciRegistry
from console.adapters.journal import SqliteJournal
from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.observe import Observer
from console.engine.ports import World
from console.engine.store import Store
from console.engine.tasks import Tasks
from console.model.redaction import Redactor
from console.model.stack import Stack, Target
from console.model.state import View

LOOKS = 10.0


@dataclass
class NoSecrets:
    """A machine that knows no value."""

    values: dict[str, str] = field(default_factory=dict)

    def lookup(self, key: str) -> str | None:
        """Nothing."""
        return self.values.get(key)


def run() -> Figures:
    """Measures against a sandbox of its own; takes about a minute."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(Path(folder)))


async def _run(folder: Path) -> Figures:
    status = await sandbox.up(folder / "state", ("--virtual-nodes", str(NODES)))
    try:
        cluster = KubernetesCluster(await open_transport([Path(status.kubeconfig)], "sandbox"), "sandbox")
        await deploy(cluster)
        world = _world(cluster, folder)
        figures = await _observe(world)
        await world.registry.close()
        await world.journal.close()
        await cluster.close()
        return figures
    finally:
        await sandbox.reset(folder / "state")


def _world(cluster: KubernetesCluster, folder: Path) -> World:
    return World(
        cluster=cluster,
        builder=BundleBuilder(folder / "images", folder / "hashes", os.environ),
        registry=OciRegistry("127.0.0.1:1"),
        externals=StackExternals(folder / "externals"),
        journal=SqliteJournal(folder / "journal.db"),
        secrets=NoSecrets(),
        redactor=Redactor(),
        clock=time.time,
    )


async def _observe(world: World) -> Figures:
    target = Target("sandbox", "sandbox", NAMESPACE)
    stack = Stack("virtual", Path("/nowhere/stack.yaml"), target, ())
    services = [f"virtual-{index}" for index in range(100)]
    store, tasks, process = Store("virtual", "sandbox", NAMESPACE, services, []), Tasks(), psutil.Process()
    gc.collect()
    memory, start, cpu = process.memory_info().rss, time.perf_counter(), _cpu(process)
    Observer(world, store, stack).start(tasks)
    await store.wait_until(_all_ready)
    gc.collect()
    gc.freeze()
    figures: Figures = {
        "first_view_seconds": time.perf_counter() - start,
        "first_view_cpu_seconds": _cpu(process) - cpu,
        "memory_mb": (process.memory_info().rss - memory) / 1e6,
    }
    await churn(world.cluster)
    figures |= await _look(store, process)
    figures["memory_after_mb"] = (process.memory_info().rss - memory) / 1e6
    await tasks.close()
    return figures


def _all_ready(view: View) -> bool:
    return len(view.pods) == PODS and all(service.ready == service.desired > 0 for service in view.services)


async def _look(store: Store, process: psutil.Process) -> Figures:
    """Takes a view ten times a second while the pods change."""
    facts, longest, changed = 0, 0.0, 0

    def count(_: object) -> None:
        nonlocal facts
        facts += 1

    end = store.subscribe(count)
    store.view("benchmark")
    since, cpu = time.perf_counter(), _cpu(process)
    while time.perf_counter() - since < WINDOW:
        await asyncio.sleep(1 / LOOKS)
        began = time.perf_counter()
        changed += len(store.view("benchmark").changed)
        longest = max(longest, time.perf_counter() - began)
    seconds = time.perf_counter() - since
    end()
    return {
        "facts_per_second": facts / seconds,
        "changed_per_second": changed / seconds,
        "cpu_percent": (_cpu(process) - cpu) / seconds * 100,
        "longest_view_ms": longest * 1000,
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
