"""A command on a pseudo-terminal, whose screen is read."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from pathlib import Path

import pyte

SIZE = (120, 32)
PATIENCE = 60.0


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, line: list[str], environment: dict[str, str], cwd: Path) -> None:
        self.screen = pyte.Screen(*SIZE)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.chdir(cwd)
            os.execve(line[0], line, environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))

    def press(self, keys: str) -> None:
        """Types something."""
        os.write(self._fd, keys.encode())

    def until(self, words: str) -> None:
        """Waits until the words are on the screen."""
        deadline = time.monotonic() + PATIENCE
        while not any(words in row for row in self.screen.display):
            assert time.monotonic() < deadline, "\n".join(self.screen.display)
            assert self._read(), "\n".join(self.screen.display)

    def end(self) -> int:
        """The exit code, once the command has ended."""
        while self._read():
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._fd)
        self.pid = 0
        return code

    def kill(self) -> None:
        """Ends the command if it has not ended."""
        if self.pid:
            os.kill(self.pid, 9)
            self.end()

    def _read(self) -> bool:
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
