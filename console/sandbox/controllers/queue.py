"""The keys that a controller has to look at: each waits once, however often it was added.

Modelled on `client-go/util/workqueue`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_RETRY = 0.005
LONGEST_RETRY = 30.0


class WorkQueue(Generic[K]):
    """An ordered set of keys, with delays and a back-off per key. One reader; one event loop."""

    def __init__(self) -> None:
        self._keys: dict[K, None] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: K) -> None:
        """Puts a key at the end, unless it waits already."""
        self._keys[key] = None
        self._news.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Adds a key later; of two delays for one key the earlier counts."""
        loop = asyncio.get_running_loop()
        waiting = self._timers.get(key)
        if waiting and waiting.when() <= loop.time() + seconds:
            return
        if waiting:
            waiting.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def retry(self, key: K) -> float:
        """Adds a key again after its back-off, which doubles with every failure in a row; returns the seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        seconds = min(FIRST_RETRY * 2.0**failures, LONGEST_RETRY)
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: K) -> None:
        """The key was dealt with: its back-off starts anew."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Takes the key that has waited longest, or waits for one."""
        while not self._keys:
            self._news.clear()
            await self._news.wait()
        key = next(iter(self._keys))
        del self._keys[key]
        return key

    def close(self) -> None:
        """Stops the timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
