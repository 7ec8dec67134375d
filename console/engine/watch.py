"""The outer loop of a watch: list, stream, and on any end again. What is known stays, and is called stale meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import aclosing

from console.engine.ports import Clock, Cluster
from console.model.errors import ConsoleError, DeniedError, UnreachableError
from console.model.events import Denied, Fact, Relisted, WatchBeat, WatchLost

FIRST, LONGEST = 0.25, 3.0
"""Seconds before the first new try, and at most before any: what is back is seen again within five seconds."""
SELDOM = 60.0
"""Seconds before what was forbidden is tried again: rights change, but seldom."""
BEAT = 1.0
_BATCH = 500

Dispatch = Callable[..., None]


class BackOff:
    """How long to wait before the next try: twice as long each time, and never the same for two at once.

    Attributes:
        tries: pauses since it last worked.
    """

    def __init__(self) -> None:
        self._next = FIRST
        self.tries = 0

    def reset(self) -> None:
        """It worked."""
        self._next, self.tries = FIRST, 0

    def pause(self) -> float:
        """Seconds to wait now."""
        self.tries += 1
        pause, self._next = self._next, min(self._next * 2, LONGEST)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the load


def told(error: ConsoleError) -> str:
    """Why the cluster is out of sight, and what can be done about it, in one line."""
    why = f"{error.what}: {error.why}" if error.why else error.what
    return f"{why}; {error.hint}" if error.hint else why


async def keep_watching(cluster: Cluster, resource: str, namespace: str, dispatch: Dispatch, clock: Clock) -> None:
    """Watches a resource until cancelled.

    Args:
        cluster: where.
        resource: as `Cluster.watch` names it.
        namespace: the namespace to watch.
        dispatch: takes one or more facts. `WatchLost` comes once a loss, and again when the
            reason is another; `Relisted` ends it; `Denied` comes once.
        clock: the time.
    """
    await _Watcher(cluster, resource, namespace, dispatch, clock).run()


class _Watcher:
    def __init__(self, cluster: Cluster, resource: str, namespace: str, dispatch: Dispatch, clock: Clock) -> None:
        self._cluster = cluster
        self._resource = resource
        self._namespace = namespace
        self._dispatch = dispatch
        self._clock = clock
        self._back_off = BackOff()
        self._told: tuple[type[Fact], str] | None = None
        self._beat = 0.0

    async def run(self) -> None:
        while True:
            began, least = time.monotonic(), 0.0
            try:
                await self._once()
            except DeniedError as error:
                self._tell(Denied(self._resource, error.right, self._clock()))
                least = SELDOM
            except ConsoleError as error:
                self._tell(WatchLost(self._resource, self._clock(), told(error)))
                least = error.retry_after if isinstance(error, UnreachableError) else 0.0
            except Exception as error:
                # A bug of ours: whoever owns the task hears of it, and nobody believes what is on the screen.
                self._tell(WatchLost(self._resource, self._clock(), f"{type(error).__name__}: {error}"))
                raise
            if time.monotonic() - began > LONGEST:
                # It went well for a while. What breaks at once again and again is tried with growing pauses.
                self._back_off.reset()
            await asyncio.sleep(max(self._back_off.pause(), least))

    def _tell(self, fact: Denied | WatchLost) -> None:
        """Once until it has worked again, or for another reason."""
        kind = (type(fact), fact.why if isinstance(fact, WatchLost) else fact.right)
        if self._told != kind:
            self._told = kind
            self._dispatch(fact)

    async def _once(self) -> None:
        """One list and one stream."""
        listed: list[Fact] | None = []
        async with aclosing(self._cluster.watch(self._resource, self._namespace)) as facts:  # type: ignore[type-var]
            async for fact in facts:
                if listed is None:
                    self._pass_on(fact)
                    continue
                listed.append(fact)
                if isinstance(fact, Relisted):
                    self._told = None
                if isinstance(fact, Relisted) or len(listed) >= _BATCH:
                    self._dispatch(*listed)
                    # The screen and the keys get their turn between two pages.
                    await asyncio.sleep(0)
                    listed = None if isinstance(fact, Relisted) else []

    def _pass_on(self, fact: Fact) -> None:
        """A change, and now and then that the watch is alive: only bookmarks say so of themselves."""
        now = self._clock()
        if isinstance(fact, WatchBeat) or now - self._beat < BEAT:
            self._dispatch(fact)
        else:
            self._beat = now
            self._dispatch(fact, WatchBeat(self._resource, now))
