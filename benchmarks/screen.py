"""The console on a real pseudo-terminal, watched byte by byte: decoding a screen would cost more than drawing it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from contextlib import suppress

import psutil

from benchmarks.place import ROOT, Place

COLUMNS, ROWS = 140, 40
PATIENCE = 60.0
_STYLES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Screen:
    """A console on a terminal of its own; ends with the block.

    Attributes:
        started: when it was called, by `time.perf_counter`.
        process: the console.
    """

    def __init__(self, place: Place, *words: str) -> None:
        line = place.command(*words)
        environment = {**place.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        pid, self._terminal = pty.fork()
        if not pid:
            os.chdir(ROOT)
            os.execve(line[0], line, environment)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = psutil.Process(pid)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        with suppress(OSError):
            while self.read(1.0):
                pass
        os.waitpid(self.process.pid, 0)
        os.close(self._terminal)

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._terminal, keys.encode())

    def read(self, wait: float) -> bytes:
        """What is drawn within so many seconds, at once; empty if nothing is. Raises OSError at the end."""
        return os.read(self._terminal, 65536) if select.select([self._terminal], [], [], wait)[0] else b""

    def drain(self, seconds: float) -> bytes:
        """Everything that is drawn in that time."""
        end, drawn = time.perf_counter() + seconds, b""
        while (left := end - time.perf_counter()) > 0:
            drawn += self.read(left)
        return drawn

    def until(self, pattern: bytes) -> re.Match[bytes]:
        """Reads until the words (without colours and movements) are drawn.

        Raises:
            RuntimeError: they were not.
        """
        end, drawn = time.perf_counter() + PATIENCE, b""
        while time.perf_counter() < end:
            drawn += self.read(0.1)
            if found := re.search(pattern, _STYLES.sub(b"", drawn)):
                return found
        raise RuntimeError(f"{pattern!r} was not drawn: {_STYLES.sub(b'', drawn)[-2000:]!r}")

    def cpu_percent(self, seconds: float) -> float:
        """The share of one core that the console takes, while everything it draws is read."""
        before = self._spent()
        start = time.perf_counter()
        self.drain(seconds)
        return (self._spent() - before) / (time.perf_counter() - start) * 100

    def _spent(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)
