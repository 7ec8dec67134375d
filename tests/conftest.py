"""What tests of every part share: one real sandbox a worker, and a namespace of its own for each test."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, sandbox_command

TIME_SCALE = "0.1"
NEVER_HEARD = ("exception was never retrieved", "Task was destroyed but it is pending")
"""What asyncio says of tasks whose end nobody has seen."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stack-console" / "test-bundles"
"""Unpacked bundles, kept between test runs: they are addressed by content."""


def pytest_configure() -> None:
    """What tests start must heed signals, though whoever started the tests (nohup, a background job) ignores them."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where `tests/conformance` runs: the sandbox, unless a cluster is named."""
    group = parser.getgroup("conformance")
    named = os.environ.get("CONFORMANCE_KUBECONFIG") or None
    group.addoption("--cluster", type=Path, default=named, help="kubeconfig (CONFORMANCE_KUBECONFIG)")
    image = os.environ.get("CONFORMANCE_IMAGE") or "busybox"
    group.addoption("--image", default=image, help="image with a shell (CONFORMANCE_IMAGE)")
    real = parser.getgroup("real")
    real.addoption("--registry", default=os.environ.get("TEST_REGISTRY"), help="registry to push to (TEST_REGISTRY)")
    named = os.environ.get("TEST_KUBECONFIG") or None
    real.addoption("--kubeconfig", type=Path, default=named, help="kubeconfig of a real cluster (TEST_KUBECONFIG)")


@pytest.fixture(scope="session")
def real_registry(request: pytest.FixtureRequest) -> str:
    """The registry that tests push to; a test that asks for it fails where none is named."""
    named = request.config.getoption("--registry")
    assert named, "name a registry that may be pushed to in TEST_REGISTRY, like 127.0.0.1:5000"
    return str(named)


@pytest.fixture(scope="session")
def real_kubeconfig(request: pytest.FixtureRequest) -> Path:
    """The kubeconfig of a real cluster; a test that asks for it fails where none is named."""
    named = request.config.getoption("--kubeconfig")
    assert named, "name the kubeconfig of a real cluster in TEST_KUBECONFIG"
    return Path(named)


@pytest.fixture(autouse=True)
def _no_task_ends_unseen() -> Iterator[None]:
    """A task that fails and that nobody asks fails the test: asyncio only logs it, once the task is collected."""
    said: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("asyncio")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    assert not [each for each in said if any(words in each for words in NEVER_HEARD)]


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        state: its folder.
        status: what `status --output json` says.
    """

    state: Path
    status: dict[str, Any]

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig."""
        return Path(self.status["kubeconfig"])


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One real sandbox for all tests of this worker; back-off and probe periods run ten times as fast."""
    state = tmp_path_factory.mktemp("sandbox") / "state"
    flags = ("--state", str(state), "--time-scale", TIME_SCALE, "--bundle-cache", str(CACHE), "--virtual-nodes", "1")
    started = sandbox_command("up", *flags, "--output", "json")
    try:
        yield Sandbox(state, json.loads(started.stdout))
    finally:
        sandbox_command("reset", "--state", str(state))


@pytest.fixture
def kubeconfig(sandbox: Sandbox) -> Path:
    """The kubeconfig of the sandbox's admin."""
    return sandbox.kubeconfig


@pytest.fixture
def namespace(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace; deleted after the test, without waiting for its end."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_").lower()).strip("-")[:40]
    name = f"{stem.strip('-')}-{uuid.uuid4().hex[:6]}"
    cluster = Cluster(sandbox.kubeconfig)
    cluster.create("namespaces", {"metadata": {"name": name}})
    yield name
    cluster.forget(name)


@pytest.fixture
def cluster(sandbox: Sandbox, namespace: str) -> Cluster:
    """A client of the sandbox, in the test's own namespace."""
    return Cluster(sandbox.kubeconfig, namespace)


@pytest.fixture(scope="session")
def kubectl_program() -> str:
    """The path of `kubectl`; tests that ask for it are skipped on a machine without."""
    found = shutil.which("kubectl")
    if not found:
        pytest.skip("kubectl is not installed")
    return found
