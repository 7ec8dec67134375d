"""How a pod comes up: its environment, its command, its volumes, its init containers, and what stands in the way."""

from __future__ import annotations

import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, condition, ready
from tests.conftest import Sandbox
from tests.sandbox.kubelet.pods import (
    FOREVER,
    container,
    event,
    last,
    message,
    once,
    pod,
    run,
    shell,
    status_of,
    terminated,
    waiting,
)

Object = dict[str, Any]


def _config(cluster: Cluster, name: str, **data: str) -> None:
    cluster.create("configmaps", {"metadata": {"name": name}, "data": data})


def _secret(cluster: Cluster, name: str, **data: str) -> None:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    cluster.create("secrets", {"metadata": {"name": name}, "data": encoded})


def _field(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


# -- environment and command


def test_the_environment_is_that_of_config_maps_secrets_and_the_pod_itself(cluster: Cluster) -> None:
    _config(cluster, "settings", COLOUR="green", SIZE="big")
    _secret(cluster, "keys", token="s3cret")
    limits = {"limits": {"cpu": "250m", "memory": "64Mi"}}
    env = [
        {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}},
        {"name": "TWO", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "nothing", "key": "x", "optional": True}}},
        _field("NAMESPACE", "metadata.namespace"),
        _field("APP", "metadata.labels['app']"),
        _field("NODE", "spec.nodeName"),
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "ALL", "value": "$(ONE)-$(TWO)-$(UNKNOWN)-$$(ONE)"},
    ]
    source = [{"configMapRef": {"name": "settings"}, "prefix": "APP_"}]
    names = '"$ONE $TWO ${NONE-unset} $NAMESPACE $APP $NODE $CPU $MEMORY $ALL $APP_SIZE"'
    body = once(f"printf %s {names} > /dev/termination-log", env=env, envFrom=source, resources=limits)
    body["metadata"]["labels"] = {"app": "web"}
    words = message(cluster, body).split(" ")
    assert words[:2] == ["green", "s3cret"]
    assert words[2:5] == ["unset", cluster.namespace, "web"]
    assert words[5].startswith("sandbox-")
    assert words[6:] == ["250", "64", "green-s3cret-$(UNKNOWN)-$(ONE)", "big"]


def test_nothing_of_the_daemons_environment_reaches_a_pod(cluster: Cluster) -> None:
    names = message(cluster, once("env | cut -d= -f1 | sort | xargs > /dev/termination-log")).split()
    own = {"HOME", "HOSTNAME", "PATH", "PWD", "TMPDIR", "_", "SHLVL", "OLDPWD"}
    assert {each for each in names if not each.startswith("KUBERNETES_")} <= own


def test_command_and_arguments_know_the_variables(cluster: Cluster) -> None:
    main = container(["/bin/sh", "-c"], args=["echo -n $(WORD) > /dev/termination-log"])
    main["env"] = [{"name": "WORD", "value": "hello"}]
    assert message(cluster, pod(main, restartPolicy="Never")) == "hello"


def test_a_service_of_the_namespace_is_known_by_variables_and_by_name_in_urls(cluster: Cluster) -> None:
    service = cluster.create("services", {"metadata": {"name": "my-db"}, "spec": {"ports": [{"port": 5432}]}})
    address = service["spec"]["clusterIP"]
    env = [{"name": "URL", "value": "postgres://user:pw@my-db:5432/data?host=other"}]
    words = message(cluster, once('echo -n "$MY_DB_SERVICE_HOST $URL" > /dev/termination-log', env=env)).split()
    assert words[0] == address
    assert words[1] in (f"postgres://user:pw@{address}:5432/data?host=other", env[0]["value"])


