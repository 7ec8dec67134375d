"""The parent of one container's process: keeps its log, limits its memory, ends all that it has started.

A program of its own (`python -I -S shim.py`, standard library only, one file: what it does not need at every start it
imports from beside itself when it does), so that containers outlive a daemon that is
killed, and nothing outlives the container: as a "subreaper" (prctl(2)) the shim inherits every orphan below it.
It reads its order as JSON from standard input, answers one line on standard output once the container runs or
cannot, and writes `exit.json` at the end. SIGTERM: ends the container at once.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
_SAMPLE = 250
"""Milliseconds between two looks at the memory."""
_LONGEST_LINE = 16384
_LARGEST_LOG = 10 << 20
"""Bytes after which a log is begun anew (`containerLogMaxSize`); the file before is kept as `N.log.1`."""
_DRAIN = 1000
_TAIL = 2048
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTED = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110 - needs CONFIG_PROC_CHILDREN
_prctl = ctypes.CDLL(None, use_errno=True).prctl


class Log:
    """Writes a container's output as CRI has it: `TIME stream F|P text`, a line each.

    Args:
        path: the file; a disk that is full loses lines, never the container.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = self._open()
        self._size = os.fstat(self._file).st_size
        self._partial: dict[str, bytes] = {}
        self.tail = b""

    def feed(self, stream: str, data: bytes) -> None:
        """Takes output as it comes; what lacks its end waits, up to 16 KiB."""
        self.tail = (self.tail + data)[-_TAIL:]
        *lines, rest = (self._partial.get(stream, b"") + data).split(b"\n")
        out = [(b"F", line) for line in lines]
        while len(rest) >= _LONGEST_LINE:
            out.append((b"P", rest[:_LONGEST_LINE]))
            rest = rest[_LONGEST_LINE:]
        self._partial[stream] = rest
        self._write(stream, out)

    def end(self, stream: str) -> None:
        """No more comes from a stream."""
        if rest := self._partial.pop(stream, b""):
            self._write(stream, [(b"P", rest)])

    def _write(self, stream: str, lines: list[tuple[bytes, bytes]]) -> None:
        head = f"{_now()} {stream} ".encode()
        with suppress(OSError):
            self._size += os.write(self._file, b"".join(head + kind + b" " + line + b"\n" for kind, line in lines))
            if self._size >= _LARGEST_LOG:
                self._rotate()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _rotate(self) -> None:
        os.replace(self._path, f"{self._path}.1")  # noqa: PTH105
        fresh = self._open()
        os.close(self._file)
        self._file, self._size = fresh, 0


def _now() -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds:09d}Z"


# -- processes


