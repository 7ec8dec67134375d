"""A closer look at pods in trouble: what a container said before it ended, and whether any node could take a pod."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import aclosing
from decimal import Decimal

from console.engine.ports import LogPosition, LogRequest, World
from console.engine.store import Store
from console.model.errors import ConsoleError
from console.model.events import ClueFound, Fact, PodGone, PodObserved
from console.model.plan import ObjectRef
from console.model.quantity import parse_quantity
from console.model.quota import pod_demand
from console.model.stack import JSON
from console.model.workload import Container, ContainerState, Pod

TAIL = 20
"""Lines that are read of an ended container: the last tell, some more may name the cause."""
SPEAKERS = 5
"""Pods of one template that are asked."""
PATIENCE = 5.0
_QUEUE = 100
_MANY = 16384

_Question = tuple[str, str, object]
"""Pod uid, container (empty: the pod's placing), and what makes it a question of its own."""


class Inquiries:
    """Asks once for each end of a container, and for each refusal of the scheduler.

    Args:
        world: what is asked.
        store: whose pods, and where the clues go.
    """

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        self._asked: dict[tuple[str, str], object] = {}
        self._speakers: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._queue: asyncio.Queue[_Question] = asyncio.Queue(_QUEUE)

    async def run(self) -> None:
        """Works until cancelled."""
        end = self._store.subscribe(self._hear)
        try:
            for pod in list(self._store.view().pods.values()):
                self._look_at(pod)
            while True:
                uid, container, _ = await self._queue.get()
                if known := self._store.pod(uid):
                    await self._answer(known, container)
        finally:
            end()

    def _hear(self, fact: Fact) -> None:
        if isinstance(fact, PodObserved):
            self._look_at(fact.pod)
        elif isinstance(fact, PodGone):
            for uids in self._speakers.values():
                uids.discard(fact.uid)

    def _look_at(self, pod: Pod) -> None:
        if pod.ready or pod.deleting is not None:
            return
        condition = pod.condition("PodScheduled")
        if condition and condition.reason == "Unschedulable" and "Insufficient" in condition.message:
            self._ask(pod.uid, "", condition.message)
        for each in pod.containers:
            if has_ended(each) and self._speaks(pod, each.name):
                self._ask(pod.uid, each.name, (each.restarts, each.ended or each.last))

    def _speaks(self, pod: Pod, container: str) -> bool:
        """True for the first few pods of a template: they speak for all the others, which say the same."""
        speakers = self._speakers[pod.owner_name or pod.name, container]
        if len(speakers) < SPEAKERS:
            speakers.add(pod.uid)
        return pod.uid in speakers

    def _ask(self, uid: str, container: str, what: object) -> None:
        """Puts a question that was not put yet; where too many wait, this one comes up again with the next change."""
        if self._asked.get((uid, container)) != what and not self._queue.full():
            self._asked[uid, container] = what
            self._queue.put_nowait((uid, container, what))
            if len(self._asked) > 10 * _QUEUE:
                del self._asked[next(iter(self._asked))]

    async def _answer(self, pod: Pod, container: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                text = await (self._last_words(pod, container) if container else self._never_fits(pod))
        except (ConsoleError, TimeoutError):
            # Then the diagnosis does without; a right that is missing shows where it is needed.
            return
        if text:
            self._store.dispatch(ClueFound(pod.uid, container, text, self._world.clock()))

    async def _last_words(self, pod: Pod, container: str) -> str:
        """The end of what the run that ended has said: of the one before if the next run began already."""
        state = next((each.state for each in pod.containers if each.name == container), None)
        again = state is ContainerState.RUNNING
        return await self._read(pod, container, previous=again) or await self._read(pod, container, previous=not again)

    async def _read(self, pod: Pod, container: str, *, previous: bool) -> str:
        request = LogRequest(pod.namespace, pod.name, container, previous=previous, tail=TAIL)
        data = b""
        try:
            async with aclosing(self._world.cluster.logs(request, LogPosition())) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    data = (data + chunk)[-_MANY:]
        except ConsoleError:
            return ""
        return self._world.redactor.data(data).decode(errors="replace").strip()

    async def _never_fits(self, pod: Pod) -> str:
        """What the pod asks for and no node has even when it is empty; empty text if one could take it."""
        body = await self._world.cluster.get(ObjectRef("v1", "Pod", pod.namespace, pod.name))
        nodes = await self._world.cluster.list("v1", "Node")
        return too_large(body or {}, nodes)


def has_ended(container: Container) -> bool:
    """True if a run of the container ended, and the next one has not got going."""
    if container.state is ContainerState.TERMINATED:
        return not container.init or bool(container.ended and container.ended.exit_code)
    return container.last is not None and not container.ready and not container.started


def too_large(pod: JSON, nodes: list[JSON]) -> str:
    """Why no node could take a pod even if it were empty, like `it asks for 1000 cpu, the largest node has 8`.

    Empty if one could, as far as size goes (kubernetes.io, "Reserve Compute Resources": allocatable).
    """
    demand = pod_demand(pod.get("spec") or {})
    asked = {name.removeprefix("requests."): value for name, value in demand.items() if name.startswith("requests.")}
    rooms = [(node.get("status") or {}).get("allocatable") or {} for node in nodes]
    for name, wanted in asked.items():
        largest = max((parse_quantity(room.get(name)) or Decimal(0) for room in rooms), default=None)
        if largest is not None and wanted > largest:
            words = [_amount(name, value) for value in (wanted, largest)]
            return f"it asks for {words[0]} {name}, the largest has {words[1]}"
    return ""


def _amount(name: str, value: Decimal) -> str:
    if name == "memory" or name.endswith("storage"):
        return f"{value / 1024**2:.0f}Mi"
    return f"{value.normalize():f}"
