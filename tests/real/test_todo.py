"""The reference stack by the same commands on a real cluster, its PostgreSQL outside of the stack (make test-real)."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.model.diff import clean
from tests.cluster import Cluster, Refused, ready
from tests.e2e.command import ROOT, Stack

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
SERVICES = ("backend", "mcp-server", "ai-agent", "frontend")
PORT = {"port": 5432}
PATIENCE = 600.0
"""Seconds for a command that builds four images from nothing."""


@dataclass
class Todo:
    """A copy of the reference stack on a real cluster.

    Attributes:
        stack: the copy, and the command on it.
        cluster: its namespace.
        first: what the first deploy said.
        images: those of the first deploy, by service.
    """

    stack: Stack
    cluster: Cluster
    first: dict[str, Any] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)

    def deploy(self) -> dict[str, Any]:
        """Deploys it; the JSON of the verdict."""
        return self.command("deploy")

    def command(self, name: str, *words: str, code: int = 0) -> dict[str, Any]:
        """A real command that changes something; the JSON of its verdict."""
        line = self.stack.command(*name.split(), "{}", *words, "--target", "real", "--headless", "--output", "json")
        where: dict[str, Any] = {"env": self.stack.environment, "cwd": self.stack.folder, "timeout": PATIENCE}
        done = subprocess.run(line, capture_output=True, text=True, **where)
        assert done.returncode == code, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the page's server, by the API server's proxy: every cluster has that."""
        return self.cluster.request(method, f"{self.cluster.path('services', 'frontend:http')}/proxy{path}", body)

    def titles(self) -> set[str]:
        """The titles of the newest tasks."""
        return {each["title"] for each in self.ask("GET", "/api/tasks")["items"]}

    def pods(self) -> dict[str, set[str]]:
        """The names of the pods by their service."""
        pods = [each["metadata"] for each in self.cluster.list("pods") if "deletionTimestamp" not in each["metadata"]]
        of = "app.kubernetes.io/name"
        return {name: {each["name"] for each in pods if each["labels"].get(of) == name} for name in SERVICES}

    @contextmanager
    def asked(self) -> Iterator[list[str]]:
        """Meanwhile two clients ask for tasks; what they were told, "ok" if nothing was wrong."""
        answers, enough = [], threading.Event()

        def ask() -> None:
            while not enough.wait(0.02):
                try:
                    self.ask("GET", "/api/tasks?limit=1")
                    answers.append("ok")
                except Refused as error:
                    answers.append(repr(error.status))
                except OSError as error:
                    answers.append(repr(error))

        clients = [threading.Thread(target=ask) for _ in range(2)]
        for each in clients:
            each.start()
        try:
            yield answers
        finally:
            enough.set()
            for each in clients:
                each.join()


@pytest.fixture(scope="module")
def database(real_registry: str, real_kubeconfig: Path) -> Iterator[str]:
    """The URL of a PostgreSQL in a namespace of its own: it is none of the stack's."""
    image, password = f"{real_registry}/console-test/postgres", secrets.token_hex(16)
    for line in (("tag", "postgres:16-alpine", image), ("push", "--quiet", image)):
        subprocess.run(["docker", *line], check=True, capture_output=True, timeout=300)
    cluster = Cluster(real_kubeconfig, f"database-{uuid.uuid4().hex[:6]}", patience=120)
    cluster.create("namespaces", {"metadata": {"name": cluster.namespace}})
    try:
        cluster.create("services", {"metadata": {"name": "db"}, "spec": {"selector": {"a": "db"}, "ports": [PORT]}})
        cluster.create("pods", {"metadata": {"name": "db", "labels": {"a": "db"}}, "spec": _postgres(image, password)})
        cluster.until("pods", "db", ready)
        yield f"postgresql://todo:{password}@db.{cluster.namespace}.svc:5432/todo"
    finally:
        cluster.forget(cluster.namespace)


def _postgres(image: str, password: str) -> dict[str, Any]:
    environment = {"POSTGRES_PASSWORD": password, "POSTGRES_USER": "todo", "POSTGRES_DB": "todo"}
    probe = {"exec": {"command": ["pg_isready", "-h", "127.0.0.1", "-U", "todo"]}, "periodSeconds": 1}
    env = [{"name": name, "value": value} for name, value in environment.items()]
    return {"containers": [{"name": "db", "image": image, "env": env, "readinessProbe": probe}]}


@pytest.fixture(scope="module")
def todo(
    real_registry: str, real_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory, database: str
) -> Iterator[Todo]:
    """The reference stack, deployed; its namespace goes afterwards."""
    home, namespace = tmp_path_factory.mktemp("todo"), f"todo-{uuid.uuid4().hex[:6]}"
    for part in ("stacks/todo", "dockerfiles", "k8s"):
        shutil.copytree(ROOT / part, home / part, ignore=shutil.ignore_patterns("tests", "__pycache__", ".env"))
    context = yaml.safe_load(real_kubeconfig.read_text())["current-context"]
    # Where nobody has pushed anything yet.
    registry = f"{real_registry}/console-test/{namespace}"
    target = {"kind": "kubernetes", "context": context, "registry": registry, "namespace": namespace}
    folder = home / "stacks" / "todo"
    own = {"STACK_CONSOLE_STATE": str(home / "state"), "KUBECONFIG": str(real_kubeconfig), "DATABASE_URL": database}
    stack = Stack("todo", folder, {**os.environ, **own, "PYTHONPATH": str(ROOT)})
    # Packages are downloaded by way of the machine's own network, which every engine has.
    stack.edit("stack.yaml", ".Dockerfile}", ".Dockerfile, network: host}")
    (folder / "stack.local.yaml").write_text(yaml.safe_dump({"targets": {"real": target}}))
    made = Todo(stack, Cluster(real_kubeconfig, namespace, patience=120))
    try:
        made.first = made.deploy()
        yield made
    finally:
        made.cluster.forget(namespace)


