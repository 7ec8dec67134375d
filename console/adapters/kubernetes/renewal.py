"""Credentials that expire: got anew once for all requests that find them refused, and not again and again in vain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from console.engine.watch import BackOff
from console.model.errors import ConsoleError, UnreachableError


class Renewal:
    """When credentials are got anew.

    Attributes:
        number: of the credentials in force; a request remembers it, so that one that is late does not renew again.

    Args:
        renew: gets them (exec plugin, token file, certificate).
        server: the API server's address, for messages.
    """

    def __init__(self, renew: Callable[[], Awaitable[None]], server: str) -> None:
        self.number = 0
        self._renew = renew
        self._server = server
        self._lock = asyncio.Lock()
        self._back_off = BackOff()
        self._not_before = 0.0
        self._tries = 0
        self._failure: ConsoleError | None = None

    def accepted(self) -> None:
        """The credentials in force are good."""
        self._back_off.reset()
        self._not_before = 0.0

    async def after(self, used: int) -> None:
        """Returns once there are other credentials than those of that number, which were refused.

        All who come while it is tried share the outcome; in vain it is tried with growing pauses.

        Raises:
            UnreachableError: there are none; the reason and the hint are of whoever should have given them.
        """
        seen = self._tries
        async with self._lock:
            if used != self.number:
                return
            if self._tries != seen and self._failure:
                raise self._useless(self._failure)
            await asyncio.sleep(self._not_before - time.monotonic())
            self._tries += 1
            try:
                await self._renew()
            except ConsoleError as error:
                self._failure = error
                raise self._useless(error) from error
            finally:
                self._not_before = time.monotonic() + self._back_off.pause()
            self._failure = None
            self.number += 1

    def _useless(self, failure: ConsoleError) -> UnreachableError:
        why = f"{failure.what}: {failure.why}" if failure.why else failure.what
        what = "the credentials are not accepted any more, and could not be renewed"
        return UnreachableError(what, where=self._server, why=why, hint=failure.hint)
