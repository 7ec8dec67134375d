"""The logs of many containers as one stream: new pods join in, broken streams go on, no line is lost or told twice.

Data stays in chunks of whole lines from the API server to the reader, so that a line costs no Python. A reader that is
slower than the containers slows them down: each stream waits while the one queue is full, and memory stays bounded.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from heapq import nlargest

from console.engine.logstream import LogChunk, LogStream, has_log
from console.engine.ports import World
from console.engine.store import Store
from console.model.events import Fact, PodGone, PodObserved, Relisted
from console.model.workload import Pod

QUEUE = 64
"""Chunks that may wait for the reader."""
AT_MOST = 50
"""Pods that are followed at once, as many as stern does (`--max-log-requests`)."""

Told = Callable[[int, int], None]
"""Is told how many pods are followed, and of how many."""

__all__ = ["LogChunk", "LogOptions", "Told", "follow"]


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which logs.

    Attributes:
        services: only of these; of all if empty.
        pods: only of pods of these names; of all of the stack if empty.
        follow: go on with what comes, also from pods that come later.
        previous: of the containers before their last restart.
        since: only lines written after this moment, in seconds since the epoch.
        tail: only so many last lines of each container.
        at_most: so many pods are read at once. Of more, those are followed that are not ready, then the newest; a place
            that one leaves goes to the next. Without following, all are read, one behind the other.
    """

    services: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    follow: bool = True
    previous: bool = False
    since: float | None = None
    tail: int | None = None
    at_most: int = AT_MOST

    def wants(self, pod: Pod) -> bool:
        """True if the logs of that pod are asked for."""
        named = pod.name in self.pods if self.pods else bool(pod.service)
        return named and (not self.services or pod.service in self.services)


async def follow(
    world: World, store: Store, options: LogOptions, told: Told = lambda followed, known: None
) -> AsyncGenerator[LogChunk, None]:
    """The logs, as they come. Ends when all is read and nothing is followed; closing it ends every stream.

    Args:
        world: where from.
        store: tells of pods.
        options: which.
        told: is told how many pods are followed, whenever that changes.

    Raises:
        DeniedError: the right to get pods/log is missing.
    """
    merger = _Merger(world, store, options, told)
    async with merger.running():
        while (chunk := await merger.next()) is not None:
            yield chunk


class _Merger:
    """One task a container, one queue for all of them."""

    def __init__(self, world: World, store: Store, options: LogOptions, told: Told) -> None:
        self._world = world
        self._store = store
        self._options = options
        self._queue: asyncio.Queue[LogChunk | Exception | None] = asyncio.Queue(QUEUE)
        self._streams: defaultdict[str, dict[str, LogStream]] = defaultdict(dict)
        self._tasks: set[asyncio.Task[None]] = set()
        self._told = told
        self._pods: dict[str, Pod] = {}
        self._followed: set[str] = set()
        self._early: frozenset[tuple[str, str]] = frozenset()
        self._turn = nullcontext() if options.follow else asyncio.Semaphore(options.at_most)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Streams go on inside, and have ended after it."""
        end = self._store.subscribe(self._hear) if self._options.follow else lambda: None
        try:
            self._pods = {uid: pod for uid, pod in self._store.view().pods.items() if self._options.wants(pod)}
            logged = ((uid, each.name) for uid, pod in self._pods.items() for each in pod.containers if has_log(each))
            self._early = frozenset(logged)
            self._choose()
            if not self._options.follow:
                self._start(self._finish(frozenset(self._tasks)), "logs: end")
            yield
        finally:
            end()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def next(self) -> LogChunk | None:
        """The next chunk, None at the end."""
        found = await self._queue.get()
        if isinstance(found, Exception):
            raise found
        return found

    def _hear(self, fact: Fact) -> None:
        if isinstance(fact, PodObserved) and (pod := self._store.pod(fact.pod.uid)):
            self._seen(pod)
            self._wake(pod.uid)
        elif isinstance(fact, PodGone):
            self._gone({fact.uid})
        elif isinstance(fact, Relisted) and fact.resource == "pods":
            for uid in self._streams:
                self._wake(uid)
            self._gone({uid for uid in self._pods if self._store.pod(uid) is None})

    def _seen(self, pod: Pod) -> None:
        if not self._options.wants(pod):
            return
        known = pod.uid in self._pods
        self._pods[pod.uid] = pod
        if not known:
            self._choose()
        elif pod.uid in self._followed:
            self._join(pod)

    def _gone(self, uids: set[str]) -> None:
        """Their logs are read to the end; their places are free."""
        for uid in uids:
            self._wake(uid)
            self._pods.pop(uid, None)
        if uids:
            self._followed -= uids
            self._choose()

    def _choose(self) -> None:
        """Gives every free place to the pod that matters most."""
        places = self._options.at_most - len(self._followed) if self._options.follow else len(self._pods)
        waiting = (pod for uid, pod in self._pods.items() if uid not in self._followed)
        for pod in nlargest(places, waiting, key=lambda pod: (pod.deleting is None, not pod.ready, pod.created)):
            self._followed.add(pod.uid)
            self._join(pod)
        self._told(len(self._followed), len(self._pods))

    def _wake(self, uid: str) -> None:
        for stream in self._streams.get(uid, {}).values():
            stream.news.set()

    def _join(self, pod: Pod) -> None:
        for container in pod.containers:
            known = container.name in self._streams.get(pod.uid, {})
            if not known and has_log(container, previous=self._options.previous):
                stream = LogStream(self._world, self._store, pod, container, self._queue.put)
                self._streams[pod.uid][container.name] = stream
                # All that a pod says which came later is new.
                tail = self._options.tail if (pod.uid, container.name) in self._early else None
                self._start(self._read(stream, tail), f"log {pod.name}/{container.name}")

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, stream: LogStream, tail: int | None) -> None:
        options = self._options
        try:
            async with self._turn:
                await stream.run(follow=options.follow, previous=options.previous, since=options.since, tail=tail)
        except Exception as error:  # whatever it is, the reader has to know
            await self._queue.put(error)
        if self._store.pod(stream.uid) is None:
            self._streams.pop(stream.uid, None)

    async def _finish(self, streams: frozenset[asyncio.Task[None]]) -> None:
        if streams:
            await asyncio.wait(streams)
        await self._queue.put(None)
