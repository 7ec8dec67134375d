"""The command as people and pipelines use it: in a process of its own, on a copy of `hello`, on one real sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster

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


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment with a state folder and a running sandbox of its own, whose probes run ten times as fast."""
    home = tmp_path_factory.mktemp("home")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("STACK_CONSOLE_", "GITHUB_"))}
    own = {"STACK_CONSOLE_STATE": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}
    made = {**clean, **own, "SANDBOX_TIME_SCALE": "0.1", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    sandbox = [sys.executable, "-m", "console", "sandbox"]
    subprocess.run([*sandbox, "up"], env=made, check=True, capture_output=True, timeout=PATIENCE)
    yield made
    subprocess.run([*sandbox, "reset"], env=made, check=True, capture_output=True, timeout=PATIENCE)


@pytest.fixture
def stack(tmp_path: Path, environment: dict[str, str]) -> Iterator[Stack]:
    """A stack that nobody else has; destroyed after the test."""
    name = f"hello-{uuid.uuid4().hex[:6]}"
    folder = tmp_path / "stacks" / name
    shutil.copytree(HELLO, folder, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    made = Stack(name, folder, environment)
    made.edit("stack.yaml", "name: hello\nnamespace: hello\n", f"name: {name}\nnamespace: {name}\n")
    made.edit("hello.yaml", "kind: Namespace\nmetadata: {name: hello}", f"kind: Namespace\nmetadata: {{name: {name}}}")
    made.edit("hello.yaml", "path: /hello", f"path: /{name}")
    made.edit("hello.yaml", "seconds: 5", "seconds: 1")
    yield made
    for process in made.started:
        process.kill()
        process.communicate()
    made.run("destroy", "{}", "--yes", "--headless")


@pytest.fixture
def cluster(stack: Stack) -> Cluster:
    """The sandbox's API, in the namespace of the stack."""
    return Cluster(Path(stack.environment["STACK_CONSOLE_STATE"]) / "sandbox" / "kubeconfig", stack.name)
