"""The cluster through the `kubectl` that people have."""

from __future__ import annotations

import json
import subprocess
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


class Kubectl:
    """Runs `kubectl` in the test's namespace."""

    def __init__(self, program: str, kubeconfig: Path, namespace: str) -> None:
        self._command = [program, "--kubeconfig", str(kubeconfig), "--namespace", namespace, "--cache-dir"]
        self._command.append(str(kubeconfig.parent / "kubectl-cache"))

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [*self._command, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """A command that fails; what it says."""
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode != 0
        return done.stderr


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
