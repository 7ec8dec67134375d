"""The command on a terminal: a real pseudo-terminal, whose screen is read."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pyte
import pytest

SIZE = (120, 32)
PATIENCE = 60.0
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, line, environment, cwd):
        self.screen = pyte.Screen(*SIZE)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.chdir(cwd)
            os.execve(line[0], line, environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))

    def press(self, keys):
        os.write(self._fd, keys.encode())

    def until(self, words):
        """Waits until the words are on the screen."""
        deadline = time.monotonic() + PATIENCE
        while not any(words in row for row in self.screen.display):
            assert time.monotonic() < deadline, "\n".join(self.screen.display)
            assert self._read(), "\n".join(self.screen.display)

    def end(self):
        """The exit code, once the command has ended."""
        while self._read():
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._fd)
        self.pid = 0
        return code

    def kill(self):
        if self.pid:
            os.kill(self.pid, 9)
            self.end()

    def _read(self):
        """Takes what was drawn; False at the end."""
        if not select.select([self._fd], [], [], 1.0)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)


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
