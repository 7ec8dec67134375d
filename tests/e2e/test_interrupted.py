"""Runs that are broken off, or meet another one."""

import getpass
import json
import random
import re
import signal
import socket
import time
from pathlib import Path

import pytest


class Gate:
    """Holds the build of a stack until it is opened."""

    def __init__(self, stack, folder: Path):
        self.opened, self.reached = folder / "opened", folder / "reached"
        hold = f"echo $$ > {self.reached} && until [ -e {self.opened} ]; do sleep 0.1; done"
        stack.edit("stack.yaml", "'cp hello.py", f"'{hold} && cp hello.py")

    def held(self) -> int:
        """The pid of the build, once it waits here."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.reached.exists() and (pid := self.reached.read_text().strip()):
                return int(pid)
            time.sleep(0.05)
        raise AssertionError("the build was not reached")

    def open(self) -> None:
        """Lets this build and every later one go on."""
        self.opened.touch()


@pytest.fixture
def gate(stack, tmp_path):
    return Gate(stack, tmp_path)


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_of_two_deploys_at_once_one_is_told_that_the_stack_is_held(stack, gate):
    first = stack.start("deploy", "{}", "--headless")
    gate.held()
    second = stack.run("deploy", "{}", "--headless")
    assert second.returncode == 17, second.stderr
    user, host, command = getpass.getuser(), socket.gethostname(), f"stack-console deploy {stack.folder} --headless"
    told = rf"{user}, process {first.pid} on {host} holds it since \d\d:\d\d:\d\d UTC \(\d+ s\): {command}"
    assert re.search(told, second.stderr), second.stderr
    third = stack.run("deploy", "{}", "--headless", "--output", "json")
    holder = json.loads(third.stdout)["verdict"]["holder"]
    assert (holder["who"], holder["host"], holder["pid"], holder["command"]) == (user, host, first.pid, command)
    assert 0 < time.time() - holder["since"] < 60
    gate.open()
    _, err = first.communicate(timeout=60)
    assert first.returncode == 0, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_cleanly_and_the_next_one_goes_on(stack, gate, number):
    run = stack.start("deploy", "{}", "--headless")
    build = gate.held()
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert f"{number.name}: ending cleanly" in err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert gone(build)
    assert stack.json("history", "{}")["runs"][0]["outcome"] == "interrupted"
    again = stack.start("deploy", "{}", "--headless")
    gate.open()
    assert again.wait(60) == 0, again.stderr.read()


def test_after_a_kill_the_next_run_takes_the_stack_over(stack, gate):
    run = stack.start("deploy", "{}", "--headless")
    gate.held()
    run.kill()
    run.wait()
    again = stack.start("deploy", "{}", "--headless")
    gate.open()
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err


def test_a_reader_that_goes_away_does_not_disturb_a_deploy(stack, gate):
    run = stack.start("deploy", "{}", "--output", "ndjson")
    gate.held()
    run.stdout.close()
    gate.open()
    assert run.wait(60) == 0
    assert "Broken" not in run.stderr.read()
    assert stack.json("status", "{}")["ready"]


def test_watching_tells_changes_and_ends_with_a_signal(stack):
    assert stack.run("deploy", "{}", "--headless").returncode == 0
    watching = stack.start("status", "{}", "--watch")
    line = watching.stdout.readline()
    assert line.startswith(f"{stack.name} > sandbox")
    stack.edit("hello.yaml", "replicas: 2", "replicas: 3")
    assert stack.run("deploy", "{}", "--headless").returncode == 0
    while "3/3 ready" not in line:
        line = watching.stdout.readline()
        assert line
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 130


def test_a_signal_at_any_moment_leaves_nothing_open(stack):
    assert stack.run("deploy", "{}", "--headless").returncode == 0
    for _ in range(5):
        seed = random.SystemRandom().randrange(10**6)
        print(f"seed {seed}")
        chance = random.Random(seed)
        watching = stack.start("status", "{}", "--watch", "--output", "ndjson")
        watching.stdout.readline()
        if chance.random() < 0.5:
            # It ends by itself then, and the signal may come while it closes.
            watching.stdout.close()
        time.sleep(chance.uniform(0, 0.1))  # the moment itself is what is under test
        watching.send_signal(signal.SIGTERM)
        err = watching.stderr.read()
        assert watching.wait(20) in {0, 130, -signal.SIGTERM}, err
        assert "bug" not in err
        assert "Traceback" not in err
