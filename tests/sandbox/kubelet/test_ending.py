"""How containers and pods end: by themselves, by a probe, by request, by force."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, condition, ready
from tests.conftest import Sandbox
from tests.sandbox.kubelet.pods import (
    FOREVER,
    POD_IP,
    container,
    event,
    last,
    once,
    pod,
    run,
    shell,
    status_of,
    terminated,
    waiting,
)

Object = dict[str, Any]
WORK: list[Object] = [{"name": "work", "mountPath": "/work"}]
WORK_VOLUME: Object = {"name": "work", "emptyDir": {}}


def _phase(name: str) -> Any:
    return lambda each: each["status"].get("phase") == name


def _alive(pid: str) -> bool:
    assert pid.isdigit()
    return Path(f"/proc/{pid}").exists()


def _written(sandbox: Sandbox, found: Object, name: str) -> str:
    """Waits until a file in the pod's volume `work` is there and whole (ends in a newline)."""
    file = Path(sandbox.state, "pods", found["metadata"]["uid"], "volumes", "work", name)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if file.exists() and (text := file.read_text()).endswith("\n"):
            return text.strip()
        time.sleep(0.01)
    raise AssertionError(f"nobody wrote {file}")


# -- by themselves


@pytest.mark.parametrize(
    ("script", "code", "reason", "phase"),
    [
        ("exit 0", 0, "Completed", "Succeeded"),
        ("exit 7", 7, "Error", "Failed"),
        ("kill -9 $$$$", 137, "Error", "Failed"),  # `$$` stands for one `$`
    ],
)
def test_a_pod_that_runs_once_ends_as_its_process(
    cluster: Cluster, script: str, code: int, reason: str, phase: str
) -> None:
    found = cluster.until("pods", run(cluster, once(script)), _phase(phase))
    assert (terminated(found)["exitCode"], terminated(found)["reason"]) == (code, reason)
    expected = "PodCompleted" if phase == "Succeeded" else "PodFailed"
    assert condition(found, "Ready") | {"lastTransitionTime": ""} == {
        "type": "Ready",
        "status": "False",
        "reason": expected,
        "lastTransitionTime": "",
    }


def test_a_crash_loop_backs_off_and_keeps_the_last_end(cluster: Cluster) -> None:
    script = "echo -n because > /dev/termination-log; exit 4"
    name = run(cluster, pod(container(shell(script))))
    found = cluster.until("pods", name, waiting("CrashLoopBackOff"))
    assert last(found)["exitCode"] == 4
    assert last(found)["message"] == "because"
    assert status_of(found)["restartCount"] == 1
    uid = found["metadata"]["uid"]
    expected = f"restarting failed container=main pod={name}_{cluster.namespace}({uid})"
    assert status_of(found)["state"]["waiting"]["message"] == f"back-off 1s {expected}"
    full = f"{name}_{cluster.namespace}({uid})"
    assert event(cluster, name, "BackOff")["message"] == f"Back-off restarting failed container main in pod {full}"
    begun = time.monotonic()
    found = cluster.until("pods", name, lambda each: status_of(each)["restartCount"] == 2 and waiting_for(each, "2s"))
    assert 0.5 < time.monotonic() - begun < 10
    assert found["status"]["phase"] == "Running"


def waiting_for(found: Object, delay: str) -> bool:
    told = status_of(found)["state"].get("waiting", {}).get("message", "")
    return bool(told.startswith(f"back-off {delay} "))


def test_only_failures_are_repeated_on_failure(cluster: Cluster) -> None:
    script = "if [ -e /work/once ]; then exit 0; fi; touch /work/once; exit 1"
    body = pod(container(shell(script), volumeMounts=WORK), restartPolicy="OnFailure", volumes=[WORK_VOLUME])
    found = cluster.until("pods", run(cluster, body), _phase("Succeeded"))
    assert status_of(found)["restartCount"] == 1
    assert last(found)["exitCode"] == 1


def test_the_end_of_the_log_stands_in_for_last_words(cluster: Cluster) -> None:
    body = once("echo cannot open the door; exit 1", terminationMessagePolicy="FallbackToLogsOnError")
    found = cluster.until("pods", run(cluster, body), _phase("Failed"))
    assert terminated(found)["message"] == "cannot open the door\n"


def test_too_much_memory_kills_the_container(cluster: Cluster) -> None:
    program = "import time; held = bytearray(200 << 20); time.sleep(60)"
    main = container(["python", "-c", program], resources={"limits": {"memory": "50Mi"}})
    found = cluster.until("pods", run(cluster, pod(main, restartPolicy="Never")), _phase("Failed"))
    assert (terminated(found)["reason"], terminated(found)["exitCode"]) == ("OOMKilled", 137)


def test_memory_counts_for_all_processes_of_a_container(cluster: Cluster) -> None:
    child = "python -c 'import time; held = bytearray(40 << 20); time.sleep(60)'"
    main = container(shell(f"{child} & {child} & wait"), resources={"limits": {"memory": "70Mi"}})
    found = cluster.until("pods", run(cluster, pod(main, restartPolicy="Never")), _phase("Failed"))
    assert terminated(found)["reason"] == "OOMKilled"


def test_a_pod_may_be_active_only_so_long(cluster: Cluster) -> None:
    found = cluster.until("pods", run(cluster, pod(container(FOREVER), activeDeadlineSeconds=1)), _phase("Failed"))
    assert found["status"]["reason"] == "DeadlineExceeded"
    assert found["status"]["message"] == "Pod was active on the node longer than the specified deadline"


# -- by request


def _deleted(cluster: Cluster, name: str, **options: Any) -> float:
    """Deletes a pod; the seconds until it is gone."""
    begun = time.monotonic()
    cluster.delete("pods", name, **options)
    cluster.until_gone("pods", name)
    return time.monotonic() - begun


