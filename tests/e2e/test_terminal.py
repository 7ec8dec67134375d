"""The command on a terminal: a real pseudo-terminal, whose screen is read."""

import re

import pytest

from tests.terminal import Terminal

_COLORS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def terminal(stack):
    made = []

    def start(*words):
        environment = {name: value for name, value in stack.environment.items() if name != "NO_COLOR"}
        made.append(Terminal(stack.command(*words), environment | {"TERM": "xterm-256color"}, stack.folder))
        return made[-1]

    yield start
    for each in made:
        each.kill()


def test_headless_on_a_terminal_has_colours_and_moves_no_cursor(terminal):
    run = terminal("deploy", "{}", "--headless")
    assert run.end() == 0
    text = run.raw.decode()
    assert _COLORS.search(text)
    assert "\x1b" not in _COLORS.sub("", text)


def test_deploy_opens_the_console_at_the_plan_and_nothing_happens_before_enter(terminal, stack, cluster):
    console = terminal("deploy", "{}")
    console.until("Enter runs it")
    assert cluster.find("namespaces", stack.name) is None
    console.press("\r")
    console.until(" is deployed:")
    assert cluster.get("deployments", "hello")["status"]["availableReplicas"] == 2
    console.press("\x1b")
    console.until("Pods and probes")
    console.press("q")
    assert console.end() == 0
