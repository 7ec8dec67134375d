"""Whether the API server still answers, found out within seconds on a wire that says nothing.

A connection whose other side went without a word looks like one on which nothing happens, and a watch may be quiet for
a minute. So while something waits for the API server and nothing at all has come from it, it is asked a question over a
new connection. No answer: all that waits is broken off, for it would wait for ever. An answer after that: what was sent
into the dark meanwhile is broken off, too, so that it can be asked anew at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from console.model.errors import UnreachableError

QUIET = 3.0
"""Seconds without a word before the question is asked. Idle connections are not used again after them."""
PATIENCE = 3.0
"""Seconds that the answer may take."""
AGAIN = 0.5
"""Seconds between two questions while there is no answer."""


@dataclass(eq=False, slots=True)
class Waiting:
    """Something that waits for the API server since a moment of the loop's clock.

    `cut` breaks it off; `why` is set before, if nobody answers any more.
    """

    cut: Callable[[], None]
    since: float
    why: UnreachableError | None = None


class Pulse:
    """Watches over all that waits for one API server.

    Attributes:
        failure: why the last question got no answer; None once anything was heard since.

    Args:
        ask: asks the question over a connection that is new, within `PATIENCE`. Any answer will do; without one it
            raises UnreachableError.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        self.failure: UnreachableError | None = None
        self._ask = ask
        self._waiting: set[Waiting] = set()
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None

    @contextmanager
    def waits(self, cut: Callable[[], None]) -> Iterator[Waiting]:
        """Something waits within; it is broken off by `cut` when nobody answers any more."""
        waiting = Waiting(cut, _now())
        self._waiting.add(waiting)
        self._wind(AGAIN if self.failure else QUIET)
        try:
            yield waiting
        finally:
            self._waiting.discard(waiting)
            if not self._waiting:
                self.stop()

    def hear(self, by: Waiting | None = None) -> None:
        """The API server has said something, to one that waits for it."""
        self._heard = _now()
        if self.failure:
            self.failure = None
            self._cut(by)

    def stop(self) -> None:
        """Asks nothing more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._asking:
            self._asking.cancel()
            self._asking = None

    def _wind(self, seconds: float) -> None:
        if self._timer is None and self._asking is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        began = min(each.since for each in self._waiting)
        left = 0.0 if self.failure else QUIET - (_now() - max(began, self._heard))
        if left > 0:
            self._wind(left)
        else:
            self._asking = asyncio.create_task(self._question(), name="pulse of the API server")

    async def _question(self) -> None:
        sent = _now()
        try:
            await self._ask()
            self.hear()
        except UnreachableError as error:
            if self._heard < sent:
                before, self.failure = self.failure, error
                if before is None:
                    self._cut(None)
        self._asking = None
        if self._waiting:
            self._wind(AGAIN if self.failure else QUIET)

    def _cut(self, spared: Waiting | None) -> None:
        for each in tuple(self._waiting):
            if each is not spared:
                each.why = self.failure
                each.cut()


def _now() -> float:
    return asyncio.get_running_loop().time()
