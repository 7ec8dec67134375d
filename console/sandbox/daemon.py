"""The sandbox's daemon: puts the parts of the cluster together, and takes them apart in order."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

from console.sandbox import system
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.ports import NodeAgent
from console.sandbox.api.server import ApiServer
from console.sandbox.api.times import time
from console.sandbox.api.version import GIT_VERSION
from console.sandbox.controllers.all import controllers
from console.sandbox.controllers.housekeeping import keep_house
from console.sandbox.controllers.pods import PodCache
from console.sandbox.failures import EXIT_REFUSED, SandboxError
from console.sandbox.holding import held
from console.sandbox.identity import Identity
from console.sandbox.kubelet.collector import Collector
from console.sandbox.kubelet.images import Images
from console.sandbox.kubelet.nodes import choose_mode, clean, make_nodes
from console.sandbox.kubelet.trees import Trees
from console.sandbox.network.addresses import AddressPool, lock_range, may_listen
from console.sandbox.network.endpoints import EndpointTable
from console.sandbox.network.ingress import IngressProxy
from console.sandbox.network.services import ServiceProxy
from console.sandbox.pki import Authority
from console.sandbox.ports import KeptPorts
from console.sandbox.registry import Registry
from console.sandbox.settings import Settings
from console.sandbox.store import Store
from console.sandbox.virtual import VirtualNodes

log = logging.getLogger(__name__)
LARGEST_LOG = 10 * 1024 * 1024

_NO_LOW_PORTS = "Services on ports below 1024 (this user may not listen there)"


def serve(settings: Settings, ready: int | None) -> int:
    """Runs the sandbox until SIGTERM or SIGINT; returns the exit code.

    Args:
        settings: of this cluster.
        ready: a descriptor that gets one line of JSON once the cluster answers, or cannot: `{"error": "..."}`.
    """
    _log_to_stderr(settings.state / "daemon.log")
    os.umask(0o077)

    def announce(message: dict[str, Any]) -> None:
        if ready is not None:
            os.write(ready, json.dumps(message).encode() + b"\n")
            os.close(ready)

    try:
        with held(settings.state):
            return asyncio.run(Daemon(settings).run(lambda: announce({})))
    except SandboxError as error:
        log.error("%s", error)
        announce({"error": str(error)})
        return EXIT_REFUSED
    except sqlite3.DatabaseError as error:
        log.exception("the database cannot be used")
        place = settings.state / "store.db"
        announce({"error": f"cannot use {place} ({error}): free the disk, or begin anew with `sandbox reset`"})
        return EXIT_REFUSED


def _log_to_stderr(path: Path) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        os.truncate(path, 0)


class Daemon:
    """One running cluster.

    Args:
        settings: of this cluster.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = AsyncExitStack()
        self._stop = asyncio.Event()
        self._failed = False
        self._nodes: dict[str, NodeAgent] = {}
        self._ports = KeptPorts(settings)
        self._facts: dict[str, Any] = {}

    async def run(self, announce: Callable[[], None]) -> int:
        """Brings everything up, announces it, and waits for a signal; then takes everything down.

        Raises:
            SandboxError: something that is needed cannot be had.
        """
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop.set)
        async with self._stack:
            await self._start()
            announce()
            gc.collect()
            gc.freeze()
            await self._stop.wait()
            log.info("stopping")
        return 1 if self._failed else 0

    async def _start(self) -> None:
        settings = self.settings
        addresses = lock_range(settings.runtime, settings.state, settings.loopback)
        self._stack.callback(addresses.close)
        store = Store(settings.state / "store.db")
        self._stack.callback(store.close)
        system.renumber(store, addresses.services)
        authority = Authority(settings.state / "pki")
        machinery = Machinery(store, service_network=addresses.services, root_certificate=authority.root_certificate)
        pods = PodCache(store)
        api = ApiServer(machinery, authority, self._nodes)
        self._stack.push_async_callback(api.stop)
        port = await self._ports.listen("port", lambda port: api.start(port=port))
        first = str(addresses.services[1])
        low = may_listen(first, 443)
        system.furnish(machinery, first, 443 if low else 6443, port)
        self._facts["not_enforced"] = [] if low else [_NO_LOW_PORTS]
        authority.write_kubeconfig(settings.state / "kubeconfig", f"https://127.0.0.1:{port}")
        pool = AddressPool(addresses.pods, (pod.ip for pod in pods.all() if pod.ip))
        self._run_controllers(machinery, pods, pool)
        await self._serve_network(machinery)
        images = await self._serve_images()
        await self._run_nodes(machinery, pool, images)
        self._facts["server"] = f"https://127.0.0.1:{port}"
        self._record()

    def _run_controllers(self, machinery: Machinery, pods: PodCache, pool: AddressPool) -> None:
        for each in controllers(machinery, pods, self._nodes, self.settings.time_scale):
            self._spawn(each.name, each.run())
        virtual = VirtualNodes(machinery, pods, pool)
        virtual.furnish(self.settings.virtual_nodes)
        self._spawn("virtual nodes", virtual.run())
        self._spawn("housekeeping", keep_house(machinery))

    async def _run_nodes(self, machinery: Machinery, pool: AddressPool, images: Images) -> None:
        """Starts the kubelets, last of all: so they are the first to stop, while all else still serves their pods."""
        mode = choose_mode(machinery, self.settings)
        await clean(machinery, self.settings)
        nodes = make_nodes(machinery, pool, self.settings, mode, images)
        for name, kubelet in nodes.items():
            self._nodes[name] = kubelet
            kubelet.start()
            self._spawn(f"kubelet {name}", kubelet.run())
        self._spawn("image collector", Collector(machinery, images, nodes.values(), self.settings).run())
        self._facts |= {"nodes": list(nodes), "pod_mode": mode.name}
        self._facts["not_enforced"] += mode.not_enforced

    async def _serve_network(self, machinery: Machinery) -> None:
        endpoints = EndpointTable(machinery.store)
        services, ingresses = ServiceProxy(machinery, endpoints), IngressProxy(machinery, endpoints)
        self._spawn(services.name, services.run())
        self._stack.push_async_callback(ingresses.stop)
        port = await self._ports.listen("ingress_port", ingresses.start)
        self._facts["ingress"] = f"http://127.0.0.1:{port}"

    async def _serve_images(self) -> Images:
        registry = Registry(self.settings.state / "registry")
        self._stack.push_async_callback(registry.stop)
        port = await self._ports.listen("registry_port", registry.start)
        self._facts["registry"] = f"127.0.0.1:{port}"
        trees = Trees(self.settings.bundle_cache)
        self._stack.callback(trees.close)
        return Images(trees, registry)

    # -- what goes on behind

    def _spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Runs a part until the daemon stops. A part that ends by itself is a bug, and stops the daemon."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._stack.push_async_callback(_cancelled, task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or self._stop.is_set():
            return
        log.critical("%s ended", task.get_name(), exc_info=task.exception())
        self._failed = True
        self._stop.set()

    def _record(self) -> None:
        settings = self.settings
        record = {
            **Identity.own().record(),
            "since": time(),
            "state": str(settings.state),
            "kubeconfig": str(settings.state / "kubeconfig"),
            "version": GIT_VERSION,
            **self._facts,
            "settings": {each.name: str(getattr(settings, each.name)) for each in fields(settings)},
        }
        partial = settings.state / ".daemon.json"
        partial.write_text(json.dumps(record))
        partial.replace(settings.state / "daemon.json")


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
