"""Virtual nodes: their pods have no processes but scripted lives, as in kwok. Ten thousand pods cost next to nothing.

A node is virtual by the annotation `sandbox/virtual: "true"`. It is tainted, so only pods that tolerate
`sandbox/virtual` land there. Annotations on a pod tell its life, in seconds or as `250ms`, `5s`, `1m`:

- `sandbox/ready-after` (0): from being bound to being ready;
- `sandbox/restart-every` (never): its containers end and start again, at random times around this one;
- `sandbox/unready-for` (1s): how long it is not ready after such a restart;
- `sandbox/fail`: it never becomes ready; its containers wait with this reason, such as `CrashLoopBackOff`.

On a node, `sandbox/changes-per-second` lets pods of its own choice restart: each restart is two changes.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.status import condition, merge
from console.sandbox.network.addresses import AddressPool
from console.sandbox.store import Change, Key
from console.sandbox.virtual_lives import Script, conditions, container_statuses

log = logging.getLogger(__name__)
MARK = "sandbox/virtual"
CHURN = "sandbox/changes-per-second"
BEAT = 0.05
"""Seconds between two rounds of restarts on a node that churns."""
TAINT = {"key": MARK, "value": "true", "effect": "NoSchedule"}


def node(name: str) -> Object:
    """A virtual node with more room than anybody needs."""
    room = {"cpu": "1k", "memory": "1Ti", "pods": "1M"}
    ready = condition("Ready", True, "KubeletReady", "virtual node is posting ready status")
    return {
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "virtual"},
            "annotations": {MARK: "true"},
        },
        "spec": {"taints": [TAINT]},
        "status": {"capacity": room, "allocatable": room, "conditions": merge([], ready)},
    }


class VirtualNodes:
    """Lives the lives of all pods on virtual nodes.

    Args:
        machinery: the cluster.
        pods: its pods.
        addresses: where the pods' addresses come from; nothing listens on them.
    """

    def __init__(self, machinery: Machinery, pods: PodCache, addresses: AddressPool) -> None:
        self._machinery = machinery
        self._pods = pods
        self._addresses = addresses
        self._nodes: set[str] = set()
        self._rates: dict[str, float] = {}
        self._owed: dict[str, float] = {}
        self._plan: list[tuple[float, int, str, Callable[[], None]]] = []
        self._numbers = count()
        self._news = asyncio.Event()
        self._ends: list[Callable[[], object]] = []

    def furnish(self, number: int) -> None:
        """Makes the virtual nodes that the settings ask for, as far as they are missing."""
        for index in range(number):
            if not self._machinery.find("nodes", "", f"virtual-{index}"):
                self._machinery.create("nodes", node(f"virtual-{index}"))

    async def run(self) -> None:
        """Works until cancelled."""
        self._start()
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._news.clear()
                while self._plan and self._plan[0][0] <= loop.time():
                    self._step(*heapq.heappop(self._plan)[2:])
                    await asyncio.sleep(0)
                await self._sleep(self._plan[0][0] - loop.time() if self._plan else None)
        finally:
            for end in self._ends:
                end()

    async def _sleep(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for of 3.11 may swallow a cancellation
                await self._news.wait()

    def _start(self) -> None:
        store = self._machinery.store
        for entry in store.entries("nodes"):
            self._node_changed(Change("ADDED", entry))
        self._ends.append(store.subscribe("nodes", self._node_changed))
        self._ends.append(self._pods.follow(self._pod_changed))

    def _node_changed(self, change: Change) -> None:
        name = change.entry.key.name
        annotations = change.object["metadata"].get("annotations") or {}
        virtual = annotations.get(MARK) == "true"
        if change.type == "DELETED" or not virtual:
            self._nodes.discard(name)
        elif name not in self._nodes:
            self._nodes.add(name)
            for pod in self._pods.node(name):
                self._pod_changed(pod, None)

        rate = float(annotations.get(CHURN, 0)) if virtual and change.type != "DELETED" else 0.0
        if rate != self._rates.get(name, 0.0):
            self._rates[name] = rate
            self._at(0, f"node {name}", lambda: self._churn(name, rate))

    def _churn(self, name: str, rate: float) -> None:
        """Restarts some pods now, and comes again soon, until the node says otherwise."""
        if not rate or self._rates.get(name) != rate:
            return
        pods = [each for each in self._pods.node(name) if each.ready]
        wanted = rate / 2 * BEAT + self._owed.get(name, 0.0)
        self._owed[name] = wanted % 1
        for pod in random.sample(pods, min(int(wanted), len(pods))):
            self._step(str(pod.key), partial(self._restart_now, pod.key))
        self._at(BEAT, f"node {name}", lambda: self._churn(name, rate))

    def _restart_now(self, key: Key) -> None:
        self._restart(key, Script(self._machinery.get(*key)))

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        pod = after or before
        if not pod or pod.node not in self._nodes:
            return
        if after is None:
            self._addresses.release(pod.ip)
        elif after.deleting and not (before and before.deleting):
            self._at(0, after.key, lambda: self._end(after))
        elif not after.deleting and not (before and before.node):
            self._at(0, after.key, lambda: self._begin(after.key))

    def _at(self, delay: float, name: object, step: Callable[[], None]) -> None:
        moment = asyncio.get_running_loop().time() + delay
        heapq.heappush(self._plan, (moment, next(self._numbers), str(name), step))
        self._news.set()

    def _step(self, name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except StatusError as error:
            if error.code != 404:
                log.warning("virtual pod %s: %s", name, error.message)
        except Exception:
            log.exception("virtual pod %s", name)

    # -- a life

    def _begin(self, key: Key) -> None:
        script = Script(self._machinery.get(*key))
        pod = self._pods.get(key)
        if script.failure:
            self._write(key, script, ready=False)
        elif script.ready_after and not (pod and pod.ready):
            self._write(key, script, ready=False)
            self._at(script.ready_after, key, lambda: self._ready(key, script))
        else:
            self._ready(key, script)

    def _ready(self, key: Key, script: Script) -> None:
        if self._write(key, script, ready=True) and script.restart_every:
            delay = script.restart_every * random.uniform(0.5, 1.5)  # noqa: S311 - spreads the load
            self._at(delay, key, lambda: self._restart(key, script))

    def _restart(self, key: Key, script: Script) -> None:
        if self._write(key, script, ready=False, restarted=True):
            self._at(script.unready_for, key, lambda: self._ready(key, script))

    def _end(self, pod: Pod) -> None:
        self._machinery.delete(*pod.key, grace=0, uid=pod.uid)

    def _write(self, key: Key, script: Script, *, ready: bool, restarted: bool = False) -> bool:
        """Writes a moment of a pod's life; False when the pod is another one by now, or is about to end."""
        pod = self._machinery.get(*key)
        if pod["metadata"]["uid"] != script.uid or pod["metadata"].get("deletionTimestamp"):
            return False
        status = pod["status"]
        address = status.get("podIP") or self._addresses.take()
        status |= {
            "phase": "Pending" if script.failure else "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": "127.0.0.1",
            "startTime": status.get("startTime") or times.time(),
            "conditions": merge(status.get("conditions"), *conditions(ready)),
            "containerStatuses": container_statuses(pod, ready=ready, waiting=script.failure, restarted=restarted),
        }
        self._machinery.update("pods", pod, subresource="status")
        return True
