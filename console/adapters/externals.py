"""What a stack needs that is not part of it: is it there, and may we start one of our own."""

from __future__ import annotations

import time
from pathlib import Path

from console.adapters.postgres_check import check_postgres
from console.model.workload import External

POSTGRES = "postgres"


class StackExternals:
    """The `Externals` of the engine.

    Args:
        state: where an external of our own keeps its data.
        host: the address that it listens on, and that goes into its URL.
    """

    def __init__(self, state: Path, host: str = "127.0.0.1") -> None:
        self._state = state
        self._host = host

    async def check(self, name: str, kind: str, url: str) -> External:
        """Whether it can be reached now. `ok` is None for a kind that cannot be checked; the URL is never told."""
        if kind != POSTGRES:
            return External(name, kind, None, f"a {kind} cannot be checked from here", time.time())
        answer = await check_postgres(url)
        return External(name, kind, answer.ok, answer.detail, time.time())
