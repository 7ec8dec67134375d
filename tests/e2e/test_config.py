"""`config` as a command: what is shown, what is changed and seen to arrive, and what is kept of what somebody typed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.e2e.command import PATIENCE, ROOT, Stack, kubeconfig_of
from tests.terminal import Terminal

READS_SECRET = "envFrom: [{configMapRef: {name: hello}}]"
TOKEN = "a-token-that-nobody-may-see"
NEW = "another-token-that-nobody-may-see"


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    env = "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: login, key: TOKEN}}}]"
    stack.edit("hello.yaml", READS_SECRET, f"{READS_SECRET}\n          {env}")
    done = stack.run("deploy", "{}", "--headless", TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    return stack


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    started: list[Terminal] = []
    yield started
    for terminal in started:
        terminal.kill()


def greeting(cluster: Cluster) -> str:
    return str(cluster.get("configmaps", "hello")["data"]["GREETING"])


def editor(folder: Path, *lines: str) -> str:
    """An editor that does this to `text`, the text of the file."""
    program = folder / "editor.py"
    head = f"import pathlib, sys\nsys.path.insert(0, {str(ROOT)!r})\nfile = pathlib.Path(sys.argv[1])"
    body = "\n".join(lines)
    program.write_text(f"{head}\ntext = file.read_text()\n{body}\nfile.write_text(text)\n")
    return f"{sys.executable} {program}"


def test_who_reads_what_is_shown_and_no_secret(deployed: Stack) -> None:
    shown = deployed.run("config", "show", "{}", "hello").stdout
    assert re.search(r"GREETING +Hello +deployment/hello hello +\$GREETING +new pods", shown)
    assert re.search(r"TOKEN +••• +deployment/hello hello +\$TOKEN +new pods", shown)
    found = deployed.json("config", "show", "{}", "configmap/hello")
    (reading,) = found["configuration"][0]["keys"]["GREETING"]["readings"]
    assert (found["type"], reading["way"], reading["needs_new_pods"]) == ("config-show", "environment", True)
    assert deployed.run("config", "show", "{}", "configmap/none").returncode == 13


def test_a_value_is_set_and_seen_at_the_pods(deployed: Stack, cluster: Cluster) -> None:
    verdict = deployed.json("config", "set", "{}", "hello", "GREETING=Hi")["verdict"]
    assert greeting(cluster) == "Hi"
    assert 0 < verdict["effective"] < 60
    assert "2 of 2 pods report it (2 by environment)" in verdict["headline"]
    assert verdict["undo"].endswith("--to 1")
    cluster.patch("configmaps", "hello", {"data": {"GREETING": "Theirs"}})
    assert "- GREETING: Hi" in (diff := deployed.run("config", "diff", "{}").stdout)
    assert "+ GREETING: Theirs" in diff


def test_a_secret_comes_from_stdin_and_is_nowhere(deployed: Stack, cluster: Cluster, tmp_path: Path) -> None:
    words = ("config", "set", "--secret", "{}", "login", "TOKEN", "--output", "ndjson")
    pipes = {"capture_output": True, "text": True, "input": f"{NEW}\n"}
    done = subprocess.run(deployed.command(*words), env=deployed.environment, timeout=PATIENCE, check=False, **pipes)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 pods report it (2 by environment)" in done.stdout
    state = Path(deployed.environment["STACK_CONSOLE_STATE"])
    kept = [file.read_bytes() for file in state.rglob("*") if file.is_file() and "sandbox" not in file.parts]
    assert len(kept) > 2
    assert not [text for text in (done.stdout.encode(), done.stderr.encode(), *kept) if NEW.encode() in text]
    refused = deployed.run("config", "set", "--secret", "{}", "login", f"TOKEN={NEW}")
    assert (refused.returncode, NEW in refused.stderr) == (2, False)


def test_an_edit_is_made_in_the_users_editor(deployed: Stack, cluster: Cluster, tmp_path: Path) -> None:
    program = editor(tmp_path, "text = text.replace('Hello', 'Hi') + 'NUMBER: 80\\n'")
    refused = deployed.run("config", "edit", "{}", "hello", EDITOR=program)
    assert (refused.returncode, greeting(cluster)) == (19, "Hello")
    done = deployed.run("config", "edit", "{}", "hello", "--yes", EDITOR=program, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert cluster.get("configmaps", "hello")["data"] == {"GREETING": "Hi", "NUMBER": "80"}
    assert list(tmp_path.glob("stack-console-*")) == []
    same = deployed.run("config", "edit", "{}", "hello", "--yes", EDITOR="true", TMPDIR=str(tmp_path))
    assert "nothing was changed" in same.stderr


def test_what_was_written_is_kept_when_somebody_else_was_faster(
    deployed: Stack, cluster: Cluster, tmp_path: Path
) -> None:
    theirs = "cluster.patch('configmaps', 'hello', {'data': {'GREETING': 'Theirs'}})"
    client = f"Cluster(pathlib.Path({str(kubeconfig_of(deployed.environment))!r}), {deployed.name!r})"
    program = editor(
        tmp_path,
        "from tests.cluster import Cluster",
        f"cluster = {client}",
        theirs,
        "text = text.replace('Hello', 'Hi')",
    )
    words = ("config", "edit", "{}", "hello", "--yes", "--output", "json")
    done = deployed.run(*words, EDITOR=program, TMPDIR=str(tmp_path))
    assert (done.returncode, greeting(cluster)) == (13, "Theirs")
    ways = [re.sub(" +", " ", line.strip()) for line in done.stderr.splitlines()]
    assert {"it was Hello", "theirs Theirs", "yours Hi"} <= set(ways)
    assert json.loads(done.stdout)["ways"] == [{"key": "GREETING", "base": "Hello", "theirs": "Theirs", "mine": "Hi"}]
    (kept,) = tmp_path.glob("stack-console-*")
    assert "GREETING: Hi" in kept.read_text()
    assert f"what you wrote is in {kept}" in done.stderr


@pytest.mark.parametrize("written", ["'[1, 2'", "'GREETING: {a: b}'", "'A: 1\\nA: 2'"])
def test_what_cannot_be_read_is_told_with_its_place(deployed: Stack, tmp_path: Path, written: str) -> None:
    program = editor(tmp_path, f"text = {written}")
    done = deployed.run("config", "edit", "{}", "hello", "--yes", EDITOR=program, TMPDIR=str(tmp_path))
    assert done.returncode == 2
    assert re.search(r"line \d, column \d", done.stderr)
    assert len(list(tmp_path.glob("stack-console-*"))) == 1


def test_nothing_is_asked_for_or_changed_in_read_only_mode(deployed: Stack, cluster: Cluster) -> None:
    for words in (
        ("edit", "{}", "hello"),
        ("set", "{}", "hello", "GREETING=Hi"),
        ("set", "--secret", "{}", "login", "T"),
    ):
        done = deployed.run("config", *words, "--read-only", "--yes", EDITOR="false")
        assert done.returncode == 19, done.stderr
    assert greeting(cluster) == "Hello"


def test_on_a_terminal_a_secret_is_typed_without_echo(deployed: Stack, terminals: list[Terminal]) -> None:
    words = deployed.command("config", "set", "--secret", "{}", "login", "TOKEN")
    terminal = Terminal(words, deployed.environment | {"TERM": "xterm-256color"}, deployed.folder)
    terminals.append(terminal)
    terminal.until("secret/login TOKEN:")
    terminal.press(f"{NEW}\n")
    terminal.until("Go ahead?")
    terminal.press("y\n")
    terminal.until("effective in")
    assert terminal.end() == 0
    assert NEW.encode() not in terminal.raw


def test_who_does_not_answer_may_leave(deployed: Stack, cluster: Cluster, terminals: list[Terminal]) -> None:
    secret = ("config", "set", "--secret", "{}", "login", "TOKEN"), "secret/login TOKEN:"
    value = ("config", "set", "{}", "hello", "GREETING=Hi"), "Go ahead?"
    for words, question in (secret, value):
        environment = deployed.environment | {"TERM": "xterm-256color"}
        terminal = Terminal(deployed.command(*words), environment, deployed.folder)
        terminals.append(terminal)
        terminal.until(question)
        terminal.press("\x03")
        assert terminal.end() == 130
    assert greeting(cluster) == "Hello"


def test_the_verdict_of_a_bad_value_says_that_it_went_back(deployed: Stack, cluster: Cluster) -> None:
    """A container that cannot be made: its variable's key is gone."""
    done = deployed.run("config", "set", "--secret", "{}", "login", "TOKEN-", "--timeout", "20s", "--output", "json")
    assert done.returncode == 14, done.stderr
    verdict = json.loads(done.stdout)["verdict"]
    assert "rolled back to release 1" in verdict["headline"]
    assert cluster.get("secrets", "login")["data"].keys() == {"TOKEN"}
    assert cluster.get("deployments", "hello")["status"]["availableReplicas"] == 2
