"""Who holds the lock on a stack: a process of some machine, told apart from every other one, dead or alive."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")
_START_TOLERANCE = 2.0
"""Seconds; where start times depend on the clock they may differ by what the clock was set by."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A run of a process. `boot` tells reboots and PID namespaces apart; `started` is in seconds since the epoch."""

    host: str
    boot: str
    pid: int
    started: float
    run: str

    @property
    def identity(self) -> str:
        """As it stands in the Lease: JSON, readable with `kubectl get lease -o yaml`."""
        return msgspec.json.encode(self).decode()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @property
    def is_gone(self) -> bool:
        """True if it was on this machine, and its process has ended; of another machine nothing is known."""
        here = this_process("")
        if self.host != here.host:
            return False
        return self.boot != here.boot or not _runs(self.pid, self.started)

    @property
    def is_here(self) -> bool:
        """True if it is, or was, on this machine."""
        return self.host == socket.gethostname()


def this_process(run: str) -> Holder:
    """This process as the holder of a lock, for a run."""
    import psutil

    pid = os.getpid()
    return Holder(socket.gethostname(), _boot(), pid, psutil.Process(pid).create_time(), run)


def parse_holder(identity: str) -> Holder | None:
    """The holder that a Lease names; None if that is not one of ours."""
    try:
        return msgspec.json.decode(identity, type=Holder)
    except msgspec.MsgspecError:
        return None


def _boot() -> str:
    import psutil

    try:
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        boot = str(int(psutil.boot_time()))
    try:
        # Two containers of one machine may have the same name and boot, but not the same processes.
        return f"{boot}/{_PIDS.readlink()}"
    except OSError:
        return boot


def _runs(pid: int, started: float) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < _START_TOLERANCE
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False
