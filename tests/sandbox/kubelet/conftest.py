"""The kubelet's tests run against a sandbox in each pod mode."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster import sandbox_command
from tests.conftest import CACHE, TIME_SCALE, Sandbox


@pytest.fixture(scope="package", params=["namespaces", "plain"])
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One real sandbox for all tests of this folder and worker, in each mode that this machine allows."""
    state = tmp_path_factory.mktemp("sandbox") / "state"
    flags = ("--time-scale", TIME_SCALE, "--bundle-cache", str(CACHE), "--pod-mode", request.param)
    started = sandbox_command("up", "--state", str(state), *flags, "--output", "json", check=False)
    if "does not let users make namespaces" in started.stderr:
        pytest.skip("this machine does not let users make namespaces")
    assert started.returncode == 0, started.stderr
    try:
        yield Sandbox(state, json.loads(started.stdout))
    finally:
        sandbox_command("reset", "--state", str(state))
