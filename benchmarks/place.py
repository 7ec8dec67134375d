"""A place of one's own: state, cache, settings and embedded cluster in a temporary folder, and the command on it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import Cluster

ROOT = Path(__file__).parents[1]
PATIENCE = 600.0
"""Seconds; the first build of a stack fetches what it stands on."""


@dataclass(frozen=True)
class Place:
    """Where the command runs.

    Attributes:
        folder: holds everything, and is gone afterwards.
        environment: of every command.
    """

    folder: Path
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        """The words of a command line."""
        return [sys.executable, "-m", "console", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        line, env = self.command(*words), self.environment
        done = subprocess.run(line, env=env, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done

    def seconds(self, *words: str) -> float:
        """How long a command takes, as a whole process."""
        start = time.perf_counter()
        self.run(*words)
        return time.perf_counter() - start

    def cluster(self, namespace: str = "default") -> Cluster:
        """A client of the embedded cluster."""
        return Cluster(Path(self.environment["STACK_CONSOLE_STATE"]) / "sandbox" / "kubeconfig", namespace)


@contextmanager
def place() -> Iterator[Place]:
    """A fresh place. Not below /tmp: there it may be memory, and a pod's own /tmp would hide it."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="stack-console-bench-") as name:
        folder = Path(name)
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("STACK_CONSOLE_", "SANDBOX_"))}
        own = {f"XDG_{each}_HOME": str(folder / each.lower()) for each in ("STATE", "CACHE", "CONFIG")}
        state = str(folder / "state" / "stack-console")
        made = Place(folder, {**clean, **own, "STACK_CONSOLE_STATE": state, "PYTHONPATH": str(ROOT)})
        try:
            yield made
        finally:
            made.run("sandbox", "reset")
