"""A small stack on disk that tests break."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.adapters.stackfiles import load_stack
from console.model.errors import Problem, StackFileError
from console.model.stack import Stack

STACK = """\
apiVersion: stack-console/v1
name: shop
namespace: shop
services:
  web:
    image: shop-web
    build: {context: web}
    manifests: [k8s/web.yaml]
    after: [database]
externals:
  database: {kind: postgres, secret: {name: postgres, key: DATABASE_URL}}
targets:
  sandbox: {kind: sandbox, externals: {database: {provision: embedded}}}
"""
WEB = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {LOG_LEVEL: info}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: shop-web
          ports: [{name: http, containerPort: 8000}]
          env:
            - name: LOG_LEVEL
              valueFrom: {configMapKeyRef: {name: web, key: LOG_LEVEL}}
            - name: DATABASE_URL
              valueFrom: {secretKeyRef: {name: postgres, key: DATABASE_URL}}
          readinessProbe: {httpGet: {path: /ready, port: http}}
"""


class Shop:
    """The stack `shop` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("stack.yaml", STACK)
        self.write("k8s/web.yaml", WEB)
        self.write("web/Dockerfile", "FROM scratch\n")

    def write(self, name: str, text: str | bytes) -> None:
        """Writes a file of the stack."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def edit(self, name: str, before: str, after: str) -> None:
        """Changes a part of a file, which must be there."""
        text = (self.folder / name).read_text()
        assert text.count(before) >= 1, f"{before!r} is not in {name}"
        self.write(name, text.replace(before, after, 1))

    def load(self, target: str | None = None) -> Stack:
        """The stack on a target."""
        return load_stack(self.folder / "stack.yaml", target)

    def problems(self, target: str | None = None) -> tuple[Problem, ...]:
        """What is wrong with it."""
        with pytest.raises(StackFileError) as raised:
            self.load(target)
        return raised.value.problems


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The stack, in the working directory, so that problems name short paths."""
    monkeypatch.chdir(tmp_path)
    return Shop(tmp_path)
