"""Secrets of the reference stack, which its backend tells everybody, are in nothing that the console says or keeps."""

import json
import signal

import pytest

from tests.e2e.todo.reference import LEAK, SERVE
from tests.traces import forms

MASK = "•••"


def theirs(todo, file):
    """The cluster's store, which has its Secrets, and what a container has written itself, as every node has it."""
    parts = file.relative_to(todo.state / "sandbox").parts if file.is_relative_to(todo.state / "sandbox") else ("",)
    return parts[0].startswith("store.db") or (parts[0] == "pods" and (parts[2] == "logs" or parts[-1] == "exit.json"))


def tells(todo):
    """Whether the backend does tell both secrets, as the cluster itself has its log."""
    path = todo.cluster.path("pods", todo.pods("backend")[0]["metadata"]["name"])
    log = todo.cluster.request("GET", f"{path}/log")
    return all(f"leak {value}" in log for value in todo.planted[-2:])


def look(todo, run):
    """Everything that shows something, as text and for programs, while the newest backend does not come up."""
    for form in ("text", "json"):
        todo.run("plan", "{}", "--output", form)
        todo.run("status", "{}", "--output", form, code=14)
        todo.run("logs", "{}", "backend", "--no-follow", "--output", form)
        todo.run("history", "show", "{}", run, "--output", form)


def reported(todo, form, report, code=0):
    """A deploy, with a report; what it says on stdout."""
    file = todo.state.parent / report
    out = todo.run("deploy", "{}", "--headless", "--output", form, "--report", str(file), code=code)
    todo.said.append(file.read_text())
    return out


@pytest.mark.timeout(240)  # a dozen whole commands, three of them deploys
def test_planted_secrets_are_nowhere_though_the_backend_tells_them(todo):
    follower = todo.stack.start("logs", "{}", "backend", "--output", "ndjson")
    todo.said.append(follower.stdout.readline())
    todo.plant()
    reported(todo, "ndjson", "second.xml")
    todo.backend(LEAK + "raise SystemExit(3)")
    failed = json.loads(reported(todo, "json", "failed.json", code=14))
    look(todo, failed["run"]["run_id"])
    todo.backend(LEAK + SERVE)
    reported(todo, "text", "third.xml")
    assert tells(todo)
    follower.send_signal(signal.SIGINT)
    todo.said += follower.communicate(timeout=20)

    files = [file for file in todo.state.rglob("*") if file.is_file() and not theirs(todo, file)]
    assert {"journal.db", "daemon.log", "run.json"} <= {file.name for file in files}
    assert any("." * 99 + MASK in text for text in todo.said)
    assert any("evidence" in file.parts and f"leak {MASK}" in file.read_text() for file in files)
    assert sum(f"leak {MASK}" in text for text in todo.said) > 5
    traces = {each for value in todo.planted for each in forms(value)}
    assert [text for text in todo.said if holds(text.encode(), traces)] == []
    assert [str(file) for file in files if holds(file.read_bytes(), traces)] == []


def holds(data, traces):
    return any(each in data for each in traces)
