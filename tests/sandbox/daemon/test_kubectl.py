"""The cluster through the `kubectl` that people have."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

HELLO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  replicas: 2
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      nodeSelector: {type: virtual}
      tolerations: [{key: sandbox/virtual, operator: Exists}]
      containers: [{name: main, image: busybox, resources: {requests: {cpu: 10m}}}]
"""


WEB = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: green}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: busybox
          command: [python, -c]
          args:
            - |
              import http.server, os
              print("serving", flush=True)
              address = (os.environ["POD_IP"], 8080)
              http.server.ThreadingHTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
          env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
          resources: {requests: {cpu: 10m, memory: 16Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
"""A real web server, its configuration, and its Service."""


SETS = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: busybox, command: [sleep, "600"]}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: busybox, command: [sleep, "600"]}]
"""


class Kubectl:
    """Runs `kubectl` in the test's namespace."""

    def __init__(self, program: str, kubeconfig: Path, namespace: str) -> None:
        self._command = [program, "--kubeconfig", str(kubeconfig), "--namespace", namespace, "--cache-dir"]
        self._command.append(str(kubeconfig.parent / "kubectl-cache"))

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        done = self._run(arguments, stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str, stdin: str | None = None) -> str:
        """A command that fails; what it says."""
        done = self._run(arguments, stdin)
        assert done.returncode != 0
        return done.stdout + done.stderr

    def _run(self, arguments: Sequence[str], stdin: str | None) -> subprocess.CompletedProcess[str]:
        words = [*self._command, *arguments]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on until it is ended here."""
        pipe = subprocess.PIPE
        with subprocess.Popen([*self._command, *arguments], stdout=pipe, stderr=pipe, text=True) as process:
            yield process
            process.kill()

    def on_a_terminal(self, *arguments: str, keys: str) -> str:
        """A command that has a terminal; what is on it in the end."""
        ours, theirs = pty.openpty()
        with subprocess.Popen([*self._command, *arguments], stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            os.write(ours, keys.encode())
            seen = b""
            with suppress(OSError):  # EIO: nobody has the terminal any more
                while chunk := os.read(ours, 4096):
                    seen += chunk
            process.wait(60)
        os.close(ours)
        return seen.decode()

    def rolled_out(self, name: str) -> None:
        """Waits for a rollout."""
        assert "successfully rolled out" in self("rollout", "status", f"deployment/{name}", "--timeout=20s")


@pytest.fixture
def kubectl(kubectl_program: str, kubeconfig: Path, namespace: str) -> Kubectl:
    return Kubectl(kubectl_program, kubeconfig, namespace)


def test_a_rollout_is_followed_undone_restarted_paused(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=HELLO)
    done = "successfully rolled out"
    assert done in kubectl("rollout", "status", "deployment/hello", "--timeout=20s")
    kubectl("set", "image", "deployment/hello", "main=busybox:2")
    assert done in kubectl("rollout", "status", "deployment/hello", "--timeout=20s")
    assert "2" in kubectl("rollout", "history", "deployment/hello")
    kubectl("rollout", "undo", "deployment/hello")
    assert done in kubectl("rollout", "status", "deployment/hello", "--timeout=20s")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deployment", "hello", "-o", image) == "busybox"
    kubectl("rollout", "restart", "deployment/hello")
    assert done in kubectl("rollout", "status", "deployment/hello", "--timeout=20s")
    kubectl("rollout", "pause", "deployment/hello")
    assert "can't restart paused deployment" in kubectl.refused("rollout", "restart", "deployment/hello")
    kubectl("rollout", "resume", "deployment/hello")
    revisions = kubectl("rollout", "history", "deployment/hello").split("CHANGE-CAUSE")[1]
    assert [line.split()[0] for line in revisions.strip().splitlines()] == ["2", "3", "4"]


def test_scaling_waiting_and_draining(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=HELLO)
    kubectl("scale", "deployment/hello", "--replicas=3")
    kubectl("wait", "deployment/hello", "--for=jsonpath={.status.availableReplicas}=3", "--timeout=20s")
    kubectl("autoscale", "deployment", "hello", "--min=2", "--max=4", "--cpu-percent=50")
    kubectl("wait", "hpa/hello", "--for=condition=AbleToScale", "--timeout=20s")
    described = kubectl("describe", "deployment", "hello")
    assert "3 desired | 3 updated | 3 total | 3 available | 0 unavailable" in described
    assert "NewReplicaSetAvailable" in described
    kubectl("delete", "deployment", "hello", "--cascade=foreground", "--timeout=20s")
    assert json.loads(kubectl("get", "pods,replicasets", "-o", "json"))["items"] == []


def test_deleting_a_namespace_waits_for_its_end(kubectl: Kubectl, namespace: str) -> None:
    kubectl("apply", "-f", "-", stdin=HELLO)
    kubectl("rollout", "status", "deployment/hello", "--timeout=20s")
    kubectl("delete", "namespace", namespace, "--timeout=20s")
    assert "not found" in kubectl.refused("get", "namespace", namespace)


def test_what_runs_is_listed_described_and_watched(kubectl: Kubectl) -> None:
    with kubectl.running("get", "pods", "--watch", "--no-headers") as watch:
        kubectl("apply", "-f", "-", stdin=WEB)
        assert watch.stdout
        seen = [watch.stdout.readline().split()]
        while seen[-1][1] != "1/1":
            seen.append(watch.stdout.readline().split())
    assert [row[1:3] for row in (seen[0], seen[-1])] == [["0/1", "Pending"], ["1/1", "Running"]]
    [row] = kubectl("get", "pods", "-o", "wide", "--no-headers").splitlines()
    assert re.search(r"web-\S+ +1/1 +Running +0 +\S+ +127\.\S+ +sandbox-\d", row)
    everything = kubectl("get", "all,configmaps,endpoints", "-o", "name").split()
    assert {"deployment.apps/web", "service/web", "configmap/settings", "endpoints/web"} <= set(everything)
    pod = kubectl("describe", "pods", "-l", "app=web")
    assert "Readiness:  http-get http://:8080/ delay=0s timeout=1s period=1s #success=1 #failure=3" in pod
    assert re.search(r"Normal +Started +\S+ +kubelet +Started container main", pod)
    assert re.search(r"Endpoints: +127\.\S+:8080", kubectl("describe", "service", "web"))
    assert re.search(r"Container Runtime Version: +processes://", kubectl("describe", "node", "sandbox-1"))
    assert "Started container main" in kubectl("events", "--for", f"pod/{row.split()[0]}")


def test_manifests_are_compared_and_applied_on_either_side(kubectl: Kubectl) -> None:
    assert "+kind: Deployment" in kubectl.refused("diff", "-f", "-", stdin=WEB)
    assert "deployment.apps/web created" in kubectl("apply", "-f", "-", stdin=WEB)
    assert kubectl("diff", "-f", "-", stdin=WEB) == ""
    assert "deployment.apps/web unchanged" in kubectl("apply", "-f", "-", stdin=WEB)
    other = WEB.replace("green", "blue")
    for flags in ((), ("--server-side", "--force-conflicts")):
        difference = kubectl.refused("diff", *flags, "-f", "-", stdin=other)
        assert "-  colour: green\n+  colour: blue" in difference
        assert "Deployment" not in difference
    serverside = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=other)
    assert "configmap/settings serverside-applied" in serverside
    kubectl("patch", "configmap", "settings", "--field-manager=somebody", "-p", '{"data": {"colour": "red"}}')
    conflict = kubectl.refused("apply", "--server-side", "-f", "-", stdin=other)
    assert 'conflict with "somebody"' in conflict
    assert ".data.colour" in conflict
    assert "configmap/settings serverside-applied" in kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", stdin=other
    )
    assert kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.colour}") == "red"
    deleted = kubectl("delete", "-f", "-", "--timeout=20s", stdin=WEB)
    assert 'deployment.apps "web" deleted' in deleted


def test_logs_commands_and_copies(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl.rolled_out("web")
    kubectl("wait", "pods", "-l", "app=web", "--for=condition=Ready", "--timeout=20s")
    with kubectl.running("logs", "--follow", "deployment/web", "--timestamps") as logs:
        assert logs.stdout
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+Z serving\n", logs.stdout.readline())
        assert "GET / HTTP" in logs.stdout.readline()
    assert re.fullmatch(r"\[pod/web-\S+/main\] .*\n", kubectl("logs", "-l", "app=web", "--prefix", "--tail=1"))
    assert "previous terminated container" in kubectl.refused("logs", "deployment/web", "--previous")
    failed = kubectl.refused("exec", "deployment/web", "--", "sh", "-c", "echo out; echo error >&2; exit 3")
    assert {"out", "error", "command terminated with exit code 3"} <= set(failed.splitlines())
    assert kubectl("exec", "-i", "deployment/web", "--", "cat", stdin="input") == "input"
    [pod] = kubectl("get", "pods", "-l", "app=web", "-o", "name").split()
    (tmp_path / "file").write_text("copied")
    kubectl("cp", str(tmp_path / "file"), f"{pod.removeprefix('pod/')}:/tmp/file")
    assert kubectl("exec", pod, "--", "cat", "/tmp/file") == "copied"


def test_a_terminal_in_a_pod(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl.rolled_out("web")
    seen = kubectl.on_a_terminal("exec", "-it", "deployment/web", "--", "sh", keys="tty; echo $((40 + 2)); exit\n")
    assert "/dev/pts/" in seen
    assert "\n42" in seen.replace("\r", "")


def test_a_port_of_a_service_is_forwarded(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl.rolled_out("web")
    with kubectl.running("port-forward", "service/web", ":80", "--address=127.0.0.1") as forward:
        assert forward.stdout
        found = re.search(r"127\.0\.0\.1:(\d+) -> 8080", forward.stdout.readline())
        assert found
        with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=20) as answer:
            assert answer.status == 200


def test_what_is_used_explained_and_allowed(kubectl: Kubectl, namespace: str) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl.rolled_out("web")
    [pod] = kubectl("top", "pods", "--no-headers").splitlines()
    assert re.fullmatch(r"web-\S+ +\d+m +\d+Mi *", pod)
    assert re.search(r"sandbox-1 +\d+m +\d+% +\d+Mi +\d+%", kubectl("top", "nodes"))
    assert "FIELD: livenessProbe <Probe>" in kubectl("explain", "pod.spec.containers.livenessProbe")
    assert "strategy to use to replace existing pods with new" in kubectl("explain", "deployment.spec.strategy")
    assert "-required-\n    Name or number of the port" in kubectl(
        "explain", "pod.spec.containers.livenessProbe.httpGet"
    )
    assert "VERSION:    v2" in kubectl("explain", "hpa.spec")
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    nobody = f"--as=system:serviceaccount:{namespace}:default"
    assert "no" in kubectl.refused("auth", "can-i", "list", "secrets", nobody)
    assert "sandbox-admin" in kubectl("auth", "whoami")


def test_a_node_is_drained_and_comes_back(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=WEB)
    kubectl.rolled_out("web")
    where = "jsonpath={.items[0].spec.nodeName}"
    node = kubectl("get", "pods", "-l", "app=web", "-o", where)
    try:
        kubectl("cordon", node)
        assert "SchedulingDisabled" in kubectl("get", "node", node)
        kubectl("delete", "pods", "-l", "app=web", "--now")
        kubectl("wait", "deployment/web", "--for=condition=Available", "--timeout=20s")
        assert kubectl("get", "pods", "-l", "app=web", "-o", where) != node
    finally:
        kubectl("uncordon", node)


def test_sets_and_jobs_are_rolled_out_undone_and_waited_for(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=SETS)
    for each in ("statefulset/db", "daemonset/agent"):
        kubectl("rollout", "status", each, "--timeout=20s")
        kubectl("set", "env", each, "A=1")
        kubectl("rollout", "status", each, "--timeout=20s")
        kubectl("rollout", "undo", each)
        kubectl("rollout", "status", each, "--timeout=20s")
        revisions = kubectl("rollout", "history", each).split("CHANGE-CAUSE")[1]
        assert [line.split()[0] for line in revisions.strip().splitlines()] == ["2", "3"]
        assert "A" not in kubectl("set", "env", each, "--list")
    kubectl("create", "job", "once", "--image=busybox", "--", "sh", "-c", "echo done")
    kubectl("wait", "job/once", "--for=condition=complete", "--timeout=20s")
    assert kubectl("logs", "job/once") == "done\n"
    assert re.search(r"once +Complete +1/1", kubectl("get", "jobs"))


def test_what_the_client_has_applied_is_taken_over_by_the_server(kubectl: Kubectl) -> None:
    settings = WEB.split("---")[0]
    kubectl("apply", "-f", "-", stdin=settings)
    kubectl("apply", "--server-side", "-f", "-", stdin=settings.replace("green", "blue"))
    assert kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.colour}") == "blue"


def test_what_is_wrong_in_a_manifest_is_told(kubectl: Kubectl) -> None:
    said = kubectl.refused("apply", "-f", "-", stdin=HELLO.replace("replicas: 2", "replica: 2"))
    assert 'unknown field "spec.replica"' in said
