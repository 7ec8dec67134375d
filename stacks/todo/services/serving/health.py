"""The three questions of a kubelet, which mean different things.

Kubernetes documentation: "Liveness, Readiness, and Startup Probes".

/health/startup  has this process finished what it does once? Before that, the other two are not asked.
/health/ready    can it answer requests now: do its dependencies answer, and is it not about to end?
/health/live     does its event loop turn? Dependencies do not count: a restart would not bring them back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

Check = Callable[[], Awaitable[None]]
_FRESH_FOR = 1.0
_PATIENCE = 2.5


class NotReadyError(Exception):
    """A check's no; the text is shown to whoever asks, and holds no secret."""


async def _always() -> None:
    """The check of a service that has nothing to check."""


class Health:
    """What this process says about itself. `draining` is set when it was told to end."""

    def __init__(self) -> None:
        self.draining = False
        self._started: Check = _always
        self._ready: Check = _always
        self._asking = asyncio.Lock()
        self._known_until = 0.0
        self._why_not = ""

    def started_when(self, check: Check) -> None:
        """Sets what /health/startup asks; `check` raises NotReadyError until the service has started."""
        self._started = check

    def ready_when(self, check: Check) -> None:
        """Sets what /health/ready asks; its answer counts for a second, so that many askers cost one check."""
        self._ready = check

    async def answer(self, question: str) -> tuple[int, dict[str, str]]:
        """The HTTP status and body for the last part of a path under /health/."""
        if question == "live":
            return 200, {"status": "live"}
        if question not in {"startup", "ready"}:
            return 404, {"status": "unknown", "reason": "ask for startup, ready or live"}
        try:
            await (self._started() if question == "startup" else self._is_ready())
        except NotReadyError as no:
            return 503, {"status": f"not {'started' if question == 'startup' else 'ready'}", "reason": str(no)}
        return 200, {"status": "started" if question == "startup" else "ready"}

    async def _is_ready(self) -> None:
        if self.draining:
            raise NotReadyError("shutting down")
        async with self._asking:
            if time.monotonic() >= self._known_until:
                self._why_not = await self._ask()
                self._known_until = time.monotonic() + _FRESH_FOR
        if self._why_not:
            raise NotReadyError(self._why_not)

    async def _ask(self) -> str:
        """Why it is not ready; empty if it is."""
        try:
            await self._started()
            async with asyncio.timeout(_PATIENCE):
                await self._ready()
        except NotReadyError as no:
            return str(no)
        except TimeoutError:
            return f"a dependency did not answer within {_PATIENCE:g} s"
        return ""
