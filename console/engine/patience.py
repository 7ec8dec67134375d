"""Runs outlast an API server that is away for a while: what gets no answer is asked again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from console.engine.watch import BackOff
from console.model.errors import UnreachableError

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds that a run waits for an API server that does not answer; its lock is given up after as long."""


class Patience:
    """Asks again while there is no answer.

    Whatever is asked has to come to the same if it was done already, and only the answer was lost: server-side apply,
    deletes of one uid, and writes of one resourceVersion do.

    Args:
        seconds: without any answer, over all that is asked; 0: nothing is asked again.
        certain: returns once it is certain that we still may; awaited before anything is asked again.
    """

    def __init__(self, seconds: float = 0.0, certain: Callable[[], Awaitable[None]] | None = None) -> None:
        self._seconds = seconds
        self._certain = certain
        self._since: float | None = None
        self._back_off = BackOff()

    async def outlast(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer.

        Raises:
            UnreachableError: there was none for too long.
        """
        while True:
            try:
                answer = await ask()
            except UnreachableError as error:
                await self._pause(error)
            else:
                self._since = None
                self._back_off.reset()
                return answer

    async def _pause(self, error: UnreachableError) -> None:
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        pause = max(self._back_off.pause(), error.retry_after)
        if now + pause - self._since >= self._seconds:
            raise error
        await asyncio.sleep(pause)
        if self._certain:
            await self._certain()
