"""What containers use: CPU and memory of all processes below their shims, from one walk over /proc (proc(5))."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from console.sandbox.api.ports import Usage

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
SHORTEST_WINDOW = 1.0
"""Seconds between two looks; who asks sooner gets the last answer."""
NOTHING = Usage(0.0, 0)

K = TypeVar("K")


class _Process(NamedTuple):
    """Times in ticks; `reaped` is that of children that have ended, and whose end was taken notice of."""

    parent: int
    own: int
    reaped: int
    started: int
    resident: int


class _Sums(NamedTuple):
    """Of one container; `oldest` is when its first process began, in seconds since boot."""

    cpu: float
    memory: int
    oldest: float


class Sample(NamedTuple, Generic[K]):
    """What was used at `time` (seconds since the epoch), CPU over `window` seconds."""

    time: float
    window: float
    usage: Mapping[K, Usage]


class Sampler(Generic[K]):
    """Measures containers; between calls it does nothing.

    CPU is what was used since the call before; at first, since the container began. Memory is resident, pages that
    processes share count for each of them.
    """

    def __init__(self) -> None:
        self._sums: dict[K, _Sums] = {}
        self._last: Sample[K] | None = None
        self._measured = 0.0
        self._turn = asyncio.Lock()

    async def sample(self, shims: Mapping[K, int]) -> Sample[K]:
        """The use of each container, by its shim's process id; one that has ended uses nothing."""
        async with self._turn:
            now = time.monotonic()
            if self._last is None or now - self._measured >= SHORTEST_WINDOW:
                sums = await asyncio.to_thread(_measure, dict(shims))
                self._last, self._measured = self._compare(sums, now - self._measured if self._measured else 0.0), now
                self._sums = sums
            return self._last

    def _compare(self, sums: Mapping[K, _Sums], window: float) -> Sample[K]:
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        usage = {}
        for key, now in sums.items():
            before = self._sums.get(key)
            seconds = window if before else max(uptime - now.oldest, 0.01)
            used = now.cpu - before.cpu if before else now.cpu
            usage[key] = Usage(max(used, 0.0) / seconds, now.memory)
        return Sample(time.time(), window or SHORTEST_WINDOW, usage)


def _measure(shims: Mapping[K, int]) -> dict[K, _Sums]:
    processes = _processes()
    children: dict[int, list[int]] = defaultdict(list)
    for pid, process in processes.items():
        children[process.parent].append(pid)
    return {key: _sums(shim, processes, children) for key, shim in shims.items() if shim in processes}


def _sums(shim: int, processes: Mapping[int, _Process], children: Mapping[int, list[int]]) -> _Sums:
    """Of all below a shim; it takes notice of the end of each orphan there, and so knows their times."""
    below, todo = [], list(children.get(shim, ()))
    while todo:
        pid = todo.pop()
        below.append(processes[pid])
        todo += children.get(pid, ())
    ticks = processes[shim].reaped + sum(each.own + each.reaped for each in below)
    oldest = min((each.started for each in below), default=processes[shim].started)
    return _Sums(ticks / _TICKS, sum(each.resident for each in below), oldest / _TICKS)


def _processes() -> dict[int, _Process]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (process := _read(entry / "stat")):
            found[int(entry.name)] = process
    return found


def _read(path: Path) -> _Process | None:
    try:
        fields = path.read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    parent, (user, system, reaped_user, reaped_system) = int(fields[1]), map(int, fields[11:15])
    return _Process(parent, user + system, reaped_user + reaped_system, int(fields[19]), int(fields[21]) * _PAGE)
