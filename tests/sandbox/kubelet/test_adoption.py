"""What becomes of pods when their daemon is killed, stopped, or started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, ready, sandbox_command
from tests.conftest import CACHE, TIME_SCALE
from tests.sandbox.kubelet.pods import (
    FOREVER,
    STATUS_VOLUME,
    container,
    event,
    last,
    pod,
    run,
    shell,
    status_of,
    web,
)

Object = dict[str, Any]
WORD = "word-of-a-secret"


class Own:
    """A sandbox that may be killed."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.pid = 0

    def up(self) -> Cluster:
        """Starts it; a client."""
        flags = ("--time-scale", TIME_SCALE, "--bundle-cache", str(CACHE))
        sandbox_command("up", "--state", str(self.state), *flags)
        self.pid = int((self.state / "daemon.json").read_text().split('"pid": ')[1].split(",")[0])
        return Cluster(self.state / "kubeconfig")

    def kill(self) -> None:
        """Ends the daemon as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)
        while Path(f"/proc/{self.pid}").exists():
            time.sleep(0.01)

    def down(self) -> None:
        """Stops it."""
        sandbox_command("down", "--state", str(self.state))

    def processes(self) -> list[int]:
        """Everything that runs with this sandbox's mark in its command line."""
        every = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
        return [pid for pid in every if self.mark in _command(pid)]

    @property
    def mark(self) -> str:
        """A word in the command line of each process of this sandbox's pods."""
        return f"mark-{abs(hash(str(self.state)))}"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    made = Own(tmp_path / "state")
    yield made
    sandbox_command("reset", "--state", str(made.state))


def _marked(own: Own, script: str = "", **spec: Any) -> Object:
    """A pod with the mark: a shell with this script, else one process that waits for its end."""
    alone = ["python", "-c", f"import signal; signal.pause()  # {own.mark}"]
    return pod(container(shell(f": {own.mark}; {script}") if script else alone), **spec)


def _main_pid(own: Own) -> int:
    [pid] = own.processes()
    return pid


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_daemon_that_was_killed_finds_its_processes_again(own: Own) -> None:
    cluster = own.up()
    name = run(cluster, _marked(own))
    before = cluster.until("pods", name, ready)
    pid = _main_pid(own)
    own.kill()
    assert _main_pid(own) == pid
    cluster = own.up()
    after = cluster.until("pods", name, ready)
    assert _main_pid(own) == pid
    assert status_of(after)["restartCount"] == 0
    assert status_of(after)["containerID"] == status_of(before)["containerID"]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    cluster.delete("pods", name)
    cluster.until_gone("pods", name)
    assert own.processes() == []


def test_a_process_is_taken_over_without_what_it_was_made_of(own: Own) -> None:
    cluster = own.up()
    cluster.create("secrets", {"metadata": {"name": "words"}, "stringData": {"WORD": WORD}})
    body = _marked(own)
    probe = {"exec": {"command": shell(f"[ $WORD = {WORD} ]")}, "periodSeconds": 1}
    body["spec"]["containers"][0] |= {"envFrom": [{"secretRef": {"name": "words"}}], "readinessProbe": probe}
    name = run(cluster, body)
    cluster.until("pods", name, ready)
    pid = _main_pid(own)
    cluster.delete("secrets", "words")
    # What it was started with is in no file of the pod.
    assert [file for file in (own.state / "pods").rglob("*") if file.is_file() and WORD in file.read_text()] == []
    own.kill()
    cluster = own.up()
    probed = 'probe_type="Readiness",result="successful"'
    node = cluster.until("pods", name, ready)["spec"]["nodeName"]
    deadline = time.monotonic() + 10
    while probed not in cluster.request("GET", f"/api/v1/nodes/{node}/proxy/metrics/probes"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _main_pid(own) == pid
    assert ready(cluster.get("pods", name))


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.02, 0.04, 0.08])
def test_a_daemon_killed_while_a_pod_starts_leaves_one_process_of_it(own: Own, delay: float) -> None:
    cluster = own.up()
    name = run(cluster, _marked(own))
    time.sleep(delay)  # the moment of the kill is what is varied
    own.kill()
    cluster = own.up()
    cluster.until("pods", name, ready)
    assert len(own.processes()) == 1


def test_what_ended_meanwhile_is_known_and_started_again(own: Own) -> None:
    cluster = own.up()
    name = run(cluster, _marked(own))
    cluster.until("pods", name, ready)
    own.kill()
    os.kill(_main_pid(own), signal.SIGTERM)
    while own.processes():
        time.sleep(0.01)
    cluster = own.up()
    found = cluster.until("pods", name, lambda each: status_of(each)["restartCount"] == 1 and ready(each))
    assert last(found)["exitCode"] == 143
    assert len(own.processes()) == 1


def test_no_process_outlives_down(own: Own) -> None:
    cluster = own.up()
    stubborn = _marked(own, "trap '' TERM; while :; do sleep 0.1; done", terminationGracePeriodSeconds=1)
    names = [run(cluster, _marked(own)), run(cluster, stubborn)]
    for name in names:
        cluster.until("pods", name, ready)
    assert len(own.processes()) >= 2
    own.down()
    assert own.processes() == []
    cluster = own.up()
    for name in names:
        found = cluster.until("pods", name, lambda each: status_of(each)["restartCount"] == 1 and ready(each))
        assert found["status"]["phase"] == "Running"


