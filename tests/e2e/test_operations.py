"""Operations as commands: what they say, what they leave, and what comes after one that was killed."""

from __future__ import annotations

import json
import signal

import pytest

from tests.cluster import Cluster
from tests.e2e.command import Stack


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    done = stack.run("deploy", "{}", "--headless")
    assert done.returncode == 0, done.stderr
    return stack


def replicas(cluster: Cluster) -> int:
    return int(cluster.get("deployments", "hello")["spec"]["replicas"])


def test_a_scale_says_what_it_did_and_its_undo_takes_it_back(deployed: Stack, cluster: Cluster) -> None:
    before = replicas(cluster)
    verdict = deployed.json("scale", "{}", "hello=4")["verdict"]
    assert verdict["release"] == 2
    assert replicas(cluster) == 4
    assert verdict["undo"].startswith(f"stack-console rollback {deployed.name} ")
    assert verdict["undo"].endswith(" --to 1")
    done = deployed.run("rollback", "{}", "--to", "1")
    assert done.returncode == 0, done.stderr
    assert replicas(cluster) == before


def test_stop_needs_a_yes_and_start_brings_everything_back(deployed: Stack, cluster: Cluster) -> None:
    before = replicas(cluster)
    refused = deployed.run("stop", "{}")
    assert (refused.returncode, replicas(cluster)) == (19, before)
    assert "add: --yes" in refused.stderr
    assert deployed.run("stop", "{}", "--yes").returncode == 0
    assert cluster.list("pods") == []
    assert deployed.run("status", "{}").returncode == 0
    assert deployed.run("start", "{}").returncode == 0
    assert replicas(cluster) == before


def test_nothing_is_waited_for_when_nobody_wants_to_know(deployed: Stack, cluster: Cluster) -> None:
    verdict = deployed.json("scale", "{}", "hello=3", "--no-wait")["verdict"]
    assert "wait" not in dict(verdict["phases"])
    assert replicas(cluster) == 3


@pytest.mark.parametrize("words", [("scale", "{}", "hello=3"), ("restart", "{}"), ("rollback", "{}", "--to", "1")])
def test_nothing_is_changed_in_read_only_mode(deployed: Stack, cluster: Cluster, words: tuple[str, ...]) -> None:
    before = cluster.get("deployments", "hello")["metadata"]["resourceVersion"]
    done = deployed.run(*words, "--read-only")
    assert done.returncode == 19
    assert f"`{words[0]}` is refused in read-only mode" in done.stderr
    assert cluster.get("deployments", "hello")["metadata"]["resourceVersion"] == before


def kill_while_waiting(deployed: Stack, *words: str) -> None:
    """Kills a command that has begun to wait for pods."""
    process = deployed.start(*words)
    assert process.stderr
    for line in process.stderr:
        if "wait until hello is ready: ..." in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_what_was_killed_is_told_and_can_be_undone(deployed: Stack, cluster: Cluster) -> None:
    before = replicas(cluster)
    kill_while_waiting(deployed, "scale", "{}", "hello=5")
    assert replicas(cluster) == 5
    status = deployed.run("status", "{}")
    assert "interrupted: `stack-console scale" in status.stdout
    told = json.loads(deployed.run("status", "{}", "--output", "json").stdout)["interrupted"]
    assert told["command"].endswith("hello=5")
    done = deployed.run("rollback", "{}")
    assert done.returncode == 0, done.stderr
    assert "was interrupted" in done.stdout
    assert replicas(cluster) == before
    assert "interrupted" not in deployed.run("status", "{}").stdout


def test_what_was_killed_is_finished_by_the_same_command(deployed: Stack, cluster: Cluster) -> None:
    kill_while_waiting(deployed, "restart", "{}")
    done = deployed.run("restart", "{}")
    assert done.returncode == 0, done.stderr
    assert "interrupted" not in deployed.run("status", "{}").stdout
    cluster.until("deployments", "hello", lambda each: each["status"].get("availableReplicas") == replicas(cluster))


def test_drift_is_told_and_written_to_the_file_it_stands_in(deployed: Stack, cluster: Cluster) -> None:
    count = replicas(cluster)
    cluster.patch("deployments", "hello", {"spec": {"replicas": count + 1}})
    told = deployed.run("drift", "{}", "--exit-code")
    assert told.returncode == 3
    assert "deployment/hello spec.replicas" in told.stdout
    refused = deployed.run("drift", "{}", "--write")
    assert (refused.returncode, f"+  replicas: {count + 1}" in refused.stderr) == (19, True)
    before = (deployed.folder / "hello.yaml").read_text()
    assert deployed.run("drift", "{}", "--write", "--yes").returncode == 0
    written = (deployed.folder / "hello.yaml").read_text()
    assert written == before.replace(f"  replicas: {count}", f"  replicas: {count + 1}", 1)
    assert deployed.run("deploy", "{}", "--headless").returncode == 0
    assert replicas(cluster) == count + 1
    assert deployed.run("drift", "{}", "--exit-code").returncode == 0
