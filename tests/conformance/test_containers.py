"""Containers in a pod: their order, hooks, sidecars, volumes, environment, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object, condition, ready
from tests.conformance.pods import FOREVER, Image, end, event, log, phase, status_of, terminated, waiting
from tests.conformance.streams import run

WORK = {"volumes": [{"name": "work", "emptyDir": {}}]}
MOUNTS = [{"name": "work", "mountPath": "/work"}]


def named(container: Object, name: str, **fields: Any) -> Object:
    return container | {"name": name} | fields


def on_term(script: str) -> str:
    """Runs until it is asked to end, and then runs a script."""
    return f"trap '{script}; exit 0' TERM; while true; do sleep 0.1; done"


def container_of(pod: Object, name: str) -> Object:
    """The status of a container, of whichever kind."""
    kinds = ("initContainerStatuses", "containerStatuses")
    found = [each for kind in kinds for each in pod["status"].get(kind) or () if each["name"] == name]
    status: Object = found[0] if found else {}
    return status


# -- sidecars and init containers


def test_a_sidecar_is_there_before_the_others_and_while_they_run(cluster: Cluster, image: Image) -> None:
    command = ["/bin/sh", "-c", "test -e /work/up"]
    probe = {"exec": {"command": command}, "periodSeconds": 1, "failureThreshold": 100}
    script = f"sleep 1; touch /work/up; {FOREVER}"
    sidecar = named(image.container(script, volumeMounts=MOUNTS), "side", restartPolicy="Always", startupProbe=probe)
    cluster.create(
        "pods", image.once("test -e /work/up", spec={"initContainers": [sidecar], **WORK}, volumeMounts=MOUNTS)
    )
    pod = cluster.until("pods", "pod", phase("Succeeded", "Failed"))
    assert container_of(pod, "main")["state"]["terminated"]["exitCode"] == 0
    assert phase("Succeeded")(pod)
    assert "terminated" in container_of(pod, "side")["state"]


def test_a_sidecar_that_ends_is_started_again(cluster: Cluster, image: Image) -> None:
    sidecar = named(image.container("exit 0"), "side", restartPolicy="Always")
    cluster.create("pods", image.pod(spec={"initContainers": [sidecar]}))
    pod = cluster.until("pods", "pod", lambda each: container_of(each, "side").get("restartCount", 0) >= 1)
    assert container_of(pod, "main").get("restartCount", 0) == 0


def test_a_sidecar_ends_after_the_others(cluster: Cluster, image: Image) -> None:
    script = on_term("test -e /work/main-ended && echo last > /dev/termination-log")
    sidecar = named(image.container(script, volumeMounts=MOUNTS), "side", restartPolicy="Always")
    main = on_term("sleep 1; touch /work/main-ended")
    spec = {"initContainers": [sidecar], "terminationGracePeriodSeconds": 20, **WORK}
    pod = image.pod(main, spec=spec, volumeMounts=MOUNTS)
    pod["metadata"]["finalizers"] = ["acme.example/look"]
    cluster.create("pods", pod)
    cluster.until("pods", "pod", ready)
    cluster.delete("pods", "pod")
    last = cluster.until("pods", "pod", lambda each: container_of(each, "side").get("state", {}).get("terminated"))
    assert container_of(last, "side")["state"]["terminated"].get("message") == "last\n"
    cluster.patch("pods", "pod", {"metadata": {"finalizers": None}})


def test_an_init_container_that_fails_is_tried_again(cluster: Cluster, image: Image) -> None:
    script = "test -e /work/been && exit 0; touch /work/been; exit 1"
    first = named(image.container(script, volumeMounts=MOUNTS), "first")
    cluster.create("pods", image.pod(spec={"initContainers": [first], **WORK}))
    pod = cluster.until("pods", "pod", ready)
    assert container_of(pod, "first")["restartCount"] == 1
    assert container_of(pod, "first")["state"]["terminated"]["reason"] == "Completed"


def test_a_pod_says_what_it_waits_for_while_it_is_initialized(cluster: Cluster, image: Image) -> None:
    first = named(image.container(FOREVER), "first")
    cluster.create("pods", image.pod(spec={"initContainers": [first]}))
    pod = cluster.until("pods", "pod", lambda each: "running" in container_of(each, "first").get("state", {}))
    found = condition(pod, "Initialized")
    assert (found["status"], found["reason"]) == ("False", "ContainersNotInitialized")
    assert found["message"] == "containers with incomplete status: [first]"
    assert container_of(pod, "main")["state"]["waiting"]["reason"] == "PodInitializing"


# -- hooks and the end


def test_a_command_after_the_start_runs_before_the_pod_is_running(cluster: Cluster, image: Image) -> None:
    hook = {"postStart": {"exec": {"command": ["/bin/sh", "-c", "touch /work/hooked"]}}}
    cluster.create("pods", image.pod(spec=WORK, volumeMounts=MOUNTS, lifecycle=hook))
    cluster.until("pods", "pod", ready)
    assert run(cluster, "pod", "test -e /work/hooked")[0] == 0


def test_a_hook_after_the_start_that_fails_ends_the_container(cluster: Cluster, image: Image) -> None:
    hook = {"postStart": {"exec": {"command": ["/bin/sh", "-c", "exit 5"]}}}
    cluster.create("pods", image.pod(lifecycle=hook))
    assert event(cluster, "pod", "FailedPostStartHook")["type"] == "Warning"
    cluster.until("pods", "pod", lambda each: status_of(each).get("restartCount", 0) >= 1)


def test_a_command_before_the_end_runs_before_the_signal(cluster: Cluster, image: Image) -> None:
    hook = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 1; touch /work/hooked"]}}}
    script = on_term("test -e /work/hooked && echo in order > /dev/termination-log")
    spec = {"terminationGracePeriodSeconds": 20, **WORK}
    pod = image.pod(script, spec=spec, volumeMounts=MOUNTS, lifecycle=hook)
    pod["metadata"]["finalizers"] = ["acme.example/look"]
    cluster.create("pods", pod)
    cluster.until("pods", "pod", ready)
    cluster.delete("pods", "pod")
    last = cluster.until("pods", "pod", terminated)
    assert terminated(last).get("message") == "in order\n"
    cluster.patch("pods", "pod", {"metadata": {"finalizers": None}})


def test_the_end_of_the_log_stands_in_for_last_words(cluster: Cluster, image: Image) -> None:
    pod = image.once("echo what went wrong; exit 1", terminationMessagePolicy="FallbackToLogsOnError")
    assert end(cluster, pod)["message"] == "what went wrong\n"


def test_a_pod_may_run_only_so_long(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once(FOREVER, spec={"activeDeadlineSeconds": 1}))
    pod = cluster.until("pods", "pod", phase("Failed"))
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert "active on the node longer than the specified deadline" in pod["status"]["message"]


def test_a_container_that_takes_too_much_memory_is_killed(cluster: Cluster, image: Image) -> None:
    script = "x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done"
    limits = {"limits": {"memory": "32Mi"}, "requests": {"cpu": "1m"}}
    found = end(cluster, image.once(script, resources=limits))
    assert (found["reason"], found["exitCode"]) == ("OOMKilled", 137)


def test_a_pod_that_ends_is_not_ready(cluster: Cluster, image: Image) -> None:
    script = on_term("sleep 2")
    cluster.create("pods", image.pod(script, spec={"terminationGracePeriodSeconds": 20}))
    since = cluster.until("pods", "pod", ready)["metadata"]["resourceVersion"]
    cluster.delete("pods", "pod")
    seen = []
    for change in cluster.watch("pods", name="pod", since=since):
        seen.append((change["type"], bool(change["object"]["metadata"].get("deletionTimestamp"))))
        if change["type"] == "DELETED":
            break
    assert seen[0] == ("MODIFIED", True)


def test_a_pod_is_deleted_at_once_when_no_grace_is_given(cluster: Cluster, image: Image) -> None:
    script = "trap '' TERM; while true; do sleep 0.1; done"
    cluster.create("pods", image.pod(script, spec={"terminationGracePeriodSeconds": 60}))
    cluster.until("pods", "pod", ready)
    cluster.delete("pods", "pod", gracePeriodSeconds=0)
    assert cluster.find("pods", "pod") is None


def test_the_grace_of_a_deletion_is_written_on_the_pod(cluster: Cluster, image: Image) -> None:
    script = on_term("sleep 5")
    cluster.create("pods", image.pod(script, spec={"terminationGracePeriodSeconds": 60}))
    cluster.until("pods", "pod", ready)
    cluster.delete("pods", "pod", gracePeriodSeconds=30)
    found = cluster.get("pods", "pod")["metadata"]
    assert (found["deletionGracePeriodSeconds"], bool(found["deletionTimestamp"])) == (30, True)
    cluster.delete("pods", "pod", gracePeriodSeconds=0)


# -- what cannot start


@pytest.mark.parametrize(
    ("image_name", "policy", "reason"),
    [("acme/Not A Name", "Always", "InvalidImageName"), ("acme.example/not/here:1", "Never", "ErrImageNeverPull")],
)
def test_an_image_that_cannot_be_is_told(
    cluster: Cluster, image: Image, image_name: str, policy: str, reason: str
) -> None:
    pod = image.once("true", imagePullPolicy=policy)
    pod["spec"]["containers"][0]["image"] = image_name
    cluster.create("pods", pod)
    cluster.until("pods", "pod", waiting(reason))


def test_a_key_that_is_missing_is_named(cluster: Cluster, image: Image) -> None:
    cluster.create("secrets", {"metadata": {"name": "key"}, "stringData": {"a": "1"}})
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "key", "key": "b"}}}]
    cluster.create("pods", image.once("true", env=env))
    pod = cluster.until("pods", "pod", waiting("CreateContainerConfigError"))
    message = status_of(pod)["state"]["waiting"]["message"]
    assert message == f"couldn't find key b in Secret {cluster.namespace}/key"


def test_what_may_be_missing_is_left_out(cluster: Cluster, image: Image) -> None:
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "a", "optional": True}}}]
    volumes = [{"name": "config", "configMap": {"name": "no", "optional": True}}]
    pod = image.once(
        'test -z "${A+set}" && test -d /config',
        spec={"volumes": volumes},
        env=env,
        envFrom=[{"secretRef": {"name": "no", "optional": True}}],
        volumeMounts=[{"name": "config", "mountPath": "/config"}],
    )
    assert end(cluster, pod)["exitCode"] == 0


def test_a_volume_that_cannot_be_mounted_is_told(cluster: Cluster, image: Image) -> None:
    volumes = [{"name": "config", "configMap": {"name": "settings"}}]
    mounts = [{"name": "config", "mountPath": "/config"}]
    cluster.create("pods", image.once("true", spec={"volumes": volumes}, volumeMounts=mounts))
    message = 'MountVolume.SetUp failed for volume "config" : configmap "settings" not found'
    assert event(cluster, "pod", "FailedMount")["message"] == message
    assert status_of(cluster.get("pods", "pod"))["state"]["waiting"]["reason"] == "ContainerCreating"


# -- environment and volumes


def test_a_whole_secret_becomes_variables_with_a_prefix(cluster: Cluster, image: Image) -> None:
    cluster.create("secrets", {"metadata": {"name": "key"}, "stringData": {"a": "1", "b": "2"}})
    source = [{"prefix": "K_", "secretRef": {"name": "key"}}]
    pod = image.once('printf %s "$K_a$K_b" > /dev/termination-log', envFrom=source)
    assert end(cluster, pod)["message"] == "12"


def test_resources_become_variables(cluster: Cluster, image: Image) -> None:
    env = [
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}}},
    ]
    resources = {"limits": {"cpu": "250m", "memory": "64Mi"}, "requests": {"cpu": "1m", "memory": "32Mi"}}
    pod = image.once('printf "$CPU $MEMORY" > /dev/termination-log', env=env, resources=resources)
    assert end(cluster, pod)["message"] == "250 32"


def test_fields_of_the_pod_become_variables(cluster: Cluster, image: Image) -> None:
    paths = {
        "NAMESPACE": "metadata.namespace",
        "LABEL": "metadata.labels['app']",
        "ACCOUNT": "spec.serviceAccountName",
        "NODE": "spec.nodeName",
        "IP": "status.podIP",
    }
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in paths.items()]
    pod = image.once('printf "$NAMESPACE $LABEL $ACCOUNT $NODE $IP" > /dev/termination-log', env=env)
    found = end(cluster, pod)["message"].split()
    made = cluster.get("pods", "pod")
    assert found == [cluster.namespace, "pod", "default", made["spec"]["nodeName"], made["status"]["podIP"]]


def test_services_are_known_by_variables(cluster: Cluster, image: Image) -> None:
    spec = {"ports": [{"name": "http", "port": 80}]}
    address = cluster.create("services", {"metadata": {"name": "my-web"}, "spec": spec})["spec"]["clusterIP"]
    pod = image.once('printf "$MY_WEB_SERVICE_HOST:$MY_WEB_SERVICE_PORT" > /dev/termination-log')
    assert end(cluster, pod)["message"] == f"{address}:80"


def test_a_secret_is_a_volume_with_the_rights_it_asks_for(cluster: Cluster, image: Image) -> None:
    cluster.create("secrets", {"metadata": {"name": "key"}, "stringData": {"a": "one", "b": "two"}})
    source = {"secretName": "key", "defaultMode": 0o400, "items": [{"key": "a", "path": "deep/file"}]}
    pod = image.once(
        "cat /secret/deep/file > /dev/termination-log; test ! -e /secret/b"
        ' && test -z "$(find -L /secret/deep -perm /044 -type f)"',
        spec={"volumes": [{"name": "secret", "secret": source}]},
        volumeMounts=[{"name": "secret", "mountPath": "/secret"}],
    )
    found = end(cluster, pod)
    assert (found["message"], found["exitCode"]) == ("one", 0)


def test_several_sources_are_one_volume(cluster: Cluster, image: Image) -> None:
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "1"}})
    cluster.create("secrets", {"metadata": {"name": "key"}, "stringData": {"b": "2"}})
    sources = [
        {"configMap": {"name": "settings"}},
        {"secret": {"name": "key"}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    pod = image.once(
        "cd /all && cat a b labels > /dev/termination-log",
        spec={"volumes": [{"name": "all", "projected": {"sources": sources}}]},
        volumeMounts=[{"name": "all", "mountPath": "/all"}],
    )
    assert end(cluster, pod)["message"] == '12app="pod"'


def test_one_file_of_a_volume_is_mounted_alone(cluster: Cluster, image: Image) -> None:
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"file": "content"}})
    pod = image.once(
        "cat /etc/acme.conf > /dev/termination-log",
        spec={"volumes": [{"name": "config", "configMap": {"name": "settings"}}]},
        volumeMounts=[{"name": "config", "mountPath": "/etc/acme.conf", "subPath": "file"}],
    )
    assert end(cluster, pod)["message"] == "content"


def test_an_empty_volume_outlives_its_containers(cluster: Cluster, image: Image) -> None:
    script = f"test -e /work/been && {{ {FOREVER}; }}; touch /work/been; exit 1"
    cluster.create("pods", image.pod(script, spec=WORK, volumeMounts=MOUNTS))
    pod = cluster.until("pods", "pod", lambda each: status_of(each).get("restartCount") == 1 and ready(each))
    assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 1


def test_a_volume_follows_its_configuration(cluster: Cluster, image: Image) -> None:
    """A kubelet looks about once a minute."""
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"file": "old"}})
    script = "until grep -q new /config/file; do sleep 0.2; done; printf $A > /dev/termination-log"
    pod = image.once(
        script,
        spec={"volumes": [{"name": "config", "configMap": {"name": "settings"}}]},
        env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "file"}}}],
        volumeMounts=[{"name": "config", "mountPath": "/config"}],
    )
    cluster.create("pods", pod)
    cluster.until("pods", "pod", phase("Running"))
    cluster.patch("configmaps", "settings", {"data": {"file": "new"}})
    assert terminated(cluster.until("pods", "pod", phase("Succeeded")))["message"] == "old"


def test_a_container_begins_in_the_folder_it_asks_for(cluster: Cluster, image: Image) -> None:
    pod = image.once("pwd | grep -q /work$ && touch here", spec=WORK, volumeMounts=MOUNTS, workingDir="/work")
    assert end(cluster, pod)["exitCode"] == 0


def test_containers_of_a_pod_are_told_apart_by_name(cluster: Cluster, image: Image) -> None:
    both = [named(image.container(f"echo {each}; {FOREVER}"), each) for each in ("one", "two")]
    cluster.create("pods", image.pod(spec={"containers": both}))
    cluster.until("pods", "pod", ready)
    assert [log(cluster, "pod", container=each) for each in ("one", "two")] == ["one\n", "two\n"]
