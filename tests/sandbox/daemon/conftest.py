"""Daemons of the test's own, for what the shared one must not be put through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, sandbox_command
from tests.conftest import CACHE, TIME_SCALE


class Own:
    """A sandbox of the test's own."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, command: str, *flags: str) -> dict[str, Any]:
        """Runs a command that succeeds; its JSON."""
        answer: dict[str, Any] = json.loads(self._run(command, *flags).stdout)
        return answer

    def refused(self, command: str, *flags: str) -> tuple[int, str]:
        """Runs a command that fails; its exit code, and what it says."""
        done = self._run(command, *flags, check=False)
        assert done.returncode != 0
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr

    def _run(self, command: str, *flags: str, check: bool = True) -> Any:
        return sandbox_command(command, "--state", str(self.state), "--output", "json", *flags, check=check)

    def up(self, *flags: str) -> dict[str, Any]:
        """Starts it."""
        return self.run("up", "--time-scale", TIME_SCALE, "--bundle-cache", str(CACHE), *flags)

    def cluster(self, namespace: str = "default") -> Cluster:
        """A client; made anew for each start, as the port may be another."""
        return Cluster(self.state / "kubeconfig", namespace)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    """A sandbox that is not started yet; it is removed after the test."""
    made = Own(tmp_path / "state")
    yield made
    made.run("reset")
