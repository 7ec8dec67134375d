"""What tests of the command line share: writers on text streams, and the command in a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli.narrate import Narrator
from console.cli.output import Output
from console.cli.style import PLAIN
from console.model.redaction import Redactor

SECRET = "postgresql://app:s3cr3t-pa55word@db/app"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def redactor() -> Redactor:
    """Knows one secret."""
    made = Redactor()
    made.add("DATABASE_URL", SECRET)
    return made


@pytest.fixture
def narrator(redactor: Redactor) -> Narrator:
    """Writes to `narrator.stream`."""
    return Narrator(io.StringIO(), redactor, PLAIN)


@pytest.fixture
def output(redactor: Redactor) -> Callable[..., Output]:
    """Makes an output of a form; it writes to `output.stream`."""
    return lambda form: Output(io.StringIO(), form, redactor, PLAIN)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which the command keeps everything in the test's folder, and no user's settings count."""
    own = {"STACK_CONSOLE_STATE": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    others = {name: value for name, value in os.environ.items() if not name.startswith(("STACK_CONSOLE_", "GITHUB_"))}
    return {**others, **own, "KUBECONFIG": str(tmp_path / "kubeconfig"), "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def command(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs `stack-console ...` in the test's folder, to its end."""

    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "console", *words]
        env = {**environment, **settings}
        return subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)

    return run
