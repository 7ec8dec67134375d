"""The command in a process of its own, on a stack whose files tests may change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "stacks" / "hello"
PATIENCE = 90.0
"""Seconds after which a command that does not end fails the test."""


@dataclass(frozen=True)
class Stack:
    """A copy of `hello` under a name and namespace of its own, and the command on it.

    Attributes:
        name: of the stack and of its namespace.
        folder: where its files are; tests may change them.
        environment: of every command.
    """

    name: str
    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def command(self, *words: str) -> list[str]:
        """The words of a command line; `{}` stands for this stack."""
        return [sys.executable, "-m", "console", *(word.replace("{}", str(self.folder)) for word in words)]

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        line, env = self.command(*words), {**self.environment, **environment}
        return subprocess.run(
            line, env=env, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command that goes on; ended with the test."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(self.command(*words), env=self.environment, cwd=self.folder, **pipes)
        self.started.append(process)
        return process

    def json(self, *words: str) -> Any:
        """The JSON document of a command that must succeed."""
        done = self.run(*words, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def edit(self, file: str, old: str, new: str) -> None:
        """Changes a file of the stack."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def kubeconfig_of(environment: dict[str, str]) -> Path:
    """The kubeconfig of the sandbox that commands with this environment use."""
    return Path(environment["STACK_CONSOLE_STATE"]) / "sandbox" / "kubeconfig"


@contextmanager
def sandboxed(home: Path) -> Iterator[dict[str, str]]:
    """An environment with a state folder and a running sandbox of its own, whose probes run ten times as fast."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("STACK_CONSOLE_", "GITHUB_"))}
    own = {"STACK_CONSOLE_STATE": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}
    made = {**clean, **own, "SANDBOX_TIME_SCALE": "0.1", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    sandbox = [sys.executable, "-m", "console", "sandbox"]
    subprocess.run([*sandbox, "up"], env=made, check=True, capture_output=True, timeout=PATIENCE)
    try:
        yield made
    finally:
        subprocess.run([*sandbox, "reset"], env=made, check=True, capture_output=True, timeout=PATIENCE)
