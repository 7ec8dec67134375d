"""Who holds the lock on a stack: a process of some machine, told apart from every other one, dead or alive."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from console.model.errors import LockedError
from console.model.run import LockHolder
from console.model.stack import JSON

COMMAND_ANNOTATION = "stack-console/command"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")
_START_TOLERANCE = 2.0
"""Seconds; where start times depend on the clock they may differ by what the clock was set by."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A run of a process. `boot` tells reboots and PID namespaces apart; `started` is in seconds since the epoch.

    `user` is empty where it is not known.
    """

    host: str
    boot: str
    pid: int
    started: float
    run: str
    user: str = ""

    @property
    def identity(self) -> str:
        """As it stands in the Lease: JSON, readable with `kubectl get lease -o yaml`."""
        return msgspec.json.encode(self).decode()

    def __str__(self) -> str:
        return f"{self.user + ', ' if self.user else ''}process {self.pid} on {self.host}"

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
    return Holder(socket.gethostname(), _boot(), pid, psutil.Process(pid).create_time(), run, _user())


def parse_holder(identity: str) -> Holder | None:
    """The holder that a Lease names; None if that is not one of ours."""
    try:
        return msgspec.json.decode(identity, type=Holder)
    except msgspec.MsgspecError:
        return None


def held_by(lease: JSON) -> Holder | str:
    """Who holds a Lease: one of our processes, else whatever name stands there; empty if nobody does."""
    identity = str(lease["spec"].get("holderIdentity") or "")
    return parse_holder(identity) or identity


def told_of(lease: JSON) -> LockHolder:
    """What those are told who find a Lease held."""
    holder, since = held_by(lease), seconds_of(lease["spec"].get("acquireTime"))
    command = str((lease["metadata"].get("annotations") or {}).get(COMMAND_ANNOTATION, ""))
    if isinstance(holder, Holder):
        return LockHolder(holder.user, holder.host, holder.pid, since, command)
    return LockHolder(holder, "", None, since, command)


def locked(stack: str, where: str, lease: JSON, now: float) -> LockedError:
    """Why nothing may be changed: who holds the Lease, since when, and what for; `now` in seconds since the epoch."""
    told = told_of(lease)
    since = datetime.fromtimestamp(told.since, UTC).strftime("%H:%M:%S UTC")
    why = f"{held_by(lease)} holds it since {since} ({max(0.0, now - told.since):.0f} s)"
    why += f": {told.command}" if told.command else ""
    hint = "wait for its end, or cancel it there; if it is killed, its lock ends by itself"
    error = LockedError(f"another run changes {stack}", where=where, why=why, hint=hint)
    error.holder = told
    return error


def moment_of(seconds: float) -> str:
    """Seconds since the epoch as a MicroTime (kubernetes.io, API conventions)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(moment: str | None) -> float:
    """A MicroTime (kubernetes.io, API conventions) in seconds since the epoch; 0 if there is none."""
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return str(os.getuid())


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
