"""Following a kind: an async iterator over its changes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from types import TracebackType

from console.sandbox.api.errors import expired
from console.sandbox.store import Change, Expired, Store

BACKLOG = 200_000


class Watch(AsyncIterator[Change]):
    """Yields changes as they happen, without end; close it, or use it as a context manager.

    Made without a version it first yields what exists, as `ADDED`.

    Raises:
        StatusError: 410, the version is no longer in the history, or the reader fell hopelessly behind: list again.
    """

    def __init__(self, store: Store, resource: str, namespace: str = "", *, since: int | None = None) -> None:
        self._namespace = namespace
        self._waiting: deque[Change] = deque()
        self._news = asyncio.Event()
        self._closed = False
        try:
            first = self._existing(store, resource) if since is None else store.since(resource, since)
        except Expired as error:
            raise expired(str(error)) from None
        self._waiting.extend(each for each in first if self._wanted(each))
        self._unsubscribe = store.subscribe(resource, self._put)

    def _existing(self, store: Store, resource: str) -> Iterable[Change]:
        return (Change("ADDED", entry) for entry in store.entries(resource, self._namespace))

    def _wanted(self, change: Change) -> bool:
        return not self._namespace or change.entry.key.namespace == self._namespace

    def _put(self, change: Change) -> None:
        if self._wanted(change):
            self._waiting.append(change)
            self._news.set()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Change:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        if len(self._waiting) > BACKLOG:
            self.close()
            raise expired("The watcher is too slow and has fallen behind the history that is kept")
        return self._waiting.popleft()

    def pending(self) -> list[Change]:
        """What can be had without waiting; for those who write in batches."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    @property
    def closed(self) -> bool:
        """Nothing more will come."""
        return self._closed

    def close(self) -> None:
        """Ends the watch; a reader that waits stops. Idempotent."""
        self._unsubscribe()
        self._closed = True
        self._news.set()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