def test_a_pod_is_asked_to_end_and_goes_when_it_has(cluster: Cluster) -> None:
    script = "trap 'sleep 0.5; exit 0' TERM; while :; do sleep 0.05; done"
    name = run(cluster, pod(container(shell(script)), terminationGracePeriodSeconds=30))
    cluster.until("pods", name, ready)
    assert 0.5 <= _deleted(cluster, name) < 5
    assert event(cluster, name, "Killing")["message"] == "Stopping container main"


def test_who_does_not_end_is_killed_after_the_grace_period(cluster: Cluster, sandbox: Sandbox) -> None:
    script = "trap '' TERM; echo $$$$ > /work/pid; while :; do sleep 0.05; done"
    body = pod(container(shell(script), volumeMounts=WORK), terminationGracePeriodSeconds=2, volumes=[WORK_VOLUME])
    name = run(cluster, body)
    pid = _written(sandbox, cluster.until("pods", name, ready), "pid")
    assert 2 <= _deleted(cluster, name) < 5
    assert not _alive(pid)


def test_a_second_request_with_less_grace_shortens_the_end(cluster: Cluster) -> None:
    script = "trap '' TERM; while :; do sleep 0.05; done"
    name = run(cluster, pod(container(shell(script)), terminationGracePeriodSeconds=60))
    cluster.until("pods", name, ready)
    cluster.delete("pods", name)
    assert _deleted(cluster, name, gracePeriodSeconds=1) < 5


def test_all_that_a_container_has_started_ends_with_it(cluster: Cluster, sandbox: Sandbox) -> None:
    deep = "setsid sh -c 'echo $$$$ > /work/deep; trap \"\" TERM HUP; while :; do sleep 0.05; done' &"
    body = pod(container(shell(f"{deep} exec sleep 600"), volumeMounts=WORK), volumes=[WORK_VOLUME])
    name = run(cluster, body)
    pid = _written(sandbox, cluster.until("pods", name, ready), "deep")
    assert _alive(pid)
    _deleted(cluster, name)
    assert not _alive(pid)


def test_before_the_stop_signal_comes_the_pre_stop_command(cluster: Cluster, sandbox: Sandbox) -> None:
    script = "trap 'test -e /work/asked && sleep 0.2 && exit 0; exit 9' TERM; while :; do sleep 0.05; done"
    hook = {"preStop": {"exec": {"command": ["touch", "/work/asked"]}}}
    other = container(shell("until [ -e /work/asked ]; do sleep 0.05; done"), volumeMounts=WORK) | {"name": "other"}
    main = container(shell(script), lifecycle=hook, volumeMounts=WORK)
    body = pod(main, restartPolicy="Never", terminationGracePeriodSeconds=10, activeDeadlineSeconds=2)
    body["spec"] |= {"volumes": [WORK_VOLUME], "containers": [main, other]}
    found = cluster.until("pods", run(cluster, body), _phase("Failed"))
    assert terminated(found)["exitCode"] == 0


def test_a_pre_stop_sleep_delays_the_stop_signal(cluster: Cluster) -> None:
    hook = {"preStop": {"sleep": {"seconds": 1}}}
    name = run(cluster, pod(container(FOREVER, lifecycle=hook), terminationGracePeriodSeconds=10))
    cluster.until("pods", name, ready)
    assert 1 <= _deleted(cluster, name) < 5


def test_a_failing_pre_stop_is_told_and_delays_nothing(cluster: Cluster) -> None:
    hook = {"preStop": {"exec": {"command": ["false"]}}}
    name = run(cluster, pod(container(FOREVER, lifecycle=hook), terminationGracePeriodSeconds=10))
    cluster.until("pods", name, ready)
    assert _deleted(cluster, name) < 5
    event(cluster, name, "FailedPreStopHook")


def test_a_failing_post_start_ends_the_container(cluster: Cluster) -> None:
    hook = {"postStart": {"exec": {"command": ["false"]}}}
    name = run(cluster, pod(container(FOREVER, lifecycle=hook)))
    event(cluster, name, "FailedPostStartHook")
    cluster.until("pods", name, lambda each: status_of(each).get("restartCount", 0) >= 1)


def test_a_pod_that_ends_still_answers_and_is_not_ready_first(cluster: Cluster) -> None:
    server = (
        "import http.server, os, signal, threading\n"
        "server = http.server.ThreadingHTTPServer((os.environ['POD_IP'], 8080), http.server.SimpleHTTPRequestHandler)\n"
        "signal.signal(15, lambda *_: threading.Timer(1, server.shutdown).start())\n"
        "server.serve_forever(0.05)\n"
    )
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    main = container(["python", "-c", server], env=[POD_IP], readinessProbe=probe)
    name = run(cluster, pod(main, terminationGracePeriodSeconds=10))
    cluster.until("pods", name, ready)
    cluster.delete("pods", name)
    assert "Directory listing" in cluster.request("GET", cluster.path("pods", f"{name}:8080/proxy/"))
    cluster.until_gone("pods", name)


def test_a_pod_removed_by_force_leaves_no_process(cluster: Cluster, sandbox: Sandbox) -> None:
    script = "trap '' TERM; echo $$$$ > /work/pid; while :; do sleep 0.05; done"
    body = pod(container(shell(script), volumeMounts=WORK), terminationGracePeriodSeconds=60, volumes=[WORK_VOLUME])
    name = run(cluster, body)
    pid = _written(sandbox, cluster.until("pods", name, ready), "pid")
    assert _deleted(cluster, name, gracePeriodSeconds=0) < 1
    deadline = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(pid)
