"""A node: takes the pods that are bound to it, runs each in a worker, and answers for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from console.sandbox.api.errors import bad_request
from console.sandbox.api.ports import LogOptions, NodeUsage, Session
from console.sandbox.api.resources import Object
from console.sandbox.kubelet import access
from console.sandbox.kubelet.container import Container
from console.sandbox.kubelet.host import Host
from console.sandbox.kubelet.registration import keep_alive, register
from console.sandbox.kubelet.usage import Sampler
from console.sandbox.kubelet.worker import PodWorker
from console.sandbox.store import Change

log = logging.getLogger(__name__)
RESYNC = 10.0
"""Seconds until a pod is tried again that could not be looked after (`backOffPeriod` in pkg/kubelet/kubelet.go)."""
LONGEST_SHUT_DOWN = 10.0
"""Seconds of grace, at most, that pods have when the sandbox is stopped."""


class Kubelet:
    """The agent of one node (`NodeAgent`).

    Args:
        host: what its pods have in common.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: list[Callable[[], None]] = []
        self._sampler: Sampler[access.Place] = Sampler()

    def start(self) -> None:
        """Takes up its pods; when it returns, what an earlier daemon has left is known, and told."""
        machinery, name = self.host.machinery, self.host.name
        register(machinery, name)
        store = machinery.store
        self._ends.append(store.subscribe("pods", self._pod_changed))
        for resource in ("configmaps", "secrets"):
            self._ends.append(store.subscribe(resource, self._source_changed))
        for entry in store.on_node(name):
            self._pod_changed(Change("ADDED", entry))
        for worker in tuple(self._workers.values()):
            worker.resume()

    async def run(self) -> None:
        """Works until cancelled; then ends the processes of its pods, and returns when there are none."""
        try:
            await keep_alive(self.host.machinery, self.host.name)
        finally:
            await self._shut_down()

    async def _shut_down(self) -> None:
        for end in self._ends:
            end()
        workers = list(self._workers.values())
        await asyncio.gather(*(each.shut_down(LONGEST_SHUT_DOWN) for each in workers), return_exceptions=True)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.host.probes.close()

    # -- what changes

    def _pod_changed(self, change: Change) -> None:
        entry = change.entry
        if entry.node != self.host.name:
            return
        worker = self._workers.get(entry.uid)
        if change.type == "DELETED":
            if worker:
                worker.remove()
        elif worker:
            worker.update(entry.object)
        else:
            self._begin(PodWorker(self.host, entry.object))

    def _begin(self, worker: PodWorker) -> None:
        self._workers[worker.uid] = worker
        task = asyncio.create_task(self._follow(worker), name=f"pod {worker.key.namespace}/{worker.key.name}")
        self._tasks[worker.uid] = task
        task.add_done_callback(lambda _: self._ended(worker.uid))

    def _ended(self, uid: str) -> None:
        del self._workers[uid], self._tasks[uid]

    async def _follow(self, worker: PodWorker) -> None:
        """Runs a pod to its end. When that breaks off (a disk that is full), it is told, and the pod begun anew."""
        while True:
            try:
                return await worker.run()
            except Exception as error:
                log.exception("pod %s/%s", worker.key.namespace, worker.key.name)
                why = f"error syncing pod, retrying: {error!r}"
                self.host.event(worker.pod, "Warning", "FailedSync", why)
            await worker.abandon()
            await asyncio.sleep(RESYNC * self.host.scale)
            worker = self._workers[worker.uid] = worker.successor()

    def _source_changed(self, change: Change) -> None:
        key = change.entry.key
        for worker in self._workers.values():
            if worker.key.namespace == key.namespace and (key.resource, key.name) in worker.volumes.sources:
                worker.refresh()

    def image_roots(self) -> set[Path]:
        """The unpacked images that its containers were started from."""
        containers = (each for worker in self._workers.values() for each in worker.containers.by_name.values())
        return {each.launcher.image.root for each in containers if each.launcher.image}

    # -- NodeAgent

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Opens a container's log."""
        return access.read_logs(self._container(pod, container), pod["metadata"]["name"], options)

    async def exec(self, pod: Object, container: str, command: list[str], *, stdin: bool, tty: bool) -> Session:
        """Starts a command in a container."""
        return await access.execute(self.host, self._container(pod, container), command, stdin=stdin, tty=tty)

    async def attach(self, pod: Object, container: str, *, stdin: bool, tty: bool) -> Session:
        """Connects to a container's own process."""
        return access.attach(self._container(pod, container))

    def _container(self, pod: Object, name: str) -> Container:
        worker = self._workers.get(pod["metadata"]["uid"])
        if not worker:
            raise bad_request(f'container "{name}" in pod "{pod["metadata"]["name"]}" is not available')
        return worker.containers.by_name[name]

    def address(self, pod: Object) -> str:
        """Where the pod's ports are reached."""
        return str((pod.get("status") or {}).get("podIP", ""))

    def probe_metrics(self) -> str:
        """The probes' counters."""
        return self.host.tally.text()

    async def usage(self) -> NodeUsage:
        """What the pods use now."""
        return await access.measure(self._sampler, self._workers.values())