def _fields(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - pathlib would double this program's start
        return file.read().rpartition(")")[2].split()


def _children(pid: int) -> list[int]:
    if not _LISTED:
        return [each for each in _all_processes() if _parent(each) == pid]
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with open(f"/proc/{pid}/task/{thread}/children") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    return found


def _all_processes() -> list[int]:
    return [int(each) for each in os.listdir("/proc") if each.isdigit()]  # noqa: PTH208


def _parent(pid: int) -> int:
    try:
        return int(_fields(pid)[1])
    except OSError:
        return 0


def descendants(pid: int) -> Iterator[int]:
    """All processes below one, as far as they can be seen now."""
    for child in _children(pid):
        yield child
        yield from descendants(child)


def _end_all() -> None:
    """Ends everything below; what starts meanwhile is found in the next round, or by the next SIGCHLD."""
    for pid in tuple(descendants(os.getpid())):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _resident() -> int:
    """Bytes that the processes below hold; shared pages count for each."""
    total = 0
    for pid in descendants(os.getpid()):
        with suppress(OSError), open(f"/proc/{pid}/statm") as file:  # noqa: PTH123
            total += int(file.read().split()[1]) * _PAGE
    return total


def _proportional() -> int:
    """Bytes that the processes below hold; shared pages are divided among those that share them."""
    total = 0
    for pid in descendants(os.getpid()):
        with suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:  # noqa: PTH123
            total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    return total


# -- the container's process


def _start(order: dict[str, Any], outputs: tuple[int, int], told: int) -> int:
    """Forks; the child becomes the container's process, or tells why not through `told`."""
    pid = os.fork()
    if pid:
        return pid
    what = ""
    try:
        _prepare(outputs)
        for name, step in _steps(order):
            what = name
            step()
    except OSError as error:
        problem = {"errno": error.errno or errno.EINVAL, "what": what, "about": str(error.filename or "")}
        os.write(told, json.dumps(problem).encode())
    finally:
        os._exit(128)


def _prepare(outputs: tuple[int, int]) -> None:
    os.setsid()
    # What whoever started the daemon ignores (a shell's background jobs: SIGINT, SIGQUIT) the container must not.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(outputs[0], 1)
    os.dup2(outputs[1], 2)
    os.umask(0o022)


def _steps(order: dict[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    """From a fork of the shim to the container's program."""
    if order["group"]:
        yield "memory", lambda: import_module("memory").join(order["group"])
    if order["entry"]:
        jail = import_module("jail")
        yield "jail", lambda: jail.confine(order["entry"])
        yield "jail", jail.drop_rights
    yield "end with the shim", lambda: _prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    yield "chdir", lambda: os.chdir(order["folder"])
    command = order["command"]
    yield "exec", lambda: os.execvpe(command[0], command, order["environment"])  # noqa: S606 - what it is for


class Shim:
    """Looks after one container until it has ended.

    Args:
        order: what to run: `command`, `environment`, `folder`, `log`, `record` and `exit` (files), `memory` (bytes, 0
            for no limit), `group` (a name for a control group, empty for none), `entry`, `hold` (a file to lock, empty
            for none), and what else `record` says.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._log = Log(order["log"])
        self._streams: dict[int, str] = {}
        self._poll = select.poll()
        self._status: int | None = None
        self._out_of_memory = False
        self._main = 0

    def run(self) -> None:
        """From start to end."""
        self._follow_signals()
        self._hold()
        self._make_group()
        if not self._begin():
            self._remove_group()
            return
        patience = _SAMPLE if self._order["memory"] else None
        while self._status is None:
            self._turn(patience)
            if patience:
                self._limit()
        self._finish()

    def _hold(self) -> None:
        """Shares the lock of the image's tree until this program ends, so that nobody removes the tree (`trees.py`)."""
        with suppress(OSError):
            if self._order["hold"]:
                fcntl.flock(os.open(self._order["hold"], os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH | fcntl.LOCK_NB)

    def _make_group(self) -> None:
        """A group for the memory; without one the container is watched instead."""
        name, limit = self._order["group"], self._order["memory"]
        self._order["group"] = import_module("memory").make(name, limit) if name and limit else ""

    def _remove_group(self) -> None:
        if self._order["group"]:
            import_module("memory").remove(self._order["group"])

    def _follow_signals(self) -> None:
        self._wakeup, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        self._poll.register(self._wakeup, select.POLLIN)

    def _begin(self) -> bool:
        out, out_writer = os.pipe2(os.O_CLOEXEC)
        err, err_writer = os.pipe2(os.O_CLOEXEC)
        told, told_writer = os.pipe2(os.O_CLOEXEC)
        self._main = _start(self._order, (out_writer, err_writer), told_writer)
        for each in (out_writer, err_writer, told_writer):
            os.close(each)
        problem = b"".join(iter(lambda: os.read(told, 4096), b""))
        os.close(told)
        if problem:
            _answer(problem)
            return False
        for descriptor, name in ((out, "stdout"), (err, "stderr")):
            self._streams[descriptor] = name
            self._poll.register(descriptor, select.POLLIN)
        with suppress(FileNotFoundError, ProcessLookupError):
            self._record()
        return True

    def _record(self) -> None:
        own = _fields(os.getpid())
        record = {"pid": os.getpid(), "started": int(own[19]), "boot": self._order["boot"], "main": self._main}
        record |= {"group": self._order["group"], "environment": _keep(self._order["environment"])}
        _put(self._order["record"], record | self._order["about"])
        _answer(json.dumps(record).encode())

    def _turn(self, patience: int | None) -> None:
        for descriptor, _ in self._poll.poll(patience):
            if descriptor == self._wakeup:
                if signal.SIGTERM in os.read(self._wakeup, 512):
                    _end_all()
                self._reap()
            else:
                self._read(descriptor)

    def _read(self, descriptor: int) -> None:
        name = self._streams[descriptor]
        if data := os.read(descriptor, 65536):
            self._log.feed(name, data)
            return
        self._log.end(name)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        del self._streams[descriptor]

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid == self._main:
                    self._status = status

    def _limit(self) -> None:
        if self._exceeded():
            self._out_of_memory = True
            _end_all()

    def _exceeded(self) -> bool:
        """The kernel has ended a process of the group; without a group, more is held than may be."""
        limit, group = self._order["memory"], self._order["group"]
        if group:
            return bool(import_module("memory").has_killed(group))
        return bool(_resident() > limit and _proportional() > limit)

    def _finish(self) -> None:
        """The main process has ended: so has, now, everything below; the rest of the output is read."""
        while True:
            _end_all()
            self._reap()
            if not _children(os.getpid()):
                break
            time.sleep(0.002)
        if self._order["group"]:
            self._out_of_memory |= self._exceeded()
            self._remove_group()
        deadline = time.monotonic() + _DRAIN / 1000
        while self._streams and time.monotonic() < deadline:
            self._turn(_DRAIN)
        for name in self._streams.values():
            self._log.end(name)
        code = os.waitstatus_to_exitcode(self._status or 0)
        result = {"code": 128 - code if code < 0 else code, "signal": max(-code, 0), "oom": self._out_of_memory}
        tail = self._log.tail.decode(errors="replace")
        _put(self._order["exit"], result | {"finished": time.time(), "tail": tail})


def _keep(environment: dict[str, str]) -> int:
    """Holds the environment in memory for later daemons, as it has secrets; the descriptor that they read."""
    descriptor = os.memfd_create("environment")
    with open(descriptor, "w", closefd=False) as file:
        json.dump(environment, file)
    return descriptor


def _put(path: str, content: dict[str, Any]) -> None:
    with open(f"{path}.new", "w") as file:  # noqa: PTH123
        json.dump(content, file)
    os.replace(f"{path}.new", path)  # noqa: PTH105


def _answer(line: bytes) -> None:
    """Tells whoever started this; it may be gone already."""
    with suppress(OSError):
        os.write(1, line + b"\n")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)


def main() -> None:
    """Runs the order on standard input."""
    order = json.load(sys.stdin)
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - for its neighbours
    if _prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), errno.errorcode[ctypes.get_errno()])
    os.umask(0o077)
    Shim(order).run()


if __name__ == "__main__":
    main()
