"""The log of one container through restarts and broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from console.engine.ports import LogPosition, LogRequest, World
from console.engine.store import Store
from console.engine.watch import BackOff
from console.model.errors import DeniedError, NotFoundError, UnreachableError
from console.model.plan import ObjectRef
from console.model.workload import Container, ContainerState, Pod

TRIES = 5
"""How often in a row a log that is not followed may break off."""


LARGEST = 1 << 17
"""Bytes of a chunk."""


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Lines of one container, without sensitive values. `at`: the stamp of the newest, in seconds since the epoch."""

    service: str
    pod: str
    container: str
    data: bytes
    at: float | None = None


class LogStream:
    """Reads one container's log.

    Attributes:
        uid: the pod's.
        news: to be set when something about the pod has changed.

    Args:
        world: where from.
        store: tells of restarts, and of the pod's end.
        pod: the pod.
        container: the container as it is now.
        put: takes the chunks; waits while there are too many.
    """

    def __init__(
        self, world: World, store: Store, pod: Pod, container: Container, put: Callable[[LogChunk], Awaitable[None]]
    ) -> None:
        self.news = asyncio.Event()
        self.uid = pod.uid
        self._world = world
        self._store = store
        self._pod = pod
        self._name = container.name
        self._restarts = self._known_restarts = container.restarts
        self._unsure = self._gone = False
        self._put = put
        self._position = LogPosition()
        self._redactor = world.redactor.stream()
        self._back_off = BackOff()

    async def run(self, *, follow: bool, previous: bool, since: float | None, tail: int | None) -> None:
        """Reads to the end: of what there is, or if it follows, of the pod.

        Raises:
            DeniedError: the right to get pods/log is missing.
            UnreachableError: the API server does not answer, and the log is not followed.
        """
        request = LogRequest(self._pod.namespace, self._pod.name, self._name, follow, previous, _stamp(since), tail)
        while True:
            whole = await self._read(request, patient=follow)
            if not follow and whole:
                return
            self._unsure = True
            if not await self._goes_on(whole):
                return
            await self._catch_up(replace(request, previous=True, follow=False, tail=None))

    async def _read(self, request: LogRequest, *, patient: bool) -> bool:
        """One stream; False if it broke off, True if it came to its end or there is none.

        Raises:
            UnreachableError: it breaks off again and again, and we are not `patient`.
        """
        before = replace(self._position)
        try:
            async with aclosing(self._world.cluster.logs(request, self._position)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    if self._unsure and not request.previous and not await self._is_of_the_same_run():
                        self._position = before
                        return False
                    self._back_off.reset()
                    await self._pass_on(self._redactor.feed(chunk))
            whole = True
        except NotFoundError:
            whole = True
        except UnreachableError:
            if self._unsure and not request.previous:
                self._position = before
            if not patient and self._back_off.tries >= TRIES:
                raise
            whole = False
        await self._pass_on(self._redactor.flush())
        return whole

    async def _pass_on(self, data: bytes) -> None:
        """In pieces of bounded size, so that a bounded number of them is bounded memory."""
        at = _seconds(self._position.stamp) if data else None
        while data:
            size = len(data) if len(data) <= LARGEST else data.rfind(b"\n", 0, LARGEST) + 1 or LARGEST
            await self._put(LogChunk(self._pod.service, self._pod.name, self._name, data[:size], at))
            data = data[size:]

    async def _is_of_the_same_run(self) -> bool:
        """Whether a stream that was opened again is of the run that was read before.

        Asked once it is open, and not of the watch, which may know less: a run that has begun meanwhile would hide what
        is left of the one before, and another pod of that name is no business of ours.
        """
        try:
            body = await self._world.cluster.get(ObjectRef("v1", "Pod", self._pod.namespace, self._pod.name))
        except DeniedError:
            body = None
        self._unsure = False
        if body is None:
            return True
        self._gone = body["metadata"]["uid"] != self.uid
        status = body.get("status") or {}
        found = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
        counts = [each["restartCount"] for each in found if each["name"] == self._name]
        self._known_restarts = max(self._known_restarts, *counts, 0)
        return not self._gone and self._known_restarts == self._restarts

    async def _goes_on(self, whole: bool) -> bool:
        """Waits until there may be more; False when the pod is gone."""
        while not self._gone and (container := self._container()) is not None:
            self.news.clear()
            if self._latest(container) > self._restarts:
                return True
            if whole and container.state is not ContainerState.RUNNING:
                await self.news.wait()
                continue
            # It broke, or ended although the container seems to run: perhaps its end is not known yet.
            try:
                async with asyncio.timeout(self._back_off.pause()):
                    await self.news.wait()
            except TimeoutError:
                return True
        return False

    async def _catch_up(self, previous: LogRequest) -> None:
        """After a restart, what the run before has still said, as far as it was not read.

        Also of a stream that came to an end: an API server that loses a kubelet ends it just so.
        """
        while (container := self._container()) is not None and (latest := self._latest(container)) > self._restarts:
            if await self._read(previous, patient=True):
                self._restarts = latest
            else:
                await asyncio.sleep(self._back_off.pause())

    def _latest(self, container: Container) -> int:
        self._known_restarts = max(self._known_restarts, container.restarts)
        return self._known_restarts

    def _container(self) -> Container | None:
        pod = self._store.pod(self.uid)
        return next((each for each in pod.containers if each.name == self._name), None) if pod else None


def has_log(container: Container, *, previous: bool = False) -> bool:
    """True if a run of the container has begun; with `previous`, if one has ended before this one."""
    if previous:
        return container.last is not None
    return container.state is not ContainerState.WAITING or container.last is not None


def _stamp(seconds: float | None) -> str:
    """RFC 3339, as `sinceTime` wants it."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(stamp: str) -> float | None:
    """Seconds since the epoch of a stamp with nanoseconds, which Python cuts off."""
    return datetime.fromisoformat(stamp).timestamp() if stamp else None
