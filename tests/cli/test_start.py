"""How the command starts: quickly, and with nothing that it does not need."""

import subprocess
import sys

import pytest

from console import __version__

HEAVY = ("textual", "pydantic", "aiohttp", "kubernetes", "yaml", "asyncio", "msgspec")
WATCHED = """
import sys
heavy = sys.argv.pop(1).split(",")
from console.__main__ import main
try:
    code = main()
except SystemExit as end:
    code = end.code
print(*[name for name in heavy if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def run_watched(tmp_path, environment):
    """Runs a command in a fresh interpreter; what it said, and which heavy modules were loaded."""

    def run(*words):
        line = [sys.executable, "-c", WATCHED, ",".join(HEAVY), *words]
        done = subprocess.run(
            line, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        return done, set(done.stderr.splitlines()[-1].split())

    return run


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(run_watched, word):
    done, loaded = run_watched(word)
    assert done.returncode == 0
    assert not loaded
    assert done.stdout.startswith(f"stack-console {__version__}" if word == "--version" else "usage: stack-console")


@pytest.mark.parametrize(
    "words", [("status", "hello", "--headless"), ("sandbox", "status"), ("deploy", "hello", "--read-only")]
)
def test_the_headless_path_does_not_load_textual(run_watched, words):
    done, loaded = run_watched(*words)
    assert done.returncode in {0, 2, 18, 19}
    assert "asyncio" in loaded
    assert "textual" not in loaded


def test_the_console_without_a_terminal_says_what_else_there_is(command):
    done = command("hello")
    assert done.returncode == 2
    assert "the console needs a terminal" in done.stderr
    assert "stack-console status" in done.stderr
    assert not done.stdout


def test_a_wrong_word_is_told_on_stderr_without_a_traceback(command):
    done = command("deploy", "hello", "--drift", "sometimes")
    assert done.returncode == 2
    assert "--drift" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_help_for_a_reader_that_goes_away_is_quiet(environment, tmp_path):
    line = f"{sys.executable} -m console --help | head -1"
    done = subprocess.run(line, shell=True, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("usage:")
    assert not done.stderr
