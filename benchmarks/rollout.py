"""A deploy against a script that applies in the same order and waits by `kubectl rollout status`, turn by turn.

On the embedded cluster, and on the one of `TEST_KUBECONFIG` where that is set (`TEST_IMAGE`: one with a shell).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured import Measured, median
from benchmarks.place import PATIENCE, ROOT, Place, place

SERVICES = ("store", "server", "page")
TURNS = 5
NAMESPACE = "bench-rollout"
_MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: {image}
          command: [/bin/sh, -c, "while :; do sleep 1; done"]
          readinessProbe: {{exec: {{command: [/bin/true]}}, periodSeconds: 1}}
"""
_STACK = """apiVersion: stack-console/v1
name: {namespace}
namespace: {namespace}
default_target: here
services:
  store: {{manifests: [store.yaml]}}
  server: {{manifests: [server.yaml], after: [store]}}
  page: {{manifests: [page.yaml], after: [server]}}
targets:
  here: {{kind: kubernetes, context: {context}}}
"""


@dataclass(frozen=True)
class Ground:
    """A cluster, and the folder of the stack for it."""

    name: str
    folder: Path
    environment: dict[str, str]

    def run(self, *line: str) -> None:
        """A command, which must succeed."""
        done = subprocess.run(
            line, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(line)} ended with {done.returncode}: {done.stderr[-2000:]}")

    def deploy(self) -> float:
        """Seconds of a deploy by the console, into a namespace that is there and empty."""
        return self._timed((sys.executable, "-m", "console", "deploy", str(self.folder), "--headless"))

    def script(self) -> float:
        """Seconds of the script that does the same."""
        apply, wait = "kubectl apply --server-side --filename {0}.yaml", "kubectl rollout status deployment/{0}"
        steps = (each.format(name) for name in SERVICES for each in (apply, f"{wait} --namespace {NAMESPACE}"))
        return self._timed(("sh", "-ec", "\n".join(steps)))

    def _timed(self, line: tuple[str, ...]) -> float:
        self.run("kubectl", "create", "namespace", NAMESPACE)
        try:
            start = time.perf_counter()
            self.run(*line)
            return time.perf_counter() - start
        finally:
            self.run("kubectl", "delete", "namespace", NAMESPACE, "--wait")


def run() -> Iterator[Measured]:
    """Measures both, turn by turn, so that what else goes on meets both."""
    if not shutil.which("kubectl"):
        print("  rollout: kubectl is not installed", file=sys.stderr)
        return
    with place() as here:
        for ground in _grounds(here):
            pairs = [(ground.deploy(), ground.script()) for _ in range(TURNS + 1)][1:]
            deploys, scripts = zip(*pairs, strict=True)
            script = median(f"{ground.name}: script, three services", scripts, "s", None, "kubectl, turn by turn")
            yield script
            most = script.value + max(0.05 * script.value, 0.5)
            yield median(f"{ground.name}: deploy, three services", deploys, "s", round(most, 2), "as the script does")


def _grounds(here: Place) -> Iterator[Ground]:
    here.run("sandbox", "up")
    yield _ground(here, "embedded", Path(here.environment["STACK_CONSOLE_STATE"]) / "sandbox" / "kubeconfig", "busybox")
    if named := os.environ.get("TEST_KUBECONFIG"):
        yield _ground(here, "real", Path(named), os.environ.get("TEST_IMAGE", "busybox"))


def _ground(here: Place, name: str, kubeconfig: Path, image: str) -> Ground:
    folder = here.folder / name
    folder.mkdir()
    environment = {**here.environment, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT)}
    line = ("kubectl", "config", "current-context")
    context = subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    (folder / "stack.yaml").write_text(_STACK.format(namespace=NAMESPACE, context=context))
    for service in SERVICES:
        manifest = _MANIFEST.format(name=service, namespace=NAMESPACE, image=image)
        (folder / f"{service}.yaml").write_text(manifest)
    return Ground(name, folder, environment)
