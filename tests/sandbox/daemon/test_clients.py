"""The cluster through other people's programs, where they are installed: Helm, stern, kapp, k9s."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, Object, ready, rolled_out
from tests.terminal import Terminal

Program = Callable[..., str]

CHART = {
    "Chart.yaml": "{apiVersion: v2, name: web, version: 1.0.0}",
    "values.yaml": "{replicas: 1, colour: green}",
    "templates/all.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {colour: {{ .Values.colour }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {colour: {{ .Values.colour }}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: busybox, command: [sleep, "600"]}]
---
apiVersion: batch/v1
kind: Job
metadata:
  name: before
  annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: before-hook-creation}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox, command: [sh, -c, "echo {{ .Values.colour }}"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: check, annotations: {helm.sh/hook: test}}
spec:
  restartPolicy: Never
  containers: [{name: main, image: busybox, command: [sh, -c, "echo all is well"]}]
""",
}

TALKER = """
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talker}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - {name: one, image: busybox, command: [sh, -c, "echo hello from one; sleep 600"]}
    - {name: two, image: busybox, command: [sh, -c, "echo hello from two; sleep 600"]}
"""


def installed(name: str) -> str:
    """The path of a program; its tests are skipped on a machine without."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def environment(kubeconfig: Path, tmp_path: Path) -> dict[str, str]:
    """Whatever these programs keep is kept in the test's folder."""
    folders = ("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "K9S_CONFIG_DIR", "K9S_LOGS_DIR")
    return {**os.environ, "KUBECONFIG": str(kubeconfig), **dict.fromkeys(folders, str(tmp_path / "home"))}


@pytest.fixture
def program(namespace: str, environment: dict[str, str]) -> Program:
    """Runs a program in the test's namespace; what it prints."""

    def run(name: str, *words: str, stdin: str | None = None) -> str:
        line = [installed(name), "--namespace", namespace, *words]
        done = subprocess.run(
            line, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def chart(tmp_path: Path) -> str:
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    for name, text in CHART.items():
        (folder / name).write_text(text)
    return str(folder)


def test_helm_installs_upgrades_rolls_back_and_removes(program: Program, chart: str, cluster: Cluster) -> None:
    wait = ("--wait", "--wait-for-jobs", "--timeout", "40s")
    assert "STATUS: deployed" in program("helm", "install", "web", chart, *wait)
    assert rolled_out(cluster.get("deployments", "web"))
    program("helm", "upgrade", "web", chart, "--set", "replicas=2,colour=red", *wait)
    assert cluster.get("deployments", "web")["spec"]["replicas"] == 2
    assert "all is well" in program("helm", "test", "web", "--logs")
    program("helm", "rollback", "web", "1", *wait)
    assert cluster.get("configmaps", "web-settings")["data"] == {"colour": "green"}
    assert rolled_out(cluster.get("deployments", "web"))
    history = json.loads(program("helm", "history", "web", "--output", "json"))
    assert [each["status"] for each in history] == ["superseded", "superseded", "deployed"]
    secrets = cluster.list("secrets", "owner=helm,name=web")
    assert [(each["metadata"]["name"], each["type"]) for each in secrets] == [
        (f"sh.helm.release.v1.web.v{number}", "helm.sh/release.v1") for number in (1, 2, 3)
    ]
    program("helm", "uninstall", "web", "--wait", "--timeout", "40s")
    assert cluster.find("deployments", "web") is None
    assert cluster.list("secrets", "owner=helm") == []


def test_helm_refuses_what_is_not_its_own(program: Program, chart: str, cluster: Cluster) -> None:
    installed("helm")
    cluster.create("configmaps", {"metadata": {"name": "web-settings"}})
    with pytest.raises(AssertionError, match="cannot be imported into the current release"):
        program("helm", "install", "web", chart, "--no-hooks")


def test_stern_tells_the_logs_of_every_container(program: Program, cluster: Cluster, kubectl_program: str) -> None:
    installed("stern")
    program("kubectl", "apply", "-f", "-", stdin=TALKER)
    cluster.until("pods", "talker", ready)
    lines = program("stern", "--selector", "app=talker", "--no-follow", "--color", "never").splitlines()
    assert sorted(lines) == ["talker one hello from one", "talker two hello from two"]


def test_kapp_deploys_waits_changes_and_deletes(program: Program, cluster: Cluster) -> None:
    def deploy(replicas: int) -> str:
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "main", "image": "busybox", "command": ["sleep", "600"]}],
            },
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        body: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
        return program(
            "kapp", "deploy", "--app", "web", "--file", "-", "--yes", "--color=false", stdin=json.dumps(body)
        )

    assert "Succeeded" in deploy(1)
    assert "Succeeded" in deploy(2)
    assert rolled_out(cluster.get("deployments", "web"))
    assert "Pod" in program("kapp", "inspect", "--app", "web", "--tree", "--color=false")
    program("kapp", "delete", "--app", "web", "--yes")
    assert cluster.find("deployments", "web") is None


# -- a program on a terminal

_NOT_SHOWN = ("metrics.k8s.io", "events")
"""k9s knows no lists of figures, and shows the Events of `events.k8s.io` alone."""


@pytest.fixture
def k9s(namespace: str, environment: dict[str, str], tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.yaml").write_text("k9s: {skipLatestRevCheck: true}")
    line = [installed("k9s"), "--namespace", namespace, "--command", "pods", "--headless"]
    terminal = Terminal(line, environment | {"TERM": "xterm-256color"}, tmp_path)
    yield terminal
    terminal.kill()


def kinds(cluster: Cluster) -> list[str]:
    """Everything that can be listed, as `GROUP/VERSION/NAME`."""
    found = []
    groups = cluster.request("GET", "/apis")["groups"]
    for base in ("/api/v1", *(f"/apis/{each['preferredVersion']['groupVersion']}" for each in groups)):
        answer = cluster.request("GET", base)
        for each in answer["resources"]:
            if "list" in each["verbs"] and not answer["groupVersion"].startswith(_NOT_SHOWN[0]):
                found.append(f"{answer['groupVersion']}/{each['name']}")
    return [each for each in found if each != f"v1/{_NOT_SHOWN[1]}"]


def test_k9s_lists_every_kind(k9s: Terminal, cluster: Cluster, namespace: str) -> None:
    cluster.create("configmaps", {"metadata": {"name": "settings"}})
    k9s.until(f"pods({namespace})[0]")
    for each in kinds(cluster):
        k9s.press(f":{each}\r")
        k9s.until(f" {each.rpartition('/')[2]}(")
    k9s.press(":v1/configmaps\r")
    k9s.until("settings")
