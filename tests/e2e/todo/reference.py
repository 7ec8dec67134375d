"""The reference stack as it was deployed by the command, and what tests ask of it."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import yaml

from tests.cluster import Cluster, rolled_out
from tests.e2e.command import ROOT, Stack

SERVICES = ("backend", "mcp-server", "ai-agent", "frontend")
IN_FILE, IN_ENVIRONMENT = "PLANTED_IN_FILE", "PLANTED_IN_ENVIRONMENT"
LEAK = """
import base64, os, runpy, time
for name in ("PLANTED_IN_FILE", "PLANTED_IN_ENVIRONMENT"):
    value = os.environ[name]
    for text in (value, base64.b64encode(value.encode()).decode()):
        for part in (f"leak {text[:9]}", text[9:] + "\\n"):
            os.write(1, part.encode())
            time.sleep(0.02)  # two writes that nothing reads at once
    # Longer than a line of a container's log may be: it is kept in two, and the secret lies over both.
    os.write(1, ("leak " + "." * 16370 + value + "\\n").encode())
"""
SERVE = 'runpy.run_module("backend", run_name="__main__")'


@dataclass
class Todo:
    """A copy of the reference stack on a sandbox of its own; its backend tells everybody its secrets.

    Attributes:
        stack: the copy, and the command on it.
        planted: every value that a secret ever had.
        said: what commands have said.
    """

    stack: Stack
    planted: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    cluster: Cluster = field(init=False)
    address: str = ""

    @classmethod
    def copied(cls, folder: Path, environment: dict[str, str]) -> Todo:
        """Copies the stack with all that it is made of."""
        nothing = shutil.ignore_patterns("tests", "__pycache__", ".env")
        for part in ("stacks/todo", "dockerfiles", "k8s"):
            shutil.copytree(ROOT / part, folder / part, ignore=nothing)
        made = cls(Stack("todo", folder / "stacks" / "todo", environment))
        made._hasten()
        made.plant()
        made.backend(LEAK + SERVE)
        return made

    def _hasten(self) -> None:
        """Shorter drains, and as many pods at any load: the rest is as it is."""
        k8s = self.stack.folder / "../../k8s"
        for file in k8s.glob("*/*.yaml"):
            text = file.read_text().replace('DRAIN_SECONDS: "5"', 'DRAIN_SECONDS: "1"')
            text = text.replace("sleep: {seconds: 5}", "sleep: {seconds: 1}")
            if file.name == "hpa.yaml":
                body = yaml.safe_load(text)
                body["spec"]["maxReplicas"] = body["spec"]["minReplicas"]
                text = yaml.safe_dump(body)
            file.write_text(text)

    def plant(self) -> None:
        """New values for the two secrets: one in `.env` beside the stack's file, one in the environment of commands."""
        values = [f"s3cr3t/{secrets.token_hex(12)}+&" for _ in range(2)]
        (self.stack.folder / ".env").write_text(f"{IN_FILE}='{values[0]}'\n")
        self.stack.environment[IN_ENVIRONMENT] = values[1]
        self.planted += values

    def backend(self, program: str) -> None:
        """What the backend's container runs: a Python program that knows both secrets."""
        file = self.stack.folder / "../../k8s/backend/deployment.yaml"
        body = yaml.safe_load(file.read_text())
        container = body["spec"]["template"]["spec"]["containers"][0]
        names = (IN_FILE, IN_ENVIRONMENT)
        container["env"] = [each for each in container["env"] if each["name"] not in names]
        container["env"] += [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": "planted", "key": name}}} for name in names
        ]
        container["command"] = ["python", "-SP", "-c", program]
        file.write_text(yaml.safe_dump(body, sort_keys=False))

    def run(self, *words: str, code: int = 0) -> str:
        """A command that ends with that code; what it says on stdout."""
        done = self.stack.run(*words)
        self.said += [done.stdout, done.stderr]
        assert done.returncode == code, done.stderr
        return done.stdout

    def connect(self) -> None:
        """Finds the addresses, after a start."""
        self.cluster = Cluster(self.state / "sandbox" / "kubeconfig", "todo")
        self.address = self.sandbox()["ingress"]

    @property
    def state(self) -> Path:
        """The state folder."""
        return Path(self.stack.environment["STACK_CONSOLE_STATE"])

    def sandbox(self) -> dict[str, Any]:
        """What the sandbox says about itself."""
        found: dict[str, Any] = self.stack.json("sandbox", "status")
        return found

    def status(self) -> dict[str, Any]:
        """`status --output json`."""
        found: dict[str, Any] = json.loads(self.run("status", "{}", "--output", "json"))
        return found

    # -- its pods

    def settled(self) -> None:
        """Waits until every service is as it is declared, and no pod is left that was to go."""
        for name in SERVICES:
            self.cluster.until("deployments", name, rolled_out)
        self.cluster.until_pods(lambda pods: not any("deletionTimestamp" in each["metadata"] for each in pods))

    def pods(self, service: str = "") -> list[dict[str, Any]]:
        """The pods of a service, or of all."""
        return self.cluster.list("pods", f"app.kubernetes.io/name={service}" if service else "")

    def process(self, pod: dict[str, Any]) -> psutil.Process:
        """The main process of a pod, on this machine."""
        (record,) = (self.state / "sandbox" / "pods" / pod["metadata"]["uid"]).glob("containers/*/run.json")
        return psutil.Process(json.loads(record.read_text())["main"])

    def database_url(self) -> str:
        """The URL that the backend has."""
        data = self.cluster.get("secrets", "postgres")["data"]
        return base64.b64decode(data["DATABASE_URL"]).decode()

    # -- its tasks

    def add(self, title: str) -> None:
        """Adds a task at the ingress address, as any program would."""
        answer = httpx2.post(f"{self.address}/api/tasks", json={"title": title}, timeout=10)
        assert answer.status_code == 201, answer.text

    def tasks(self) -> set[str]:
        """The titles of all tasks."""
        titles, page = set(), {"next": 2**63 - 1}
        while page["next"]:
            answer = httpx2.get(f"{self.address}/api/tasks?limit=200&before={page['next']}", timeout=10)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            titles |= {each["title"] for each in page["items"]}
        return titles