def test_what_is_missing_is_named_and_then_found(cluster: Cluster) -> None:
    env = [{"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "a"}}}]
    name = run(cluster, pod(container(FOREVER, env=env)))
    found = cluster.until("pods", name, waiting("CreateContainerConfigError"))
    assert status_of(found)["state"]["waiting"]["message"] == 'configmap "late" not found'
    assert event(cluster, name, "Failed", "Error:")["message"] == 'Error: configmap "late" not found'
    _config(cluster, "late", b="2")
    event(cluster, name, "Failed", f"Error: couldn't find key a in ConfigMap {cluster.namespace}/late")
    cluster.patch("configmaps", "late", {"data": {"a": "1"}})
    assert status_of(cluster.until("pods", name, ready))["restartCount"] == 0


def test_a_missing_secret_is_named_too(cluster: Cluster) -> None:
    name = run(cluster, pod(container(FOREVER, envFrom=[{"secretRef": {"name": "keys"}}])))
    found = cluster.until("pods", name, waiting("CreateContainerConfigError"))
    assert status_of(found)["state"]["waiting"]["message"] == 'secret "keys" not found'


def test_a_command_that_is_not_there_is_a_start_error(cluster: Cluster) -> None:
    name = run(cluster, pod(container(["no-such-program"])))
    found = cluster.until("pods", name, lambda each: last(each).get("reason") == "StartError")
    assert last(found)["exitCode"] == 128
    assert 'exec: "no-such-program": executable file not found in $PATH' in last(found)["message"]
    event(cluster, name, "Failed", "Error: failed to create containerd task")
    cluster.until("pods", name, waiting("CrashLoopBackOff"))


def test_a_pod_that_starts_once_fails_for_good_without_its_command(cluster: Cluster) -> None:
    name = run(cluster, pod(container(["/no/such/program"]), restartPolicy="Never"))
    found = cluster.until("pods", name, lambda each: each["status"].get("phase") == "Failed")
    assert terminated(found)["reason"] == "StartError"
    assert 'exec: "/no/such/program": stat /no/such/program: no such file or directory' in terminated(found)["message"]


def test_an_image_that_is_not_there_is_pulled_again_and_again(cluster: Cluster) -> None:
    name = run(cluster, pod(container(FOREVER) | {"image": "nothing:1"}))
    cluster.until("pods", name, waiting("ErrImagePull"))
    cluster.until("pods", name, waiting("ImagePullBackOff"))
    event(cluster, name, "BackOff", 'Back-off pulling image "nothing:1"')
    event(cluster, name, "Failed", 'Failed to pull image "nothing:1"')


def test_a_pod_is_ready_soon_after_its_creation(cluster: Cluster) -> None:
    name = run(cluster, pod(container(FOREVER)))
    begun = time.monotonic()
    found = cluster.until("pods", name, ready)
    assert time.monotonic() - begun < 1.5
    types = [each["type"] for each in found["status"]["conditions"]]
    assert set(types) == {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"}
    assert found["status"]["phase"] == "Running"
    for reason, text in (
        ("Pulled", 'image "busybox"'),
        ("Created", "Created container: main"),
        ("Started", "Started container main"),
    ):
        said = event(cluster, name, reason, text)
        assert said["involvedObject"]["fieldPath"] == "spec.containers{main}"
        assert said["source"]["component"] == "kubelet"


# -- init containers


def test_init_containers_run_one_after_the_other_before_the_rest(cluster: Cluster) -> None:
    mounts = [{"name": "work", "mountPath": "/work"}]
    inits = [container(shell(f"echo -n {word} >> /work/words"), volumeMounts=mounts) | {"name": word} for word in "abc"]
    body = once("cat /work/words > /dev/termination-log", volumeMounts=mounts)
    body["spec"] |= {"initContainers": inits, "volumes": [{"name": "work", "emptyDir": {}}]}
    assert message(cluster, body) == "abc"


def test_a_failing_init_container_holds_up_the_pod_and_is_repeated(cluster: Cluster) -> None:
    init = container(shell("exit 3")) | {"name": "first"}
    name = run(cluster, pod(container(FOREVER), initContainers=[init]))
    found = cluster.until(
        "pods", name, lambda each: status_of(each, "initContainerStatuses").get("restartCount", 0) >= 1
    )
    assert found["status"]["phase"] == "Pending"
    assert waiting("PodInitializing")(found)
    assert condition(found, "Initialized")["message"] == "containers with incomplete status: [first]"


def test_a_sidecar_starts_first_and_ends_last(cluster: Cluster) -> None:
    mounts = [{"name": "work", "mountPath": "/work"}]
    script = "trap 'echo sidecar >> /work/words; exit' TERM; echo begun >> /work/words; while :; do sleep 0.05; done"
    sidecar = container(shell(script), volumeMounts=mounts, restartPolicy="Always") | {"name": "side"}
    body = once("cat /work/words > /dev/termination-log; sleep 0.1", volumeMounts=mounts)
    body["spec"] |= {"initContainers": [sidecar], "volumes": [{"name": "work", "emptyDir": {}}]}
    name = run(cluster, body)
    found = cluster.until("pods", name, lambda each: each["status"].get("phase") == "Succeeded")
    assert terminated(found)["message"] == "begun\n"
    assert status_of(found, "initContainerStatuses")["state"]["terminated"]["exitCode"] == 0


# -- volumes


def test_volumes_are_config_maps_secrets_fields_and_empty_folders(cluster: Cluster) -> None:
    _config(cluster, "settings", **{"app.conf": "colour=green"})
    _secret(cluster, "keys", token="s3cret")
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "app.conf", "path": "deep/conf"}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
        {"name": "all", "projected": {"sources": sources}},
        {"name": "empty", "emptyDir": {}},
    ]
    mounts = [
        {"name": "config", "mountPath": "/etc/config"},
        {"name": "config", "mountPath": "/etc/one.conf", "subPath": "app.conf"},
        {"name": "keys", "mountPath": "/etc/keys"},
        {"name": "all", "mountPath": "/all"},
        {"name": "empty", "mountPath": "/empty"},
    ]
    script = (
        "cat /etc/config/app.conf /etc/one.conf /etc/keys/token /all/deep/conf /all/name > /empty/all;"
        " cat /empty/all > /dev/termination-log"
    )
    body = once(script, volumeMounts=mounts, spec={"volumes": volumes})
    expected = f"colour=greencolour=greens3cretcolour=green{body['metadata']['name']}"
    assert message(cluster, body) == expected


def test_a_changed_config_map_reaches_a_running_pod(cluster: Cluster) -> None:
    _config(cluster, "settings", colour="green")
    script = "until [ $(cat /etc/config/colour) = blue ]; do sleep 0.05; done; cat /etc/part > /dev/termination-log"
    mounts = [
        {"name": "config", "mountPath": "/etc/config"},
        {"name": "config", "mountPath": "/etc/part", "subPath": "colour"},
    ]
    volumes = [{"name": "config", "configMap": {"name": "settings"}}]
    name = run(cluster, once(script, volumeMounts=mounts, spec={"volumes": volumes}))
    cluster.until("pods", name, ready)
    cluster.patch("configmaps", "settings", {"data": {"colour": "blue"}})
    assert terminated(cluster.until("pods", name, terminated))["message"] == "green"


def test_a_volume_that_cannot_be_mounted_is_named_and_tried_again(cluster: Cluster) -> None:
    volumes = [{"name": "config", "configMap": {"name": "late"}}]
    mounts = [{"name": "config", "mountPath": "/etc/config"}]
    name = run(cluster, pod(container(FOREVER, volumeMounts=mounts), volumes=volumes))
    said = event(cluster, name, "FailedMount")
    assert said["message"] == 'MountVolume.SetUp failed for volume "config" : configmap "late" not found'
    assert waiting("ContainerCreating")(cluster.get("pods", name))
    _config(cluster, "late", a="1")
    cluster.until("pods", name, ready)


@pytest.mark.parametrize("what", ["home", "volumes"])
def test_nothing_of_a_pod_is_left_when_it_is_gone(cluster: Cluster, sandbox: Sandbox, what: str) -> None:
    body = pod(container(FOREVER), volumes=[{"name": "empty", "emptyDir": {}}])
    name = run(cluster, body)
    uid = cluster.until("pods", name, ready)["metadata"]["uid"]
    folder = Path(sandbox.state, "pods", uid)
    assert (folder / what).is_dir()
    cluster.delete("pods", name)
    cluster.until_gone("pods", name)
    deadline = time.monotonic() + 5
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
