"""The connection pool: it comes back by itself when the database does, and brings the schema up to date once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from psycopg import AsyncConnection, Error
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from serving import NotReadyError

from backend.migrations import migrate

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 2.0
_READY_WITHIN = 2.0
_GIVE_UP_AFTER = 1.0
_log = logging.getLogger("database")


class Database:
    """PostgreSQL behind a pool.

    Args:
        url: where it is; secret.
        max_size: connections of this process at most.
        timeout: how long a request waits for a connection, and then for its answer, in seconds.
    """

    def __init__(self, url: str, *, max_size: int, timeout: float) -> None:
        self._timeout = timeout
        self._migrated = False
        self._pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=max_size,
            timeout=timeout,
            # The pool gives up soon, and the next request or readiness check makes it try again at once: its own
            # pauses double, and would keep the service waiting when the database is long back.
            reconnect_timeout=_GIVE_UP_AFTER,
            # A connection that the database has dropped is replaced before a request gets to see it.
            check=AsyncConnectionPool.check_connection,
            # A transaction pooler in front of the database cannot keep prepared statements.
            kwargs={"row_factory": dict_row, "prepare_threshold": None, "connect_timeout": max(2, int(timeout))},
            open=False,
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keeps the pool open; the schema is brought up to date in the background, whenever the database answers."""
        await self._pool.open(wait=False)
        migrating = asyncio.create_task(self._migrate(), name="migrate")
        try:
            yield
        finally:
            migrating.cancel()
            with suppress(asyncio.CancelledError):
                await migrating
            await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection with a transaction. Raises psycopg's OperationalError, PoolTimeout, TimeoutError."""
        async with self._pool.connection() as connection, asyncio.timeout(self._timeout):
            yield connection

    async def check_started(self) -> None:
        """Raises NotReadyError until the schema is up to date."""
        if not self._migrated:
            raise NotReadyError("the database schema is not up to date yet: the database has not answered")

    async def check_ready(self) -> None:
        """Raises NotReadyError if the database does not answer."""
        try:
            async with asyncio.timeout(_READY_WITHIN), self.transaction() as connection:
                await connection.execute("SELECT 1")
        except (Error, PoolTimeout, TimeoutError) as error:
            raise NotReadyError(f"the database does not answer ({type(error).__name__})") from error

    async def _migrate(self) -> None:
        pause = _FIRST_PAUSE
        while not self._migrated:
            try:
                async with self._pool.connection() as connection:
                    await migrate(connection)
                self._migrated = True
            except (Error, PoolTimeout) as error:
                _log.warning("the schema cannot be brought up to date yet: %s; again in %.1f s", error, pause)
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                pause = min(2 * pause, _LONGEST_PAUSE)
