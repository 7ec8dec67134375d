"""Commands as whole processes: from being called to their end."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator

from benchmarks.measured import Measured, median
from benchmarks.place import ROOT, Place, place

TODO = str(ROOT / "stacks" / "todo")
HELLO = str(ROOT / "stacks" / "hello")
REASON = "ErrImagePull"


def run() -> Iterator[Measured]:
    """Measures in a place of its own; takes a few minutes, most of it the first build of the reference stack."""
    with place() as here:
        yield _version(here)
        yield _up(here)
        yield from _todo(here)
        yield _reason(here)


def _version(here: Place) -> Measured:
    here.run("--version")
    values = [here.seconds("--version") for _ in range(11)]
    return median("stack-console --version", values, "s", 0.15, "process from start to end")


def _up(here: Place) -> Measured:
    values = [_up_once(here) for _ in range(6)][1:]
    return median("sandbox up to the first answer", values, "s", 1.5, "`sandbox up` from nothing, then one GET")


def _up_once(here: Place) -> float:
    here.run("sandbox", "reset")
    start = time.perf_counter()
    here.run("sandbox", "up")
    here.cluster().request("GET", "/api/v1/namespaces")
    return time.perf_counter() - start


def _todo(here: Place) -> Iterator[Measured]:
    here.run("deploy", TODO, "--headless")
    deploys = [_deploy_anew(here) for _ in range(3)]
    yield median("deploy of todo, images built", deploys, "s", 10, "`deploy --headless` after `destroy --yes`")
    again = [here.seconds("deploy", TODO, "--headless") for _ in range(8)][1:]
    yield median("deploy of todo, nothing to do", again, "s", 1, "`deploy --headless` once more")
    status = [here.seconds("status", TODO) for _ in range(8)][1:]
    yield median("status of todo", status, "s", 1, "`status` as a process")
    here.run("destroy", TODO, "--yes", "--headless")


def _deploy_anew(here: Place) -> float:
    here.run("destroy", TODO, "--yes", "--headless")
    return here.seconds("deploy", TODO, "--headless")


def _reason(here: Place) -> Measured:
    """A pod whose image cannot be pulled: told by the cluster's own watch, and by `status --watch`."""
    here.run("deploy", HELLO, "--headless")
    values = [_reason_once(here, number) for number in range(6)][1:]
    method = "from the pod's event on a watch of our own to the line of `status --watch --output ndjson`"
    return median("a reason known after the cluster has it", values, "s", 1, method)


def _reason_once(here: Place, number: int) -> float:
    cluster = here.cluster("hello")
    command = here.command("status", HELLO, "--watch", "--output", "ndjson")
    with subprocess.Popen(
        command, env=here.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        told: list[float] = []
        reader = threading.Thread(target=_wait_for_reason, args=(watching.stdout, number, told))
        reader.start()
        container = {"name": "hello", "image": f"127.0.0.1:1/nothing:{number}"}
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        path = cluster.path("deployments", "hello")
        cluster.request("PATCH", path, patch, "application/strategic-merge-patch+json")
        known = _in_the_cluster(cluster.watch("pods"), container["image"])
        reader.join()
        watching.terminate()
    return max(0.0, told[0] - known)


def _in_the_cluster(changes: Iterator[dict[str, object]], image: str) -> float:
    for change in changes:
        text = json.dumps(change)
        if REASON in text and image in text:
            return time.perf_counter()
    raise RuntimeError("the pod got no reason")


def _wait_for_reason(lines: Iterator[str], number: int, told: list[float]) -> None:
    for line in lines:
        if "pod-observed" in line and REASON in line and f"nothing:{number}" in line:
            told.append(time.perf_counter())
            return
