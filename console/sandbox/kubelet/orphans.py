"""What is left of a container whose shim was killed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from console.sandbox.identity import session_of, start_time

_PATIENCE = 5.0
_LOOK = 0.01


def view_of_files(pid: int) -> str:
    """The mount namespace of a process; empty when that is our own, or the process is gone."""
    try:
        found, own = (str(Path(f"/proc/{each}/ns/mnt").readlink()) for each in (pid, "self"))
    except OSError:
        return ""
    return "" if found == own else found


def end(leader: int, files: str) -> None:
    """Ends the session that a container's process led, and all that sees files as only the container does.

    Blocks until nothing is left, for some seconds at most: a process may hang in the kernel.

    Args:
        leader: the container's own process, which has ended.
        files: its `view_of_files`.
    """
    deadline = time.monotonic() + _PATIENCE
    while (left := _left(leader, files)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK)


def _left(leader: int, files: str) -> list[int]:
    every = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
    found = (pid for pid in every if session_of(pid) == leader or (files and view_of_files(pid) == files))
    return [pid for pid in found if start_time(pid) is not None]
