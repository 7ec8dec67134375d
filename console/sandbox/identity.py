"""Which process a recorded pid means: the same pid may belong to another program by now."""

from __future__ import annotations

import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_START_TIME = 19  # the 22nd field of /proc/PID/stat, counted after the command (proc(5))


def boot_id() -> str:
    """Names this start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when there is no such process, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[_START_TIME])


def session_of(pid: int) -> int | None:
    """The session that a process belongs to, by its leader's pid; None when there is no such process."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for sure: its pid, when it began, and under which boot of the machine."""

    pid: int
    started: int
    boot: str

    @classmethod
    def own(cls) -> Identity:
        """This process."""
        return cls(os.getpid(), start_time(os.getpid()) or 0, boot_id())

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Identity | None:
        """From a record; None when it is not one."""
        try:
            return cls(int(fields["pid"]), int(fields["started"]), str(fields["boot"]))
        except (KeyError, TypeError, ValueError):
            return None

    def record(self) -> dict[str, Any]:
        """The form that `read` takes."""
        return asdict(self)

    @property
    def alive(self) -> bool:
        """The process still runs, and is this one."""
        return self.boot == boot_id() and start_time(self.pid) == self.started

    def end(self, patience: float) -> bool:
        """Asks the process to end (SIGTERM) and waits; after `patience` seconds ends it by force (SIGKILL).

        Returns:
            Whether it ended by itself. The process is checked and signalled by one descriptor, so that a reused pid is
            never hit.
        """
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive:
                return True
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            if _ended(descriptor, patience):
                return True
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            _ended(descriptor, 5)
            return False
        finally:
            os.close(descriptor)


def _ended(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
