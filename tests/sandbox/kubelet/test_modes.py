"""What each pod mode promises: what is set apart, what is rewritten, and what is said about the rest."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, ready
from tests.conftest import Sandbox
from tests.sandbox.kubelet.pods import (
    FOREVER,
    POD_IP,
    STATUS_VOLUME,
    container,
    event,
    message,
    once,
    pod,
    run,
    status_of,
    terminated,
    waiting,
    web,
)

Object = dict[str, Any]
END = " > /dev/termination-log"


@pytest.fixture
def namespaces(sandbox: Sandbox) -> None:
    """For what only namespaces give."""
    if sandbox.status["pod_mode"] != "namespaces":
        pytest.skip("pods are not set apart in this mode")


@pytest.fixture
def plain(sandbox: Sandbox) -> None:
    """For what is only needed without namespaces."""
    if sandbox.status["pod_mode"] != "plain":
        pytest.skip("nothing has to be rewritten in this mode")


@pytest.mark.usefixtures("namespaces")
def test_the_root_is_read_only_and_temporary_files_are_the_pods_own(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "outside").touch()
    script = (
        "touch /no 2>/dev/null && echo root; touch /usr/no 2>/dev/null && echo usr; "
        f"echo a > /tmp/a; ls /tmp/a; ls {tmp_path}/outside 2>/dev/null"
    )
    assert message(cluster, once(f"({script}){END}")) == "/tmp/a\n"


@pytest.mark.usefixtures("namespaces")
def test_a_read_only_root_leaves_no_place_to_write(cluster: Cluster) -> None:
    body = once(f"touch /tmp/a 2>/dev/null || echo -n refused{END}")
    body["spec"]["containers"][0]["securityContext"] = {"readOnlyRootFilesystem": True}
    assert message(cluster, body) == "refused"


@pytest.mark.usefixtures("namespaces")
def test_a_container_is_the_user_it_asks_for_and_has_no_capability(cluster: Cluster) -> None:
    body = once("echo -n $(id -u) $(id -g) $(grep -h -e CapEff -e CapBnd -e NoNew /proc/self/status | cut -f2)" + END)
    body["spec"]["securityContext"] = {"runAsUser": 10001, "runAsGroup": 10002, "runAsNonRoot": True}
    words = message(cluster, body).split()
    assert words[:2] == ["10001", "10002"]
    assert [int(each, 16) for each in words[2:]] == [0, 0, 1]


@pytest.mark.usefixtures("namespaces")
@pytest.mark.skipif(os.geteuid() != 0, reason="the sandbox's user is not root")
def test_who_must_not_be_root_does_not_start_as_root(cluster: Cluster) -> None:
    name = run(cluster, pod(container(FOREVER), securityContext={"runAsNonRoot": True}))
    found = cluster.until("pods", name, waiting("CreateContainerConfigError"))
    told = status_of(found)["state"]["waiting"]["message"]
    assert told.startswith(f'container has runAsNonRoot and image will run as root (pod: "{name}_')


@pytest.mark.usefixtures("namespaces")
def test_a_read_only_mount_cannot_be_written(cluster: Cluster) -> None:
    mounts = [
        {"name": "work", "mountPath": "/shared", "readOnly": True},
        {"name": "work", "mountPath": "/elsewhere/deep"},
    ]
    script = f"touch /shared/a 2>/dev/null || touch /elsewhere/deep/b; ls /shared{END}"
    body = once(script, volumeMounts=mounts, spec={"volumes": [{"name": "work", "emptyDir": {}}]})
    assert message(cluster, body) == "b\n"


@pytest.mark.usefixtures("namespaces")
def test_a_volume_over_the_interpreters_folder_does_not_hide_the_interpreter(cluster: Cluster) -> None:
    above = str(Path(sys.prefix).parent)
    mounts = [{"name": "work", "mountPath": above, "readOnly": True}]
    program = "open('/dev/termination-log', 'w').write('here')"
    main = container(["python", "-c", program], volumeMounts=mounts)
    assert message(cluster, pod(main, restartPolicy="Never", volumes=[{"name": "work", "emptyDir": {}}])) == "here"


@pytest.mark.usefixtures("namespaces")
def test_commands_beside_a_container_see_its_files(cluster: Cluster) -> None:
    mounts = [{"name": "work", "mountPath": "/shared/here"}]
    probe = {"exec": {"command": ["/bin/sh", "-c", "test -e /shared/here/done"]}, "periodSeconds": 1}
    body = pod(container(["/bin/sh", "-c", "touch /shared/here/done; sleep 600"], volumeMounts=mounts))
    body["spec"]["containers"][0]["readinessProbe"] = probe
    body["spec"]["volumes"] = [{"name": "work", "emptyDir": {}}]
    cluster.until("pods", run(cluster, body), ready)


@pytest.mark.usefixtures("plain")
def test_mount_paths_are_rewritten_in_variables_commands_and_probes(cluster: Cluster) -> None:
    mounts = [{"name": "work", "mountPath": "/shared"}]
    env = [{"name": "FILE", "value": "/shared/file"}, {"name": "OTHER", "value": "/sharedshop/file"}]
    body = once(f"echo -n $FILE $OTHER /shared{END}", volumeMounts=mounts, env=env)
    body["spec"]["volumes"] = [{"name": "work", "emptyDir": {}}]
    file, other, folder = message(cluster, body).split()
    assert file == f"{folder}/file"
    assert folder.endswith("/volumes/work")
    assert other == "/sharedshop/file"


def test_what_has_no_effect_is_said_on_the_pod(cluster: Cluster, sandbox: Sandbox) -> None:
    asked = {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}, "shareProcessNamespace": True}
    name = run(cluster, pod(container(FOREVER, stdin=True), **asked))
    said = cluster.until("pods", name, ready)["metadata"]["annotations"]["sandbox/not-enforced"]
    assert said == f"seccompProfile, shareProcessNamespace, stdin (pod mode {sandbox.status['pod_mode']})"


def test_who_listens_everywhere_is_told_the_way_out(cluster: Cluster) -> None:
    program = "import socket, time; s = socket.create_server(('0.0.0.0', 0)); time.sleep(60)"
    said = event(cluster, run(cluster, pod(container(["python", "-c", program]))), "ListensEverywhere")
    assert "listens on 0.0.0.0:" in said["message"]
    assert "$(POD_IP)" in said["message"]


def test_who_finds_its_address_in_use_is_told_the_way_out(cluster: Cluster) -> None:
    program = (
        "import os, socket\n"
        "first = socket.create_server((os.environ['POD_IP'], 8080))\n"
        "socket.create_server((os.environ['POD_IP'], 8080))\n"
    )
    name = run(cluster, pod(container(["python", "-c", program], env=[POD_IP])))
    assert "$(POD_IP)" in event(cluster, name, "AddressInUse")["message"]


@pytest.mark.usefixtures("namespaces")
def test_a_port_that_pods_may_not_have_is_told(cluster: Cluster) -> None:
    name = run(cluster, pod(container(FOREVER, ports=[{"containerPort": 80}])))
    said = event(cluster, name, "PrivilegedPort")["message"]
    assert said.startswith("Container main has port 80, and may not listen below 1024 here")


@pytest.mark.parametrize("form", ["http://late{}/", "late{}:8888", "redis://:secret@late{}.NAMESPACE.svc:8888/0"])
def test_a_container_reaches_a_service_that_is_made_after_its_start(cluster: Cluster, form: str) -> None:
    suffix = uuid.uuid4().hex[:6]
    target = form.format(suffix).replace("NAMESPACE", cluster.namespace)
    program = (
        "import os, re, socket, time\n"
        "host = re.search(r'(?:@|//|^)([^/:@]+)(?::\\d+)?(?:/|$)', os.environ['TARGET'])[1]\n"
        "while True:\n"
        "    try:\n"
        "        socket.create_connection((host, 8888), 1).close()\n"
        "        break\n"
        "    except OSError:\n"
        "        time.sleep(0.05)\n"
    )
    env = [{"name": "TARGET", "value": target}]
    asks = run(cluster, pod(container(["python", "-c", program], env=env), restartPolicy="Never"))
    cluster.until("pods", asks, lambda each: each["status"].get("phase") == "Running")
    body = pod(web(), volumes=[STATUS_VOLUME])
    body["metadata"]["labels"] = {"app": "late"}
    run(cluster, body)
    ports = [{"port": 8888, "targetPort": 8080}]
    cluster.create(
        "services", {"metadata": {"name": f"late{suffix}"}, "spec": {"selector": {"app": "late"}, "ports": ports}}
    )
    found = cluster.until("pods", asks, terminated, "an end")
    assert terminated(found)["exitCode"] == 0


@pytest.mark.usefixtures("plain")
def test_what_names_no_service_stays_as_it_is(cluster: Cluster) -> None:
    values = {
        "A": "s3://bucket/key",
        "B": "http://localhost:1/",
        "C": "http://api.example.com/",
        "D": "Word",
        "E": "x:y",
    }
    env = [{"name": name, "value": value} for name, value in values.items()]
    body = once(f'echo -n "$A $B $C $D $E"{END}', env=env)
    assert message(cluster, body).split() == list(values.values())
