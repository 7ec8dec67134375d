"""Sets a process apart by a user and a mount namespace: its own view of files, read only but for its volumes.

Standard library only: the shim imports it, and it is a program of its own (`python -I -S jail.py`) that runs a command
where a container runs, or finds out whether this machine allows all this to an ordinary user.

The new root is a small tmpfs. What lies in the machine's root is bound into it; a folder that has to get a mount point
which the machine does not have is made anew, and its entries are bound one by one. See mount_namespaces(7),
user_namespaces(7), mount_setattr(2).
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import sys
from contextlib import suppress
from typing import Any

_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_BIND, _REC, _SLAVE = 4096, 16384, 1 << 19
_DETACH = 2
_ATTR_RDONLY, _AT_FDCWD, _AT_RECURSIVE = 1, -100, 0x8000
_MOUNT_SETATTR, _PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}.get(os.uname().machine, 0)
_SET_PDEATHSIG, _CAPBSET_DROP, _SET_NO_NEW_PRIVS = 1, 24, 38
_HIGHEST_CAPABILITY = 63
_libc = ctypes.CDLL(None, use_errno=True)
NOT_STARTED = "jail: not started: "
"""What standard error begins with when the command was never reached; the number of the error follows."""

Tree = dict[str, Any]
"""Names of mount points that are missing, nested; a leaf is True for a folder, False for a file."""


class JailError(OSError):
    """A step could not be taken; `filename` says which."""


def _check(result: int, step: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise JailError(number, os.strerror(number), step)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    words = (source.encode(), target.encode(), kind.encode() if kind else None)
    _check(_libc.mount(*words, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


def _bind(source: str, target: str) -> None:
    _mount(source, target, None, _BIND | _REC)


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("of", ctypes.c_uint64),
    )


def _protect(path: str) -> None:
    """Makes a mount and all below it read only (Linux 5.12)."""
    _set(path, _AT_RECURSIVE, _Attributes(set=_ATTR_RDONLY))


def _set(path: str, flags: int, wanted: _Attributes) -> None:
    size = ctypes.c_size_t(ctypes.sizeof(wanted))
    result = _libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, ctypes.byref(wanted), size)
    _check(result, f"protect {path}")


# -- the way in


def confine(entry: dict[str, Any]) -> None:
    """Moves this process into namespaces of its own.

    Args:
        entry: `root`, an empty folder; `uid` and `gid` that the process sees itself as; `mounts`, each a source, a
            target and whether it is read only.

    Raises:
        JailError: the system does not allow a step.
    """
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(_NEWUSER | _NEWNS), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{entry['uid']} {uid} 1")
    _write("/proc/self/gid_map", f"{entry['gid']} {gid} 1")
    _mount("none", "/", None, _REC | _SLAVE)
    _furnish(entry["root"], entry["mounts"])
    _change_root(entry["root"])


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - pathlib would double the start of every container
        file.write(text)


def _furnish(root: str, mounts: list[tuple[str, str, bool]]) -> None:
    places = [(source, os.path.realpath(target), fixed) for source, target, fixed in mounts]
    places.sort(key=lambda each: each[1].count("/"))
    _mount("tmpfs", root, "tmpfs", 0, "mode=755,size=4m")
    mask = os.umask(0)
    _mirror("/", root, _missing(places))
    os.umask(mask)
    _protect(root)
    _set(f"{root}/proc", 0, _Attributes(clear=_ATTR_RDONLY))  # processes write to their own entries
    for source, target, _ in places:
        place = root + target
        if not os.path.lexists(place):
            _make_point(place, os.path.isdir(source))  # noqa: PTH112
        _bind(source, place)
    for _, target, fixed in places:
        if fixed:  # last, as a mount point inside of it may have had to be made
            _set(root + target, 0, _Attributes(set=_ATTR_RDONLY))


def _missing(places: list[tuple[str, str, bool]]) -> Tree:
    """The mount points that neither this machine has, nor another mount brings."""
    tree: Tree = {}
    tops = [target for _, target, _ in places]
    for source, target, _ in places:
        inside = any(target != top and target.startswith(f"{top}/") for top in tops)
        if inside or os.path.lexists(target):
            continue
        *folders, name = target.strip("/").split("/")
        branch = tree
        for each in folders:
            branch = branch.setdefault(each, {})
        branch[name] = os.path.isdir(source)  # noqa: PTH112
    return tree


def _mirror(old: str, new: str, tree: Tree) -> None:
    """Fills a folder with what another one holds, and with the missing mount points."""
    with suppress(OSError):
        for name in os.listdir(old):  # noqa: PTH208
            if name not in tree:
                with suppress(OSError):
                    _copy(os.path.join(old, name), os.path.join(new, name))  # noqa: PTH118
    for name, branch in tree.items():
        place = os.path.join(new, name)  # noqa: PTH118
        if isinstance(branch, bool):
            _make_point(place, branch)
        else:
            os.mkdir(place, 0o755)  # noqa: PTH102
            _mirror(os.path.join(old, name), place, branch)  # noqa: PTH118


def _copy(source: str, target: str) -> None:
    mode = os.lstat(source).st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211
        return
    _make_point(target, stat.S_ISDIR(mode))
    _bind(source, target)


def _make_point(place: str, folder: bool) -> None:
    os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)  # noqa: PTH103, PTH120
    if folder:
        os.mkdir(place, 0o755)  # noqa: PTH102
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _change_root(root: str) -> None:
    """The new root on top of the old one, which is then let go (pivot_root(2), "pivot_root(".", ".")")."""
    os.chdir(root)
    _check(_libc.syscall(_PIVOT_ROOT, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount the old root")
    os.chdir("/")


def drop_rights() -> None:
    """What is executed next gets no capability, and no way to any."""
    for capability in range(_HIGHEST_CAPABILITY + 1):
        _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)
    _check(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


# -- programs


def _enter(pid: str, folder: str, command: list[str]) -> None:
    """Runs a command in the namespaces of a process."""
    descriptors = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in ("user", "mnt")]
    for each in descriptors:
        _check(_libc.setns(each, 0), "setns")
    os.chdir(folder)
    drop_rights()
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # it ends with the daemon
    os.execvp(command[0], command)  # noqa: S606 - that is what it is for


def _try(root: str) -> None:
    """Whether all steps work here: a file is mounted where there is none, and the root cannot be written."""
    source = os.path.join(root, "..", "source")  # noqa: PTH118
    os.makedirs(source, exist_ok=True)  # noqa: PTH103
    confine({"root": root, "uid": 1000, "gid": 1000, "mounts": [(source, "/no/such/folder", False)]})
    drop_rights()
    _write("/no/such/folder/trial", "")
    try:
        _write("/no/such/trial", "")
    except OSError:
        return
    raise JailError(0, "the root can be written", "protect")


def main(arguments: list[str]) -> int:
    """`enter PID FOLDER COMMAND...` or `try FOLDER`; the exit code."""
    try:
        if arguments[0] == "try":
            _try(arguments[1])
        else:
            _enter(arguments[1], arguments[2], arguments[3:])
    except OSError as error:
        # Whoever started this tells a program that is not there from one that ends with the same code.
        mark = f"{NOT_STARTED}{error.errno} " if arguments[0] == "enter" else ""
        sys.stderr.write(f"{mark}{error.filename or arguments[-1]}: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
