"""Whose connection it is that comes over loopback: another user of this machine may connect as well (proc(5))."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

_ROOT = 0
_TABLES = ("tcp", "tcp6")


def may_enter(peer: tuple[str, int], own: tuple[str, int]) -> bool:
    """Whether a connection from `peer` to `own` (IPv4 address and port) is this user's, or root's.

    Blocks on reading the system's table of connections. Where there is no such table, everybody may.
    """
    known = False
    for name in _TABLES:
        try:
            table = Path("/proc/net", name).read_text()
        except OSError:
            continue
        known = True
        if (user := _user(table, _place(peer), _place(own))) is not None:
            return user in (os.geteuid(), _ROOT)
    return not known


def _place(address: tuple[str, int]) -> str:
    """As the table has it; addresses of IPv6 that hold one of IPv4 end alike."""
    host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{host:08X}:{address[1]:04X}"


def _user(table: str, peer: str, own: str) -> int | None:
    """The user of the peer's socket; a socket that was left behind (inode 0) shows root, whoever made it."""
    for line in table.splitlines():
        if peer in line:
            fields = line.split()
            if fields[1].endswith(peer) and fields[2].endswith(own) and fields[9] != "0":
                return int(fields[7])
    return None
