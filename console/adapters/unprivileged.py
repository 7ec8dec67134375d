"""Runs a program as nobody when we are root: `python -m console.adapters.unprivileged PROGRAM ARGUMENT...`.

PostgreSQL refuses to run as root. Of root's rights the program keeps only that file permissions do not stop it
(CAP_DAC_OVERRIDE; capabilities(7), "Ambient set"): its files may lie in a folder of root's that nobody may enter.
A process of its own, because nothing of this is safe between fork and exec of a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from collections.abc import Sequence

_DAC_OVERRIDE = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


def nobody() -> pwd.struct_passwd:
    """The unprivileged user that every system has. Raises KeyError where there is none."""
    return pwd.getpwnam("nobody")


def main(command: Sequence[str]) -> None:
    """Becomes nobody, then the program. Anybody but root becomes the program right away."""
    if os.geteuid() == 0:
        _become(nobody())
    os.execv(command[0], list(command))  # noqa: S606 - there must be no shell between


def _become(user: pwd.struct_passwd) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    capability = 1 << _DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable; then the same for the capabilities from 32 up.
    _checked(libc.capset(header, (ctypes.c_uint32 * 6)(capability, capability, capability, 0, 0, 0)))
    _checked(libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, _DAC_OVERRIDE, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
