"""The tables of the journal, and how an older file becomes a newer one."""

from __future__ import annotations

import sqlite3

# Each entry takes a file from the version of its index to the next. What was released is never changed, only added to.
_MIGRATIONS = (
    (
        """CREATE TABLE run (
            run_id TEXT PRIMARY KEY, kind TEXT NOT NULL, stack TEXT NOT NULL, target TEXT NOT NULL,
            started REAL NOT NULL, command TEXT NOT NULL, ended REAL, outcome TEXT NOT NULL,
            headline TEXT NOT NULL, release INTEGER, phases TEXT NOT NULL)""",
        "CREATE INDEX run_by_stack ON run (stack, started)",
        """CREATE TABLE step (
            run_id TEXT NOT NULL, stack TEXT NOT NULL, target TEXT NOT NULL, step_id TEXT NOT NULL,
            seconds REAL NOT NULL, at REAL NOT NULL)""",
        "CREATE INDEX step_by_stack ON step (stack, target, step_id, at)",
        """CREATE TABLE evidence (
            id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
            text TEXT NOT NULL, at REAL NOT NULL)""",
        "CREATE INDEX evidence_by_run ON evidence (run_id)",
        """CREATE TABLE undo (
            undo_id TEXT PRIMARY KEY, run_id TEXT NOT NULL, stack TEXT NOT NULL, target TEXT NOT NULL,
            action TEXT NOT NULL, at REAL NOT NULL)""",
    ),
    ("ALTER TABLE run ADD COLUMN cluster TEXT NOT NULL DEFAULT ''",),
    ("ALTER TABLE run ADD COLUMN load TEXT NOT NULL DEFAULT ''",),
    ("ALTER TABLE run ADD COLUMN drill TEXT NOT NULL DEFAULT ''",),
)
SCHEMA_VERSION = len(_MIGRATIONS)


def migrate(database: sqlite3.Connection) -> None:
    """Brings a file to the newest version; two consoles that do it at once do it one after the other.

    Raises:
        sqlite3.NotSupportedError: a newer console wrote the file.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise sqlite3.NotSupportedError(f"a newer console wrote it (version {version}); update this one")
        for statements in _MIGRATIONS[version:]:
            for statement in statements:
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
