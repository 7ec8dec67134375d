"""What a stack needs that is not part of it: is it there, and may we start one of our own."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

from console.adapters.embedded_postgres import EmbeddedPostgres
from console.adapters.postgres_check import check_postgres
from console.adapters.postgres_sessions import count_sessions
from console.model.errors import PreflightError, UsageError
from console.model.verify.disturbed import Sessions
from console.model.workload import External

POSTGRES = "postgres"

_IN_USE = "in-use"
"""A file beside the data of an external of our own: its stack is deployed, so it runs whenever the cluster does."""


async def withdraw_all(folder: Path, *, remove: bool = False) -> None:
    """Ends every external of our own below a folder of stacks and targets, and removes their data if asked to.

    Raises:
        PreflightError: one does not end; its data is left alone.
    """
    for state in await asyncio.to_thread(lambda: sorted(folder.glob("*/*/*/"))):
        await EmbeddedPostgres(state).stop()
    if remove:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def resume_all(folder: Path, host: str) -> None:
    """Starts again every external that `withdraw_all` has ended and that its stack still uses.

    Raises:
        PreflightError: one cannot be started.
    """
    for used in await asyncio.to_thread(lambda: sorted(folder.glob(f"*/*/*/{_IN_USE}"))):
        await EmbeddedPostgres(used.parent, host).start()


class StackExternals:
    """The `Externals` of the engine, for one stack on one target.

    Args:
        state: where externals of our own keep their data, each in a folder of its name.
        host: the address that they listen on, and that goes into their URL.
    """

    def __init__(self, state: Path, host: str = "127.0.0.1") -> None:
        self._state = state
        self._host = host

    async def provision(self, name: str, kind: str) -> str:
        """Starts one of our own, or finds it running; its URL, which is secret.

        Raises:
            UsageError: there is none of our own of that kind.
            PreflightError: it cannot be started.
        """
        url = await self._own(name, kind).start()
        await asyncio.to_thread((self._state / name / _IN_USE).touch, mode=0o600)
        return url

    async def known(self, name: str, kind: str) -> str | None:
        """The secret URL of the one of our own if it runs already. Raises UsageError: none of that kind."""
        return await self._own(name, kind).url()

    async def withdraw(self, name: str, kind: str) -> None:
        """Ends the one of our own, if there is one; its data stays. Raises PreflightError if it does not end."""
        await asyncio.to_thread((self._state / name / _IN_USE).unlink, missing_ok=True)
        await self._own(name, kind).stop()

    async def check(self, name: str, kind: str, url: str) -> External:
        """Whether it can be reached now. `ok` is None for a kind that cannot be checked; the URL is never told."""
        if kind != POSTGRES:
            return External(name, kind, None, f"a {kind} cannot be checked from here", time.time())
        answer = await check_postgres(url)
        return External(name, kind, answer.ok, answer.detail, time.time())

    async def sessions(self, name: str, kind: str, url: str) -> Sessions:
        """The sessions that others have there. Raises PreflightError where it does not tell."""
        if kind != POSTGRES:
            raise PreflightError(f"a {kind} does not tell its sessions", where=f"externals.{name}")
        return await count_sessions(url)

    def _own(self, name: str, kind: str) -> EmbeddedPostgres:
        if kind != POSTGRES:
            hint = "name one of yours in the secret, or use kind: postgres"
            raise UsageError(f"the console has no {kind} of its own", where=f"externals.{name}", hint=hint)
        return EmbeddedPostgres(self._state / name, self._host)
