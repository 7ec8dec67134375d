"""The command builds, pushes and deploys on a real cluster, and says what went wrong with an image (make test-real)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster
from tests.e2e.command import HELLO, Stack
from tests.real.docker import command, until

pytestmark = pytest.mark.real


@pytest.fixture
def stack(tmp_path: Path, real_registry: str, real_kubeconfig: Path) -> Iterator[Stack]:
    """A copy of `hello` for the real cluster, with a content that was never built; its namespace goes afterwards."""
    name = f"hello-{uuid.uuid4().hex[:6]}"
    folder = tmp_path / name
    shutil.copytree(HELLO, folder, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    state = {"STACK_CONSOLE_STATE": str(tmp_path / "state"), "KUBECONFIG": str(real_kubeconfig)}
    made = Stack(name, folder, {**os.environ, **state})
    context = yaml.safe_load(real_kubeconfig.read_text())["current-context"]
    made.edit("stack.yaml", "name: hello\nnamespace: hello\n", f"name: {name}\nnamespace: {name}\n")
    made.edit("stack.yaml", "default_target: sandbox", "default_target: local")
    made.edit("stack.yaml", "kind-kind", context)
    made.edit("stack.yaml", "localhost:5001", f"{real_registry}/console-test")
    made.edit("hello.yaml", "kind: Namespace\nmetadata: {name: hello}", f"kind: Namespace\nmetadata: {{name: {name}}}")
    made.edit("hello.yaml", "path: /hello", f"path: /{name}")
    made.edit("Dockerfile", "COPY", f"RUN echo {name} > /name\nCOPY")
    yield made
    for process in made.started:
        process.kill()
        process.communicate()
    cluster = Cluster(real_kubeconfig)
    if cluster.find("namespaces", name):
        cluster.delete("namespaces", name)


@pytest.fixture
def cluster(stack: Stack, real_kubeconfig: Path) -> Cluster:
    return Cluster(real_kubeconfig, stack.name)


def _events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_was_built_is_what_runs_and_nothing_is_done_twice(stack: Stack, cluster: Cluster) -> None:
    events = _events(stack.run("deploy", "{}", "--headless", "--output", "ndjson"))
    parts = [part for event in events if event["type"] == "step-parts" for part in event["parts"]]
    assert {"running", "done"} <= {part["state"] for part in parts}
    assert any(event["type"] == "step-progressed" and event["progress"]["rate"] for event in events)
    image = cluster.get("deployments", "hello")["spec"]["template"]["spec"]["containers"][0]["image"]
    name, _, digest = image.partition("@")
    [pod, *_] = cluster.list("pods")
    assert pod["status"]["containerStatuses"][0]["imageID"].endswith(digest)
    command("rmi", name)
    again = stack.run("deploy", "{}", "--headless")
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stderr
    shown = subprocess.run(["docker", "image", "inspect", name], capture_output=True)
    assert shown.returncode != 0, "it was not built again"


def test_a_build_that_fails_ends_with_its_line_and_changes_nothing(stack: Stack, cluster: Cluster) -> None:
    stack.edit("Dockerfile", "USER", "RUN echo cannot find it; exit 7\nUSER")
    done = stack.run("deploy", "{}", "--headless")
    assert done.returncode == 11
    assert "Dockerfile:4: the build of hello failed" in done.stderr
    assert "`RUN echo cannot find it; exit 7` ended with exit code 7" in done.stderr
    assert cluster.find("deployments", "hello") is None


def test_an_interrupted_build_leaves_nothing(stack: Stack, cluster: Cluster) -> None:
    mark = str(uuid.uuid4().int)[:9]
    stack.edit("Dockerfile", "USER", f"RUN echo begun && exec sleep {mark}\nUSER")
    process = stack.start("deploy", "{}", "--headless")
    assert process.stderr is not None
    for line in process.stderr:
        if "| #" in line and line.rstrip().endswith("begun"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    asyncio.run(until(mark, runs=False))
    assert cluster.find("deployments", "hello") is None


def test_a_registry_that_is_down_is_found_before_anything_is_built(stack: Stack, real_registry: str) -> None:
    stack.edit("stack.yaml", real_registry, "127.0.0.1:1")
    done = stack.run("deploy", "{}", "--headless")
    assert done.returncode == 10
    assert "the registry cannot be reached: Connection refused" in done.stderr
