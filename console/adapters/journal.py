"""What this machine remembers of runs, in SQLite: runs, how long steps took, evidence, undo records.

Several consoles may write at once (WAL, short transactions). All work is done in one thread of its own, never in the
event loop. What is kept is bounded; undo records are kept until they are dropped.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from console.adapters.journal_schema import migrate
from console.engine.ports import EvidenceItem, RunRecord, UndoRecord
from console.model.drills.judging import DrillResult
from console.model.errors import PreflightError
from console.model.load import Load

T = TypeVar("T")

_BUSY = 10.0
_RUNS_KEPT = 200
_STEPS_KEPT = 20
_LONGEST_EVIDENCE = 1 << 20
_RUN_COLUMNS = (
    *("run_id", "kind", "stack", "target", "started", "command", "ended", "outcome", "headline", "release"),
    *("phases", "cluster", "load", "drill"),
)
_BROKEN = ("not a database", "malformed", "corrupt", "encrypted")


class SqliteJournal:
    """The journal in one file, which only its owner may read.

    Args:
        file: where it lies; it and its folder are made when something is first asked or kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._database: sqlite3.Connection | None = None
        self.warnings: list[str] = []

    async def close(self) -> None:
        """Closes the file, after all that was asked for is done."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._forget)
        self._thread.shutdown(wait=False)

    def _forget(self) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None

    async def record_run(self, run: RunRecord) -> None:
        """Keeps a run, in place of what was kept under its id; the oldest runs of its stack go."""
        phases = msgspec.json.encode(run.phases).decode()
        load = msgspec.json.encode(run.load).decode() if run.load else ""
        drill = msgspec.json.encode(run.drill).decode() if run.drill else ""
        told = {"phases": phases, "load": load, "drill": drill}
        values = {name: getattr(run, name) for name in _RUN_COLUMNS} | told
        insert = f"INSERT OR REPLACE INTO run VALUES (:{', :'.join(_RUN_COLUMNS)})"  # noqa: S608

        def keep(database: sqlite3.Connection) -> None:
            database.execute(insert, values)
            _drop_old_runs(database, run.stack)

        await self._do(keep)

    async def runs(self, stack: str, limit: int = 50) -> list[RunRecord]:
        """The runs of a stack, the newest first."""
        select = "SELECT * FROM run WHERE stack = ? ORDER BY started DESC, rowid DESC LIMIT ?"
        return [_run(row) for row in await self._rows(select, stack, limit)]

    async def record_step(self, run_id: str, stack: str, target: str, step_id: str, seconds: float) -> None:
        """Keeps how long a step took that was done."""

        def keep(database: sqlite3.Connection) -> None:
            values = (run_id, stack, target, step_id, seconds, time.time())
            database.execute("INSERT INTO step VALUES (?, ?, ?, ?, ?, ?)", values)
            which = "stack = ? AND target = ? AND step_id = ?"
            newest = f"SELECT rowid FROM step WHERE {which} ORDER BY at DESC, rowid DESC LIMIT {_STEPS_KEPT}"  # noqa: S608
            key = (stack, target, step_id)
            database.execute(f"DELETE FROM step WHERE {which} AND rowid NOT IN ({newest})", key * 2)  # noqa: S608

        await self._do(keep)

    async def step_seconds(self, stack: str, target: str, limit: int = 10) -> Mapping[str, tuple[float, ...]]:
        """How long each step took in the past, the newest first, by step id."""
        select = "SELECT step_id, seconds FROM step WHERE stack = ? AND target = ? ORDER BY at DESC, rowid DESC"
        found: dict[str, list[float]] = {}
        for step_id, seconds in await self._rows(select, stack, target):
            found.setdefault(step_id, []).append(seconds)
        return {step_id: tuple(seconds[:limit]) for step_id, seconds in found.items()}

    async def steps(self, run_id: str) -> Mapping[str, float]:
        """The seconds of the steps of a run that were done, by step id."""
        return dict(await self._rows("SELECT step_id, seconds FROM step WHERE run_id = ?", run_id))

    async def record_evidence(self, items: Sequence[EvidenceItem]) -> None:
        """Keeps evidence, on disk when this returns; of a very long text the end."""
        insert = "INSERT INTO evidence (run_id, kind, subject, text, at) VALUES (?, ?, ?, ?, ?)"
        rows = [(item.run_id, item.kind, item.subject, item.text[-_LONGEST_EVIDENCE:], item.at) for item in items]
        await self._do(lambda database: database.executemany(insert, rows))

    async def evidence(self, run_id: str) -> list[EvidenceItem]:
        """The evidence of a run, in the order it was kept."""
        select = "SELECT run_id, kind, subject, text, at FROM evidence WHERE run_id = ? ORDER BY id"
        return [EvidenceItem(*row) for row in await self._rows(select, run_id)]

    async def record_undo(self, record: UndoRecord) -> None:
        """Keeps how to undo something, on disk when this returns."""
        action = msgspec.json.encode(record.action).decode()
        values = (record.undo_id, record.run_id, record.stack, record.target, action, record.at)
        await self._do(
            lambda database: database.execute("INSERT OR REPLACE INTO undo VALUES (?, ?, ?, ?, ?, ?)", values)
        )

    async def undo_records(self, stack: str, target: str) -> list[UndoRecord]:
        """What is still to be undone, the newest first."""
        select = "SELECT * FROM undo WHERE stack = ? AND target = ? ORDER BY at DESC, rowid DESC"
        rows = await self._rows(select, stack, target)
        return [_undo(row) for row in rows]

    async def drop_undo(self, undo_id: str) -> None:
        """Forgets what was undone."""
        await self._do(lambda database: database.execute("DELETE FROM undo WHERE undo_id = ?", (undo_id,)))

    async def _rows(self, select: str, *values: object) -> list[tuple[Any, ...]]:
        return await self._do(lambda database: database.execute(select, values).fetchall())

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._failures():
            try:
                return _in_transaction(self._open(), work)
            except sqlite3.DatabaseError as error:
                if not any(words in str(error) for words in _BROKEN):
                    raise
                self._set_aside(error)
                return _in_transaction(self._open(), work)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))
            database = sqlite3.connect(self._file, timeout=_BUSY, isolation_level=None, check_same_thread=False)
            try:
                # FULL: what is said to be kept survives a power cut, too.
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                migrate(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Moves a broken file away, so that a new one can begin; what it held may still be rescued."""
        self._forget()
        aside = self._file.with_name(f"{self._file.name}.broken-{time.strftime('%Y%m%dT%H%M%S')}")
        with suppress(FileNotFoundError):
            self._file.rename(aside)
        for ending in ("-wal", "-shm"):
            self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
        self.warnings.append(f"the journal {self._file} could not be read ({error}); it was moved to {aside}")

    @contextmanager
    def _failures(self) -> Any:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            hint = "check the folder's owner and rights, and the space on the disk"
            why = str(error) if isinstance(error, sqlite3.Error) else error.strerror or str(error)
            raise PreflightError("the journal cannot be used", where=str(self._file), why=why, hint=hint) from error


