"""The command as people and pipelines use it: in a process of its own, on a copy of `hello`, on one real sandbox."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.e2e.causes import Gate, Ground, Patient
from tests.e2e.command import HELLO, Stack, kubeconfig_of, sandboxed


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment with a state folder and a running sandbox of its own, whose probes run ten times as fast."""
    with sandboxed(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def stack(tmp_path: Path, environment: dict[str, str]) -> Iterator[Stack]:
    """A stack that nobody else has; its namespace is deleted after the test, without waiting for its end."""
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
    _cluster(made).forget(name)


@pytest.fixture
def cluster(stack: Stack) -> Cluster:
    """The sandbox's API, in the namespace of the stack."""
    return _cluster(stack)


def _cluster(stack: Stack) -> Cluster:
    return Cluster(kubeconfig_of(stack.environment), stack.name)


@pytest.fixture(scope="session")
def ground(environment: dict[str, str]) -> Ground:
    """The sandbox as a place for stacks that fail."""
    registry = Stack("", Path.cwd(), environment).json("sandbox", "status")["registry"]
    return Ground(kubeconfig_of(environment), {"kind": "sandbox"}, registry)


@pytest.fixture
def patient(tmp_path: Path, environment: dict[str, str], ground: Ground) -> Iterator[Patient]:
    """A stack that is about to fail; its namespace is deleted after the test, without waiting for its end."""
    name = f"causes-{uuid.uuid4().hex[:6]}"
    (tmp_path / name).mkdir()
    made = Stack(name, tmp_path / name, environment)
    patient = Patient(made, ground)
    yield patient
    patient.cluster.forget(name)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """What pods wait at."""
    made = Gate()
    yield made
    made.close()
