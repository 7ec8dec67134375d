"""Ports that stay the same over restarts, so that addresses which were written down go on working."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable

from console.sandbox.failures import SandboxError
from console.sandbox.settings import Settings

Listen = Callable[[int], Awaitable[int]]
"""Begins to listen on a port, or with 0 on a free one; the port."""


class KeptPorts:
    """The ports of one cluster.

    Args:
        settings: may ask for certain ones; the state folder holds those that were free the last time.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.state / "ports.json"

    async def listen(self, name: str, start: Listen) -> int:
        """Listens on the port that the setting `name` asks for, else on the one used before, else on a free one.

        Raises:
            SandboxError: the port that was asked for cannot be had.
        """
        asked, known = getattr(self._settings, name), self._known()
        for port in (asked,) if asked else (known.get(name, 0), 0):
            try:
                got = await start(port)
            except OSError as error:
                problem = error
            else:
                self._file.write_text(json.dumps(known | {name: got}))
                return got
        flag = f"--{name.replace('_', '-')}"
        why = os.strerror(problem.errno or 0)
        raise SandboxError(f"cannot listen on 127.0.0.1:{asked} ({why}): name another port with {flag}")

    def _known(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self._file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found
