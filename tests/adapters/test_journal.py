"""The journal: kept across consoles and kills, bounded, and never a reason for a traceback."""

import asyncio
import signal
import sqlite3
import stat
import sys
from dataclasses import replace

import pytest

from console.adapters import journal as module
from console.adapters import journal_schema
from console.adapters.journal import SqliteJournal
from console.engine.ports import EvidenceItem, RunRecord, UndoRecord
from console.model.drills.judging import DrillResult, Moment
from console.model.errors import PreflightError

RUN = RunRecord("r1", "deploy", "todo", "sandbox", 100.0, "stack-console deploy todo")


@pytest.fixture
async def journal(tmp_path):
    journal = SqliteJournal(tmp_path / "state" / "journal.db")
    yield journal
    await journal.close()


async def test_a_drill_is_kept_with_its_moments(journal):
    moments = (Moment("injected", 0.0), Moment("noticed by probe", 0.5, "readiness of web-1"))
    drill = DrillResult("kill-process", "web", moments, 2.5, 40, 1, 0.012, (2.0,), ("it was late",))
    await journal.record_run(replace(RUN, kind="drill", drill=drill))
    assert [run.drill for run in await journal.runs("todo")] == [drill]


async def test_a_run_is_kept_when_it_starts_and_replaced_when_it_ends(journal):
    await journal.record_run(RUN)
    ended = replace(RUN, ended=107.5, outcome="done", headline="deployed", release=3, phases=(("build", 2.5),))
    await journal.record_run(ended)
    assert await journal.runs("todo") == [ended]
    assert await journal.runs("other") == []


async def test_runs_come_newest_first_and_the_oldest_go_with_their_evidence(journal, monkeypatch):
    monkeypatch.setattr(module, "_RUNS_KEPT", 3)
    await journal.record_evidence([EvidenceItem("r0", "logs", "pod/a", "last words", 1.0)])
    for number in range(5):
        await journal.record_run(replace(RUN, run_id=f"r{number}", started=float(number)))
    assert [run.run_id for run in await journal.runs("todo")] == ["r4", "r3", "r2"]
    assert await journal.evidence("r0") == []


async def test_step_times_are_by_target_newest_first_and_bounded(journal, monkeypatch):
    monkeypatch.setattr(module, "_STEPS_KEPT", 3)
    for seconds in (1.0, 2.0, 3.0, 4.0):
        await journal.record_step("r1", "todo", "sandbox", "wait:backend", seconds)
    await journal.record_step("r1", "todo", "prod", "wait:backend", 60.0)
    assert await journal.step_seconds("todo", "sandbox") == {"wait:backend": (4.0, 3.0, 2.0)}


async def test_evidence_keeps_its_order_and_the_end_of_what_is_too_long(journal, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_EVIDENCE", 10)
    items = [
        EvidenceItem("r1", "events", "pod/a", "BackOff", 1.0),
        EvidenceItem("r1", "logs", "pod/a", "x" * 20 + "end", 2.0),
    ]
    await journal.record_evidence(items)
    kept = await journal.evidence("r1")
    assert [(item.kind, item.text) for item in kept] == [("events", "BackOff"), ("logs", "xxxxxxxend")]


async def test_undo_records_stay_until_they_are_dropped(journal):
    first = UndoRecord("u1", "r1", "todo", "sandbox", {"scale": {"backend": 3}}, 1.0)
    second = replace(first, undo_id="u2", at=2.0)
    await journal.record_undo(first)
    await journal.record_undo(second)
    assert await journal.undo_records("todo", "sandbox") == [second, first]
    await journal.drop_undo("u2")
    assert await journal.undo_records("todo", "sandbox") == [first]


async def test_only_its_owner_may_read_it(journal, tmp_path):
    await journal.record_run(RUN)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()}
    assert "journal.db" in modes
    assert set(modes.values()) == {0o600}


async def test_two_consoles_write_at_once(journal, tmp_path):
    other = SqliteJournal(tmp_path / "state" / "journal.db")
    names = [f"r{number}" for number in range(20)]
    writers = [(journal, other)[number % 2].record_run(replace(RUN, run_id=name)) for number, name in enumerate(names)]
    await asyncio.gather(*writers)
    assert sorted(run.run_id for run in await other.runs("todo")) == sorted(names)
    await other.close()


async def test_the_loop_turns_while_another_process_holds_the_file(journal, tmp_path):
    await journal.record_run(RUN)
    holder = sqlite3.connect(tmp_path / "state" / "journal.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(journal.record_run(replace(RUN, run_id="r2")))
    turned = 0
    while turned < 50:
        await asyncio.sleep(0)
        turned += 1
    assert not waiting.done()
    holder.execute("COMMIT")
    holder.close()
    await waiting
    assert len(await journal.runs("todo")) == 2


async def test_what_was_kept_survives_kill_9(journal, tmp_path):
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from console.adapters.journal import SqliteJournal\n"
        "from console.engine.ports import UndoRecord\n"
        "async def main():\n"
        "    journal = SqliteJournal(Path(sys.argv[1]))\n"
        "    await journal.record_undo(UndoRecord('u', 'r', 'todo', 'sandbox', {}, 1.0))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    file = str(tmp_path / "state" / "journal.db")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, file)
    assert await process.wait() == -signal.SIGKILL
    assert [record.undo_id for record in await journal.undo_records("todo", "sandbox")] == ["u"]


@pytest.mark.parametrize("content", [b"this is no database at all, " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_broken_file_is_moved_aside_with_a_warning(tmp_path, content):
    file = tmp_path / "journal.db"
    file.write_bytes(content)
    journal = SqliteJournal(file)
    await journal.record_run(RUN)
    assert await journal.runs("todo") == [RUN]
    (aside,) = tmp_path.glob("journal.db.broken-*")
    assert aside.read_bytes() == content
    assert str(aside) in journal.warnings[0]
    await journal.close()


async def test_a_file_of_an_older_console_is_brought_up_to_date_with_all_that_is_in_it(tmp_path):
    file = tmp_path / "journal.db"
    older = sqlite3.connect(file)
    for statement in journal_schema._MIGRATIONS[0]:
        older.execute(statement)
    row = ("r0", "deploy", "todo", "sandbox", 1.0, "stack-console deploy todo", 2.0, "done", "went well", 1, "[]")
    older.execute(f"INSERT INTO run VALUES ({', '.join('?' * len(row))})", row)
    older.execute("PRAGMA user_version = 1")
    older.commit()
    older.close()
    journal = SqliteJournal(file)
    await journal.record_run(replace(RUN, cluster="prod at https://prod, cluster u-1"))
    assert [(each.run_id, each.cluster) for each in await journal.runs("todo")] == [
        ("r1", "prod at https://prod, cluster u-1"),
        ("r0", ""),
    ]
    await journal.close()


async def test_a_file_of_a_newer_console_is_refused_and_left_alone(journal, tmp_path):
    await journal.record_run(RUN)
    with sqlite3.connect(tmp_path / "state" / "journal.db") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    late = SqliteJournal(tmp_path / "state" / "journal.db")
    with pytest.raises(PreflightError, match="a newer console wrote it"):
        await late.runs("todo")
    assert late.warnings == []
    await late.close()


async def test_a_folder_that_is_a_file_is_said_with_its_name(tmp_path):
    (tmp_path / "state").write_text("")
    journal = SqliteJournal(tmp_path / "state" / "journal.db")
    with pytest.raises(PreflightError, match="the journal cannot be used") as caught:
        await journal.runs("todo")
    assert caught.value.where == str(tmp_path / "state" / "journal.db")
    await journal.close()
