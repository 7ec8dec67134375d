"""How the process ends: codes, the report of an unexpected error, signals."""

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.exits import outcome_of, save_crash
from console.model.errors import ConsoleError, LockedError, StackFileError, UnreachableError
from console.model.outcome import Outcome
from tests.cli.conftest import SECRET

WAITS = """
import asyncio, sys
from console.cli.signals import cancelled_by_signal

async def main():
    with cancelled_by_signal(lambda text: print(text, flush=True)):
        try:
            print("waits", flush=True)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("cancelled", flush=True)
            if "stubborn" in sys.argv:
                await asyncio.Event().wait()
            print("ended cleanly", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (LockedError("held"), Outcome.LOCKED),
        (UnreachableError("down"), Outcome.UNREACHABLE),
        (StackFileError([]), Outcome.USAGE),
        (KeyboardInterrupt(), Outcome.INTERRUPTED),
        (asyncio.CancelledError(), Outcome.INTERRUPTED),
        (ConsoleError("of no kind"), Outcome.BUG),
        (ZeroDivisionError(), Outcome.BUG),
    ],
)
def test_every_error_has_one_outcome(error, outcome):
    assert outcome_of(error) is outcome


def test_a_report_of_an_unexpected_error_is_private_redacted_and_whole(tmp_path, redactor):
    try:
        raise RuntimeError(f"cannot reach {SECRET}")
    except RuntimeError as error:
        file = save_crash(error, tmp_path / "reports", redactor)
    assert file is not None
    text = file.read_text()
    assert "test_exits.py" in text
    assert "RuntimeError: cannot reach" in text
    assert "s3cr3t-pa55word" not in text
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_no_report_can_be_written_there_is_none(tmp_path, redactor):
    (tmp_path / "reports").write_text("a file where a folder should be")
    assert save_crash(RuntimeError(), tmp_path / "reports", redactor) is None


def test_a_bug_ends_with_1_and_names_a_report_and_shows_no_traceback(environment, tmp_path):
    broken = "import console.bootstrap as b\nb.Composition.sandbox = lambda *given: 1 / 0\n"
    (tmp_path / "broken.py").write_text(broken + "import sys\nsys.exit(b.main(['sandbox', 'status']))\n")
    done = subprocess.run(
        [sys.executable, "broken.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    named = re.search(r"a report was saved: (\S+)", done.stderr)
    assert named
    assert "ZeroDivisionError" in Path(named[1]).read_text()


@pytest.fixture
def waiting(environment):
    """A process that waits, and heeds signals as the command does."""
    started = []

    def start(*words):
        line = [sys.executable, "-c", WAITS, *words]
        process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "waits\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_cleanly(waiting, number):
    process = waiting()
    process.send_signal(number)
    told = process.stdout.read()
    assert number.name in told
    assert told.endswith("cancelled\nended cleanly\n")
    assert process.wait(10) == 0


def test_the_second_signal_ends_at_once(waiting):
    process = waiting("stubborn")
    process.send_signal(signal.SIGINT)
    assert "SIGINT" in process.stdout.readline()
    assert process.stdout.readline() == "cancelled\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 130
