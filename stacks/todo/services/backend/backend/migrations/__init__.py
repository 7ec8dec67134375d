"""The schema, as numbered SQL files, each applied once."""

from __future__ import annotations

import logging
from importlib.resources import files

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.sql import SQL

_LOCK = 0x7461736B73  # "tasks"
_log = logging.getLogger("migrations")


async def migrate(connection: AsyncConnection[DictRow]) -> None:
    """Applies what is missing, all or nothing.

    Replicas that start at once wait for each other. The lock ends with the transaction: no crash can leave it behind.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        await connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY)")
        rows = await (await connection.execute("SELECT name FROM schema_migrations")).fetchall()
        applied = {row["name"] for row in rows}
        for name, statements in _files():
            if name not in applied:
                await connection.execute(SQL(statements))
                await connection.execute("INSERT INTO schema_migrations VALUES (%s)", [name])
                _log.info("applied %s", name)


def _files() -> list[tuple[str, str]]:
    found = [file for file in files(__package__).iterdir() if file.name.endswith(".sql")]
    return sorted((file.name, file.read_text(encoding="utf-8")) for file in found)
