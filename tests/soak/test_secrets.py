"""A secret is nowhere in what the console keeps or says, whatever was run."""

import secrets
from pathlib import Path

import pytest

from tests.traces import forms

KEY = "TOKEN"
READ = "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: hello-secret, key: TOKEN}}}]"
TALK = 'print("token", os.environ.get("TOKEN"), flush=True)\nserver.serve_forever()'


def kept(state: Path):
    """The files of the console's own: not the cluster's store, nor what its pods have."""
    for file in state.rglob("*"):
        inside = file.relative_to(state).parts
        if file.is_file() and inside[0] not in {"sandbox", "externals"}:
            yield file


@pytest.mark.soak
def test_twenty_mixed_runs_leave_no_trace_of_a_secret(stack):
    value = f"s3cr3t/{secrets.token_hex(12)}+&"
    stack.edit("hello.yaml", "envFrom:", f"{READ}\n          envFrom:")
    said = []
    for number in range(20):
        said += commands(stack, number, {KEY: value})
    state = Path(stack.environment["STACK_CONSOLE_STATE"])
    files = list(kept(state))
    print(f"{len(files)} files, {len(said)} outputs")
    assert files
    for form in forms(value):
        assert [str(file) for file in files if form in file.read_bytes()] == []
        assert [text for text in said if form in text.encode()] == []


def commands(stack, number, environment):
    """One deploy that changes something, well or badly, and whatever shows it."""
    if number == 1:
        stack.edit("hello.py", "server.serve_forever()", TALK)
    if number % 4 == 2:
        stack.edit("hello.yaml", "data: {GREETING", 'data: {PORT: "none", GREETING')
    if number % 4 == 3:
        stack.edit("hello.yaml", '{PORT: "none", ', "{")
    stack.edit("hello.yaml", "GREETING: ", f"GREETING: {number}")
    lines = [
        ("plan", "{}"),
        ("deploy", "{}", "--headless", "--output", ("text", "json", "ndjson")[number % 3]),
        ("status", "{}", "--output", "json"),
        ("logs", "{}", "--no-follow"),
        ("history", "{}"),
    ]
    done = [stack.run(*line, **environment) for line in lines]
    assert done[1].returncode == (14 if number % 4 == 2 else 0), done[1].stderr
    return [text for each in done for text in (each.stdout, each.stderr)]
