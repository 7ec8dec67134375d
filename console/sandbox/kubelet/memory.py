"""A control group for the memory of one container, where this user may make one; standard library only.

Version 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html): beside the own group, as one that has processes may
have no groups below it that are limited. Version 1: below the own group.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress


def make(name: str, limit: int) -> str:
    """Makes a group that holds so many bytes at most; its folder, empty when this user may not."""
    for parent, files in _parents():
        folder = os.path.join(parent, name)  # noqa: PTH118 - pathlib would double the start of every container
        try:
            os.mkdir(folder)  # noqa: PTH102
            _write(folder, files[0], str(limit))
        except OSError:
            remove(folder)
            continue
        for file, value in zip(files[1:], ("0", "1") if files[0] == "memory.max" else (str(limit),), strict=True):
            with suppress(OSError):
                _write(folder, file, value)
        return folder
    return ""


def _parents() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Folders in which a group can be made, with the files that limit it."""
    with open("/proc/self/cgroup") as file:  # noqa: PTH123
        own = [line.rstrip("\n").split(":", 2) for line in file]
    with open("/proc/self/mountinfo") as file:  # noqa: PTH123
        mounts = [line.split() for line in file]
    for _, controllers, path in own:
        for mount in mounts:
            kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
            place = mount[4] + os.path.relpath(path, mount[3]).join(("/", ""))
            if not controllers and kind == "cgroup2" and _gives_memory(os.path.dirname(place)):  # noqa: PTH120
                yield os.path.dirname(place), ("memory.max", "memory.swap.max", "memory.oom.group")  # noqa: PTH120
            elif "memory" in controllers.split(",") and kind == "cgroup" and "memory" in options:
                yield place, ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")


def _gives_memory(folder: str) -> bool:
    return "memory" in _read(folder, "cgroup.subtree_control").split()


def join(folder: str) -> None:
    """Puts this process into a group.

    Raises:
        OSError: it may not.
    """
    _write(folder, "cgroup.procs", str(os.getpid()))


def has_killed(folder: str) -> bool:
    """Whether the kernel has ended a process of the group for want of memory."""
    told = _read(folder, "memory.events") or _read(folder, "memory.oom_control")
    return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in told.splitlines())


def remove(folder: str) -> None:
    """Removes a group that has no process any more."""
    with suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106


def _read(folder: str, file: str) -> str:
    try:
        with open(os.path.join(folder, file)) as opened:  # noqa: PTH118, PTH123
            return opened.read()
    except OSError:
        return ""


def _write(folder: str, file: str, value: str) -> None:
    with open(os.path.join(folder, file), "w") as opened:  # noqa: PTH118, PTH123
        opened.write(value)