def _in_transaction(database: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    database.execute("BEGIN IMMEDIATE")
    try:
        result = work(database)
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return result


def _run(row: tuple[Any, ...]) -> RunRecord:
    kept = dict(zip(_RUN_COLUMNS, row, strict=True))
    phases = tuple((name, seconds) for name, seconds in msgspec.json.decode(kept["phases"]))
    load = msgspec.json.decode(kept["load"], type=Load) if kept["load"] else None
    drill = msgspec.json.decode(kept["drill"], type=DrillResult) if kept["drill"] else None
    return RunRecord(**kept | {"phases": phases, "load": load, "drill": drill})


def _undo(row: tuple[Any, ...]) -> UndoRecord:
    undo_id, run_id, stack, target, action, at = row
    return UndoRecord(undo_id, run_id, stack, target, msgspec.json.decode(action), at)


def _drop_old_runs(database: sqlite3.Connection, stack: str) -> None:
    oldest = "SELECT run_id FROM run WHERE stack = ? ORDER BY started DESC LIMIT -1 OFFSET ?"
    dropped = database.execute(oldest, (stack, _RUNS_KEPT)).fetchall()
    database.executemany("DELETE FROM evidence WHERE run_id = ?", dropped)
    database.executemany("DELETE FROM run WHERE run_id = ?", dropped)
