"""One container's process, seen from the kubelet: started by its shim, followed, signalled, found again."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.sandbox.identity import Identity, boot_id
from console.sandbox.kubelet import orphans

_SHIM = Path(__file__).with_name("shim.py")
RECORD, EXIT = "run.json", "exit.json"


class StartError(Exception):
    """The process could not be started.

    Args:
        message: as `runc` words it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Order:
    """What to run.

    Attributes:
        command: program and arguments.
        environment: all of it.
        folder: the working directory.
        memory: bytes that the process and all below it may hold; 0 for no limit.
        group: a name for the control group that limits the memory, where one can be made; empty for none.
        entry: what the shim does before the program takes over (namespaces), empty for nothing.
        hold: the file whose lock keeps the image's tree while the process runs, empty for none.
    """

    command: list[str]
    environment: dict[str, str]
    folder: str
    memory: int
    group: str
    entry: dict[str, Any]
    hold: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.

    Attributes:
        code: 128 + n after signal n.
        finished: seconds since the epoch.
        tail: the end of its output.
    """

    code: int
    signal: int
    oom: bool
    finished: float
    tail: str


class Process:
    """A container's process that was started; its shim tells how it ends.

    Args:
        folder: where its records are.
        record: what the shim wrote down.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        identity = Identity.read(record)
        if identity is None:
            raise ValueError(f"{folder / RECORD} names no process")
        self.record = record
        self.pid = int(record["main"])
        self.restart = int(record["restart"])
        self.since = str(record["since"])
        self._shim = identity
        self._folder = folder
        self._files = orphans.view_of_files(self.pid)
        self._exit: asyncio.Task[Exit] = asyncio.create_task(self._follow(), name=f"process {self.pid}")

    @classmethod
    async def start(cls, folder: Path, log: Path, order: Order, about: dict[str, Any]) -> Process:
        """Starts a process; its records go to `folder`.

        Raises:
            StartError: there is no such program, or it may not be run.
        """
        for name in (RECORD, EXIT):
            (folder / name).unlink(missing_ok=True)
        whole = {
            "command": order.command,
            "environment": order.environment,
            "folder": order.folder,
            "memory": order.memory,
            "group": order.group,
            "entry": order.entry,
            "hold": order.hold,
            "log": str(log),
            "record": str(folder / RECORD),
            "exit": str(folder / EXIT),
            "boot": boot_id(),
            "about": about,
        }
        answer = await asyncio.to_thread(_spawn, json.dumps(whole).encode())
        if "errno" in answer:
            raise StartError(_why(order, answer))
        return cls(folder, answer | about)

    @classmethod
    def find(cls, folder: Path) -> Process | None:
        """The process that an earlier daemon started here, running or ended; None when there was none."""
        try:
            return cls(folder, json.loads((folder / RECORD).read_text()))
        except (FileNotFoundError, ValueError, KeyError):
            return None

    @staticmethod
    def runs(folder: Path) -> bool:
        """Whether the process that was started here is still there."""
        try:
            identity = Identity.read(json.loads((folder / RECORD).read_text()))
        except (FileNotFoundError, ValueError):
            return False
        return identity is not None and identity.alive

    @property
    def shim(self) -> int:
        """The process id of its shim, below which all is that the container runs."""
        return self._shim.pid

    @property
    def alive(self) -> bool:
        """It runs, or its shim is about to tell how it ended."""
        return self._shim.alive

    @property
    def environment(self) -> dict[str, str]:
        """What it was started with; its shim holds it and no file does: it has secrets. Empty once it has ended."""
        try:
            held = Path(f"/proc/{self._shim.pid}/fd/{self.record['environment']}").read_text()
            return dict(json.loads(held)) if self._shim.alive else {}
        except (OSError, ValueError):
            return {}

    async def wait(self) -> Exit:
        """How it ended, once it has."""
        return await asyncio.shield(self._exit)

    def signal(self, number: int) -> None:
        """Sends a signal to the container's own process."""
        if not self._exit.done() and self._shim.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it with all it has started, at once."""
        if not self._exit.done() and self._shim.alive:
            with suppress(ProcessLookupError):
                os.kill(self._shim.pid, signal.SIGTERM)

    async def _follow(self) -> Exit:
        try:
            descriptor = os.pidfd_open(self._shim.pid)
        except ProcessLookupError:
            return self._read_exit()
        try:
            if self._shim.alive:
                await readable(descriptor)
                await self._end_orphans()
        finally:
            os.close(descriptor)
        _reap(self._shim.pid)
        return self._read_exit()

    async def _end_orphans(self) -> None:
        """A shim that was killed takes the container's process along (PR_SET_PDEATHSIG), but not what that started."""
        if not (self._folder / EXIT).exists():
            await asyncio.to_thread(orphans.end, self.pid, self._files)

    def _read_exit(self) -> Exit:
        """What the shim wrote, unless it was killed itself."""
        try:
            found = json.loads((self._folder / EXIT).read_text())
        except (FileNotFoundError, ValueError):
            return Exit(137, 9, oom=False, finished=0.0, tail="")
        return Exit(found["code"], found["signal"], found["oom"], found["finished"], found["tail"])


async def readable(descriptor: int) -> None:
    """Waits until there is something to read; of a pidfd, the end of its process."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _spawn(order: bytes) -> dict[str, Any]:
    """Starts a shim and returns what it answers. The order is not among its arguments: it holds secrets."""
    command = [sys.executable, "-I", "-S", str(_SHIM)]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,
        env={},
        cwd="/",
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    with process.stdin, process.stdout:
        process.stdin.write(order)
        process.stdin.close()
        line = process.stdout.readline()
    process.returncode = 0  # followed and reaped by `Process`
    if not line:
        return {"errno": errno.ECHILD, "what": "shim", "about": "its shim ended, see daemon.log"}
    answer: dict[str, Any] = json.loads(line)
    if "errno" in answer:
        _reap(process.pid, 0)
    return answer


def _reap(pid: int, flags: int = os.WNOHANG) -> None:
    """Takes the remains of a shim; one that an earlier daemon started is not ours to take."""
    with suppress(ChildProcessError):
        os.waitpid(pid, flags)


def exec_problem(program: str, number: int) -> str:
    """Why a program does not start, by the error's number, as Go's `os/exec` words it."""
    why = os.strerror(number).lower()
    if number == errno.ENOENT:
        why = f"stat {program}: no such file or directory" if "/" in program else "executable file not found in $PATH"
    return f'exec: "{program}": {why}'


def _why(order: Order, answer: dict[str, Any]) -> str:
    """As containerd and runc say it."""
    why = os.strerror(answer["errno"]).lower()
    if answer["what"] == "exec":
        cause = exec_problem(order.command[0], answer["errno"])
    elif answer["what"] == "chdir":
        cause = f'chdir to cwd ("{order.folder}") set in config.json failed: {why}'
    else:
        cause = f"error setting the process apart: {answer['about']}: {why}"
    return (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        f"unable to start container process: error during container init: {cause}: unknown"
    )
