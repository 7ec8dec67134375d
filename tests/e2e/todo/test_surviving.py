"""The reference stack when its processes, its pods or the cluster below it are ended."""

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest

from stacks.todo.tests.lock import tasks_locked, waits_for_lock
from tests.cluster import ready
from tests.e2e.todo.reference import SERVICES

TOOL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_tasks", "arguments": {}}}
ASKED = {
    "backend": ("GET", 8000, "/api/tasks", {}),
    "mcp-server": ("POST", 8001, "/mcp", {"json": TOOL}),
    "ai-agent": ("POST", 8002, "/agent/chat", {"json": {"message": "list"}}),
    "frontend": ("GET", 8080, "/api/tasks", {}),
}
"""A request to each service that needs the database in the end: method, port, path, body."""


def ask(service, pod):
    """Such a request, to the pod's own address."""
    method, port, path, body = ASKED[service]
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    headers |= {"host": f"{service}:{port}"}
    url = f"http://{pod['status']['podIP']}:{port}{path}"
    return httpx2.request(method, url, headers=headers, timeout=20, **body)


def takes_no_more(service, pod):
    """Waits until nothing listens at the pod's address."""
    url = f"http://{pod['status']['podIP']}:{ASKED[service][1]}/health/live"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx2.get(url, timeout=5)
        except httpx2.ConnectError:
            return
        except httpx2.ReadError:
            # Taken in by the system just before the socket was closed, and reset with it.
            continue
        time.sleep(0.02)
    raise AssertionError(f"{service} still accepts connections")


def ended(change):
    """How the container of a changed pod has ended, None while it runs."""
    return change["object"]["status"]["containerStatuses"][0]["state"].get("terminated")


def end_of(todo, pod):
    """The exit code of a pod's container, from the changes that the cluster tells."""
    metadata = pod["metadata"]
    changes = todo.cluster.watch("pods", name=metadata["name"], since=metadata["resourceVersion"])
    return next(end["exitCode"] for end in map(ended, changes) if end)


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_that_is_deleted_answers_what_it_was_asked_and_ends_with_0(todo, service):
    pod = todo.pods(service)[0]
    with ThreadPoolExecutor() as threads:
        with tasks_locked(todo.database_url()) as lock:
            asked = threads.submit(ask, service, pod)
            waits_for_lock(todo.database_url())
            code = threads.submit(end_of, todo, pod)
            todo.cluster.delete("pods", pod["metadata"]["name"])
            takes_no_more(service, pod)
            assert not asked.done()
            lock.rollback()
        answer = asked.result()
        assert answer.status_code == 200, answer.text
        assert code.result() == 0


def restarts(pod):
    return pod["status"]["containerStatuses"][0]["restartCount"]


def test_a_backend_that_is_killed_is_started_again_and_no_task_is_lost(todo):
    todo.add("outlive the backend")
    pod = todo.pods("backend")[0]
    name, count = pod["metadata"]["name"], restarts(pod) + 1
    todo.process(pod).kill()
    again = todo.cluster.until("pods", name, lambda one: restarts(one) == count and ready(one), "a restart")
    assert again["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137
    assert again["metadata"]["uid"] == pod["metadata"]["uid"]
    assert "outlive the backend" in todo.tasks()
    shown = {each["pod"]["name"]: each["pod"]["containers"][0] for each in todo.status()["pods"]}[name]
    assert (shown["restarts"], shown["ready"], shown["last"]["exit_code"]) == (count, True, 137)


class Writer(threading.Thread):
    """Writes numbered things until it is refused, and keeps what was acknowledged."""

    def __init__(self, write):
        super().__init__()
        self._write, self.kept, self.refusal = write, [], None
        self._enough = threading.Event()

    def run(self):
        while not self._enough.is_set():
            name = f"acknowledged-{len(self.kept)}"
            try:
                self._write(name)
            except (OSError, http.client.HTTPException, httpx2.TransportError, AssertionError) as error:
                self.refusal = error
                return
            self.kept.append(name)

    def has(self, count):
        """Waits until so many were acknowledged."""
        deadline = time.monotonic() + 20
        while len(self.kept) < count:
            assert self.is_alive(), self.refusal
            assert time.monotonic() < deadline, len(self.kept)
            time.sleep(0.01)

    def end(self):
        self._enough.set()
        self.join()


@pytest.fixture
def writers(todo):
    """Somebody adds tasks, somebody else objects."""
    made = [
        Writer(todo.add),
        Writer(lambda name: todo.cluster.create("configmaps", {"metadata": {"name": name}})),
    ]
    for each in made:
        each.start()
    yield made
    for each in made:
        each.end()


def test_a_sandbox_that_is_killed_comes_back_as_it_was_and_nothing_acknowledged_is_lost(todo, writers):
    before, there = todo.sandbox(), standing(todo)
    running = [todo.process(pod) for pod in todo.pods()]
    for each in writers:
        each.has(20)
    daemon = psutil.Process(before["pid"])
    daemon.kill()
    daemon.wait(10)
    for each in writers:
        each.join(20)
    assert all(each.is_running() for each in running)

    todo.run("sandbox", "up")
    after = todo.sandbox()
    assert after["pid"] != before["pid"]
    for address in ("server", "registry", "ingress"):
        assert after[address] == before[address]
    assert standing(todo) == there
    # A psutil.Process is its pid and the moment when it began.
    assert [todo.process(pod) for pod in todo.pods()] == running
    tasks, objects = (each.kept for each in writers)
    assert set(tasks) <= todo.tasks()
    assert set(objects) <= {each["metadata"]["name"] for each in todo.cluster.list("configmaps")}
    assert todo.status()["ready"]


def standing(todo):
    """Every pod: its uid, its container's id and how often it was started again."""
    return {
        each["metadata"]["uid"]: (each["status"]["containerStatuses"][0]["containerID"], restarts(each))
        for each in todo.pods()
    }