def test_it_is_deployed_with_the_images_that_were_built_and_its_page_and_api_and_agent_answer(todo: Todo) -> None:
    assert todo.first["verdict"]["headline"].startswith("todo on real is deployed: release 1")
    assert {"build", "push", "apply", "wait"} <= {phase for phase, _ in todo.first["verdict"]["phases"]}
    for name in SERVICES:
        [container] = todo.cluster.get("deployments", name)["spec"]["template"]["spec"]["containers"]
        todo.images[name] = container["image"]
        assert f"/console-test/{todo.cluster.namespace}/todo-{name}" in container["image"]
        assert "@sha256:" in container["image"]
    assert "New task" in todo.ask("GET", "/")
    todo.ask("POST", "/api/tasks", {"title": "buy milk"})
    todo.ask("POST", "/agent/chat", {"message": "add water the plants"})
    assert {"buy milk", "water the plants"} <= todo.titles()


def test_there_is_nothing_to_do_when_it_is_deployed_again(todo: Todo) -> None:
    before = todo.pods()
    assert "nothing to do" in todo.deploy()["verdict"]["headline"]
    assert todo.pods() == before


def test_one_line_changed_rolls_one_service_and_no_request_fails(todo: Todo) -> None:
    before = todo.pods()
    program = todo.stack.folder / "services" / "backend" / "backend" / "__main__.py"
    program.write_text(f"# changed {uuid.uuid4().hex}\n{program.read_text()}")
    with todo.asked() as answers:
        verdict = todo.deploy()["verdict"]
    after = todo.pods()
    assert "release" in verdict["headline"]
    assert not before["backend"] & after["backend"]
    assert {name: after[name] for name in SERVICES[1:]} == {name: before[name] for name in SERVICES[1:]}
    assert set(answers) == {"ok"}
    assert len(answers) > 50


def test_every_probe_of_every_pod_passes(todo: Todo) -> None:
    line = todo.stack.command("status", "{}", "--target", "real", "--output", "json")
    done = subprocess.run(line, env=todo.stack.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    pods = [each for each in json.loads(done.stdout)["pods"] if each["pod"]["deleting"] is None]
    probes = [(each["pod"]["name"], probe["result"]) for each in pods for probe in each["probes"]]
    assert len(probes) >= 3 * len(SERVICES)
    assert [(pod, result) for pod, result in probes if not result["ok"]] == []


def test_scaling_to_ten_and_back_fails_no_request(todo: Todo) -> None:
    with todo.asked() as answers:
        todo.command("scale", "backend=10")
        assert len(todo.pods()["backend"]) == 10
        todo.command("scale", "backend=1")
    deployment = todo.cluster.get("deployments", "backend")
    assert deployment["spec"]["replicas"] == 1
    assert set(answers) == {"ok"}
    assert len(answers) > 50


def test_restarting_everything_fails_no_request_and_loses_no_task(todo: Todo) -> None:
    before, tasks = todo.pods(), todo.titles()
    with todo.asked() as answers:
        todo.command("restart")
    after = todo.pods()
    assert all(not before[name] & after[name] for name in SERVICES)
    assert tasks <= todo.titles()
    assert set(answers) == {"ok"}


def test_a_changed_value_is_effective_within_a_minute_and_a_bad_one_goes_back_unnoticed(todo: Todo) -> None:
    with todo.asked() as answers:
        verdict = todo.command("config set", "backend", "LOG_LEVEL=debug")["verdict"]
        assert verdict["effective"] < 60
        before = todo.pods()["backend"]
        failed = todo.command("config set", "backend", "POOL_MAX_SIZE=many", "--timeout", "60s", code=14)["verdict"]
    assert failed["evidence"]
    assert todo.cluster.get("configmaps", "backend")["data"]["POOL_MAX_SIZE"] != "many"
    assert todo.pods()["backend"] == before
    assert set(answers) == {"ok"}


def test_stopped_and_started_it_has_everything_again(todo: Todo) -> None:
    tasks, before = todo.titles(), {name: len(pods) for name, pods in todo.pods().items()}
    todo.command("stop", "--yes")
    assert not any(todo.pods().values())
    todo.command("start")
    assert {name: len(pods) for name, pods in todo.pods().items()} == before
    assert tasks <= todo.titles()


def test_back_to_the_first_release_is_what_it_was(todo: Todo) -> None:
    todo.command("rollback", "--to", "1")
    for name in SERVICES:
        [container] = todo.cluster.get("deployments", name)["spec"]["template"]["spec"]["containers"]
        assert container["image"] == todo.images[name]


def test_the_drills_of_a_release_pass_and_leave_everything_as_it_was(todo: Todo) -> None:
    before = {kind: _bodies(todo, kind) for kind in ("configmaps", "secrets", "deployments", "resourcequotas")}
    ended = todo.command("drill run", "--suite", "release", "--yes")
    for each in ended["drills"]:
        result = (each["verdict"] or {}).get("drill") or {}
        print(each["drill"]["kind"], each["drill"]["service"], each["not_applicable"], result.get("recovered"))
    applied = {each["drill"]["kind"] for each in ended["drills"] if each["verdict"]}
    assert len(applied) >= 14
    assert {kind: _bodies(todo, kind) for kind in before} == before


def _bodies(todo: Todo, kind: str) -> dict[str, Any]:
    """Objects but for what the API server keeps for itself."""
    bodies = (clean(body) for body in todo.cluster.list(kind))
    return {body["metadata"]["name"]: body for body in bodies}
