"""What becomes of a pod: what it sees, how it is probed, how it fails, how it ends, and what is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster import Cluster, Object, Refused, condition, ready
from tests.conformance.pods import Image, end, event, log, phase, status_of, terminated, waiting
from tests.conformance.streams import follow, run


def test_a_pod_that_does_its_work_succeeds(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("echo done"))
    pod = cluster.until("pods", "pod", phase("Succeeded"))
    found = terminated(pod)
    assert (found["exitCode"], found["reason"]) == (0, "Completed")
    assert pod["status"]["podIP"]
    assert pod["spec"]["nodeName"]
    assert log(cluster, "pod") == "done\n"


def test_a_pod_that_fails_says_how(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("echo the reason > /dev/termination-log; exit 3"))
    found = terminated(cluster.until("pods", "pod", phase("Failed")))
    assert (found["exitCode"], found["reason"], found["message"]) == (3, "Error", "the reason\n")


def test_the_events_of_a_pod_tell_its_start(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    for reason in ("Scheduled", "Created", "Started"):
        found = event(cluster, "pod", reason)
        assert (found["type"], found["involvedObject"]["kind"]) == ("Normal", "Pod")


# -- what a container sees


def test_environment_from_configuration_and_the_pod_itself(cluster: Cluster, image: Image) -> None:
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"A": "1", "B": "2"}})
    cluster.create("secrets", {"metadata": {"name": "key"}, "stringData": {"token": "s3cret"}})
    env = [
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "key", "key": "token"}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "B", "value": "over"},
        {"name": "ALL", "value": "$(A)-$(B)-$(TOKEN)-$(NAME)-$(UNKNOWN)-$$(A)"},
    ]
    source = [{"configMapRef": {"name": "settings"}}]
    pod = image.once('printf %s "$ALL" > /dev/termination-log', env=env, envFrom=source)
    assert end(cluster, pod)["message"] == "1-over-s3cret-pod-$(UNKNOWN)-$(A)"


def test_volumes_from_configuration_and_an_empty_one(cluster: Cluster, image: Image) -> None:
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"file": "content"}})
    volumes = [{"name": "config", "configMap": {"name": "settings"}}, {"name": "work", "emptyDir": {}}]
    mounts = [{"name": "config", "mountPath": "/config"}, {"name": "work", "mountPath": "/work"}]
    script = "cp /config/file /work/copy && cat /work/copy > /dev/termination-log"
    assert end(cluster, image.once(script, spec={"volumes": volumes}, volumeMounts=mounts))["message"] == "content"


def test_init_containers_run_first_and_one_after_the_other(cluster: Cluster, image: Image) -> None:
    mounts = [{"name": "work", "mountPath": "/work"}]
    first, second = (
        image.container(f"echo {each} >> /work/order", volumeMounts=mounts) | {"name": each} for each in ("a", "b")
    )
    spec = {"initContainers": [first, second], "volumes": [{"name": "work", "emptyDir": {}}]}
    found = end(cluster, image.once("cat /work/order > /dev/termination-log", spec=spec, volumeMounts=mounts))
    assert found["message"] == "a\nb\n"


def test_an_init_container_that_fails_keeps_the_others_from_starting(cluster: Cluster, image: Image) -> None:
    spec = {"initContainers": [image.container("exit 4") | {"name": "first"}]}
    cluster.create("pods", image.once("true", spec=spec))
    pod = cluster.until("pods", "pod", phase("Failed"))
    assert status_of(pod, "initContainerStatuses")["state"]["terminated"]["exitCode"] == 4
    assert status_of(pod)["state"]["waiting"]["reason"] == "PodInitializing"


# -- what cannot start


def test_configuration_that_is_missing_is_waited_for(cluster: Cluster, image: Image) -> None:
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}]
    cluster.create("pods", image.once("true", env=env))
    pod = cluster.until("pods", "pod", waiting("CreateContainerConfigError"))
    assert status_of(pod)["state"]["waiting"]["message"] == 'configmap "settings" not found'
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "1"}})
    cluster.until("pods", "pod", phase("Succeeded"))


def test_an_image_that_is_missing_is_told(cluster: Cluster, image: Image) -> None:
    pod = image.once("true")
    pod["spec"]["containers"][0]["image"] = "127.0.0.1:1/nobody/has/this:1"
    cluster.create("pods", pod)
    found = cluster.until("pods", "pod", waiting("ErrImagePull"))
    assert 'failed to pull and unpack image "127.0.0.1:1/nobody/has/this:1"' in json.dumps(found).replace("\\", "")
    cluster.until("pods", "pod", waiting("ImagePullBackOff"))
    assert phase("Pending")(cluster.get("pods", "pod"))


def test_a_program_that_is_missing_is_told(cluster: Cluster, image: Image) -> None:
    pod = image.once("true")
    pod["spec"]["containers"][0]["command"] = ["/no/such/program"]
    found = end(cluster, pod)
    assert (found["reason"], found["exitCode"]) == ("StartError", 128)
    assert "/no/such/program" in found["message"]


def test_a_pod_that_fits_nowhere_waits(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("true", spec={"nodeSelector": {"acme.example/no": "such"}}))
    pod = cluster.until("pods", "pod", lambda each: condition(each, "PodScheduled").get("status") == "False")
    assert condition(pod, "PodScheduled")["reason"] == "Unschedulable"
    assert "nodes are available" in event(cluster, "pod", "FailedScheduling")["message"]


# -- what keeps failing


def test_a_container_that_keeps_failing_is_restarted_ever_later(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod("echo round; exit 7"))
    pod = cluster.until("pods", "pod", waiting("CrashLoopBackOff"))
    status = status_of(pod)
    assert status["restartCount"] >= 1
    assert status["lastState"]["terminated"]["exitCode"] == 7
    assert status["state"]["waiting"]["message"].startswith("back-off ")
    assert not ready(pod)
    assert phase("Running")(pod)
    assert log(cluster, "pod", previous="true") == "round\n"
    assert event(cluster, "pod", "BackOff")["type"] == "Warning"


def test_on_failure_restarts_until_success(cluster: Cluster, image: Image) -> None:
    mounts = [{"name": "work", "mountPath": "/work"}]
    spec = {"restartPolicy": "OnFailure", "volumes": [{"name": "work", "emptyDir": {}}]}
    script = "test -e /work/been && exit 0; touch /work/been; exit 1"
    cluster.create("pods", image.pod(script, spec=spec, volumeMounts=mounts))
    assert status_of(cluster.until("pods", "pod", phase("Succeeded")))["restartCount"] == 1


# -- probes


def probed(image: Image, **probes: Any) -> Object:
    """A pod whose probes look for files below /work."""
    volume = {"volumes": [{"name": "work", "emptyDir": {}}]}
    script = "trap 'exit 0' TERM; touch /work/alive /work/started; while true; do sleep 0.1; done"
    mounts = [{"name": "work", "mountPath": "/work"}]
    return image.pod(script, spec=volume, volumeMounts=mounts, **probes)


def probe(file: str, **fields: Any) -> Object:
    command = {"command": ["/bin/sh", "-c", f"test -e {file}"]}
    return {"exec": command, "periodSeconds": 1, "failureThreshold": 1, **fields}


def test_readiness_comes_and_goes_with_its_probe(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", probed(image, readinessProbe=probe("/work/ready")))
    event(cluster, "pod", "Unhealthy")
    assert not ready(cluster.get("pods", "pod"))
    assert run(cluster, "pod", "touch /work/ready") == (0, "", "")
    cluster.until("pods", "pod", ready)
    assert run(cluster, "pod", "rm /work/ready") == (0, "", "")
    pod = cluster.until("pods", "pod", lambda each: not ready(each))
    assert (condition(pod, "Ready")["reason"], status_of(pod)["restartCount"]) == ("ContainersNotReady", 0)


def test_a_container_that_is_not_alive_is_restarted(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", probed(image, livenessProbe=probe("/work/alive", initialDelaySeconds=1)))
    cluster.until("pods", "pod", ready)
    assert run(cluster, "pod", "rm /work/alive") == (0, "", "")
    pod = cluster.until("pods", "pod", lambda each: status_of(each).get("restartCount") == 1)
    assert phase("Running")(pod)
    assert "failed liveness probe, will be restarted" in event(cluster, "pod", "Killing")["message"]


def test_nothing_else_is_probed_before_the_start_is_done(cluster: Cluster, image: Image) -> None:
    startup, liveness = probe("/work/up", failureThreshold=100), probe("/work/never")
    cluster.create("pods", probed(image, startupProbe=startup, livenessProbe=liveness))
    pod = cluster.until("pods", "pod", lambda each: status_of(each).get("started") is False and phase("Running")(each))
    assert (status_of(pod)["restartCount"], ready(pod)) == (0, False)
    assert run(cluster, "pod", "touch /work/up") == (0, "", "")
    cluster.until("pods", "pod", lambda each: status_of(each)["restartCount"] == 1, "a restart by the liveness probe")


# -- the end


def test_a_pod_is_asked_to_end_and_may_end_in_order(cluster: Cluster, image: Image) -> None:
    script = "trap 'echo asked; exit 0' TERM; echo up; while true; do sleep 0.1; done"
    cluster.create("pods", image.pod(script, spec={"terminationGracePeriodSeconds": 30}))
    cluster.until("pods", "pod", ready)
    lines = follow(cluster, "pod")
    assert next(lines) == "up\n"
    cluster.delete("pods", "pod")
    assert list(lines) == ["asked\n"]
    cluster.until_gone("pods", "pod")


def test_a_pod_that_does_not_listen_is_killed_after_its_grace(cluster: Cluster, image: Image) -> None:
    script = "trap '' TERM; while true; do sleep 0.1; done"
    cluster.create("pods", image.pod(script))
    cluster.until("pods", "pod", ready)
    cluster.delete("pods", "pod")
    cluster.until_gone("pods", "pod")
    assert "Stopping container main" in event(cluster, "pod", "Killing")["message"]


# -- logs and commands


def test_a_part_of_a_log(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("for each in 1 2 3; do echo line $each; done"))
    cluster.until("pods", "pod", phase("Succeeded"))
    assert log(cluster, "pod", tailLines=2) == "line 2\nline 3\n"
    assert log(cluster, "pod", limitBytes=6) == "line 1"
    stamped = log(cluster, "pod", timestamps="true").splitlines()
    assert [each.partition(" ")[2] for each in stamped] == ["line 1", "line 2", "line 3"]
    with pytest.raises(Refused, match="previous terminated container"):
        log(cluster, "pod", previous="true")


def test_a_log_is_followed_to_its_end(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("for each in 1 2 3; do echo $each; sleep 0.2; done"))
    cluster.until("pods", "pod", phase("Running", "Succeeded"))
    assert list(follow(cluster, "pod")) == ["1\n", "2\n", "3\n"]


def test_a_command_runs_in_a_container(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(env=[{"name": "A", "value": "1"}]))
    cluster.until("pods", "pod", ready)
    assert run(cluster, "pod", "echo out $A; echo err >&2; exit 3") == (3, "out 1\n", "err\n")
