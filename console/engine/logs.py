"""The logs of many containers as one stream: new pods join in, broken streams go on, no line is lost or told twice.

Data stays in chunks of whole lines from the API server to the reader, so that a line costs no Python. A reader that is
slower than the containers slows them down: each stream waits while the one queue is full, and memory stays bounded.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass

from console.engine.logstream import LogChunk, LogStream, has_log
from console.engine.ports import World
from console.engine.store import Store
from console.model.events import Fact, PodGone, PodObserved, Relisted
from console.model.workload import Pod

QUEUE = 64
"""Chunks that may wait for the reader."""

__all__ = ["LogChunk", "LogOptions", "follow"]


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
    """

    services: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    follow: bool = True
    previous: bool = False
    since: float | None = None
    tail: int | None = None

    def wants(self, pod: Pod) -> bool:
        """True if the logs of that pod are asked for."""
        named = pod.name in self.pods if self.pods else bool(pod.service)
        return named and (not self.services or pod.service in self.services)


async def follow(world: World, store: Store, options: LogOptions) -> AsyncIterator[LogChunk]:
    """The logs, as they come. Ends when all is read and nothing is followed; closing it ends every stream.

    Raises:
        DeniedError: the right to get pods/log is missing.
    """
    merger = _Merger(world, store, options)
    async with merger.running():
        while (chunk := await merger.next()) is not None:
            yield chunk


class _Merger:
    """One task a container, one queue for all of them."""

    def __init__(self, world: World, store: Store, options: LogOptions) -> None:
        self._world = world
        self._store = store
        self._options = options
        self._queue: asyncio.Queue[LogChunk | Exception | None] = asyncio.Queue(QUEUE)
        self._streams: defaultdict[str, dict[str, LogStream]] = defaultdict(dict)
        self._tasks: set[asyncio.Task[None]] = set()
        self._late = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Streams go on inside, and have ended after it."""
        end = self._store.subscribe(self._hear) if self._options.follow else lambda: None
        try:
            for pod in list(self._store.view().pods.values()):
                self._join(pod)
            self._late = True
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
            self._join(pod)
            self._wake(pod.uid)
        elif isinstance(fact, PodGone):
            self._wake(fact.uid)
        elif isinstance(fact, Relisted) and fact.resource == "pods":
            for uid in self._streams:
                self._wake(uid)

    def _wake(self, uid: str) -> None:
        for stream in self._streams.get(uid, {}).values():
            stream.news.set()

    def _join(self, pod: Pod) -> None:
        if not self._options.wants(pod):
            return
        for container in pod.containers:
            known = container.name in self._streams.get(pod.uid, {})
            if not known and has_log(container, previous=self._options.previous):
                stream = LogStream(self._world, self._store, pod, container, self._queue.put)
                self._streams[pod.uid][container.name] = stream
                # All that a pod says which came later is new.
                tail = None if self._late else self._options.tail
                self._start(self._read(stream, tail), f"log {pod.name}/{container.name}")

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, stream: LogStream, tail: int | None) -> None:
        options = self._options
        try:
            await stream.run(follow=options.follow, previous=options.previous, since=options.since, tail=tail)
        except Exception as error:  # whatever it is, the reader has to know
            await self._queue.put(error)
        if self._store.pod(stream.uid) is None:
            self._streams.pop(stream.uid, None)

    async def _finish(self, streams: frozenset[asyncio.Task[None]]) -> None:
        if streams:
            await asyncio.wait(streams)
        await self._queue.put(None)