def test_a_pod_whose_process_is_gone_is_not_ready_from_the_first_answer_on(own: Own) -> None:
    cluster = own.up()
    names = [run(cluster, _marked(own)) for _ in range(4)]
    for name in names:
        cluster.until("pods", name, ready)
    own.down()
    first = own.up().list("pods")
    assert len(first) == 4
    assert [each for each in first if ready(each) and not status_of(each)["restartCount"]] == []


def test_no_process_outlives_down_after_the_daemon_was_killed(own: Own) -> None:
    cluster = own.up()
    deep = _marked(own, f"setsid sh -c ': {own.mark}; sleep 600; :' & trap '' TERM; while :; do sleep 0.1; done")
    cluster.until("pods", run(cluster, deep), ready)
    while len(own.processes()) < 2:
        time.sleep(0.01)
    own.kill()
    assert len(own.processes()) >= 2
    own.down()
    assert own.processes() == []


def test_a_pod_that_was_to_end_when_the_daemon_was_killed_ends_with_the_next_one(own: Own) -> None:
    cluster = own.up()
    stubborn = _marked(own, "trap '' TERM; while :; do sleep 0.1; done", terminationGracePeriodSeconds=3)
    name = run(cluster, stubborn)
    cluster.until("pods", name, ready)
    cluster.delete("pods", name)
    own.kill()
    assert own.processes()
    cluster = own.up()
    cluster.until_pods(lambda left: not left)
    assert own.processes() == []


def test_a_pod_that_cannot_be_looked_after_is_told_and_tried_again(own: Own) -> None:
    cluster = own.up()
    folder = own.state / "pods"
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("in the way")
    name = run(cluster, _marked(own))
    event(cluster, name, "FailedSync", "error syncing pod, retrying")
    folder.unlink()
    cluster.until("pods", name, ready)
    cluster.delete("pods", name)
    cluster.until_gone("pods", name)
    assert own.processes() == []


def test_no_adopted_pod_loses_its_readiness(own: Own) -> None:
    cluster = own.up()
    seldom = {"initialDelaySeconds": 20, "periodSeconds": 600}
    slow = pod(web(readinessProbe={"httpGet": {"path": "/up", "port": 8080}, **seldom}))
    quick = pod(web(readinessProbe={"httpGet": {"path": "/up", "port": 8080}, "periodSeconds": 1}))
    started = pod(web(startupProbe={"tcpSocket": {"port": 8080}}, livenessProbe={"tcpSocket": {"port": 8080}}))
    bodies = [each | {"spec": each["spec"] | {"volumes": [STATUS_VOLUME]}} for each in (slow, quick, started)]
    names = [run(cluster, each) for each in [*bodies, _marked(own)]]
    for each in names:
        cluster.until("pods", each, ready)
    told = len(_unhealthy(cluster))
    own.kill()
    cluster = own.up()
    probed = 'probe_type="Liveness",result="successful"'
    nodes = [f"/api/v1/nodes/sandbox-{number}/proxy/metrics/probes" for number in (1, 2)]
    deadline = time.monotonic() + 10
    while probed not in "".join(cluster.request("GET", each) for each in nodes):
        assert time.monotonic() < deadline
        assert all(ready(cluster.get("pods", each)) for each in names)
        time.sleep(0.02)
    assert len(_unhealthy(cluster)) == told


def _unhealthy(cluster: Cluster) -> list[str]:
    heard = (each for each in cluster.list("events") if each["reason"] == "Unhealthy")
    return [each["message"] for each in heard for _ in range(each.get("count") or 1)]


def test_the_log_goes_on_while_there_is_no_daemon(own: Own) -> None:
    cluster = own.up()
    name = run(cluster, _marked(own, "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"))
    found = cluster.until("pods", name, ready)
    file = own.state / "pods" / found["metadata"]["uid"] / "logs" / "main" / "0.log"
    own.kill()
    size = file.stat().st_size
    deadline = time.monotonic() + 5
    while file.stat().st_size <= size and time.monotonic() < deadline:
        time.sleep(0.02)
    numbers = [int(line.split()[-1]) for line in file.read_text().splitlines()]
    assert file.stat().st_size > size
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_sandbox_says_what_runs_its_pods(own: Own) -> None:
    own.up()
    status = json.loads(sandbox_command("status", "--state", str(own.state), "--output", "json").stdout)
    assert status["nodes"] == ["sandbox-1", "sandbox-2"]
    assert status["pod_mode"] in ("plain", "namespaces")
    assert any("NetworkPolicy" in each for each in status["not_enforced"])


def test_a_pod_of_a_stopped_sandbox_can_be_removed_later(own: Own) -> None:
    cluster = own.up()
    name = run(cluster, pod(container(FOREVER)))
    cluster.until("pods", name, ready)
    own.down()
    cluster = own.up()
    cluster.delete("pods", name)
    cluster.until_gone("pods", name)
