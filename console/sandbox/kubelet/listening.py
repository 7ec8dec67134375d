"""What pods without a network of their own get wrong: listening where only one can, or where they may not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from console.sandbox.api.resources import Object

_LISTEN = "0A"  # TCP_LISTEN in include/net/tcp_states.h
_IN_USE = re.compile(r"address (already )?in use|EADDRINUSE", re.IGNORECASE)
_WAY_OUT = "let it listen on its pod's own address, `$(POD_IP)` in `sandbox.command` or `sandbox.env` of the stack file"


def everywhere(pids: Iterable[int]) -> list[int]:
    """The TCP ports at which these processes listen on all addresses (0.0.0.0 or ::)."""
    open_ = _wildcards()
    found = {open_[inode] for pid in pids for inode in _sockets(pid) if inode in open_} if open_ else set()
    return sorted(found)


def _wildcards() -> dict[str, int]:
    """Ports of sockets that listen on all addresses, by inode (proc(5), /proc/net/tcp)."""
    found = {}
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", name).read_text().splitlines()[1:]:
                fields = line.split()
                address, port = fields[1].split(":")
                if fields[3] == _LISTEN and not address.strip("0"):
                    found[fields[9]] = int(port, 16)
    return found


def _sockets(pid: int) -> Iterable[str]:
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = os.readlink(each)  # noqa: PTH115 - not a path
                if target.startswith("socket:["):
                    yield target[8:-1]


def advice_everywhere(container: str, port: int) -> str:
    """For a container that listens on all addresses."""
    return (
        f"Container {container} listens on 0.0.0.0:{port}: pods share this machine's network here, so only one of them "
        f"can have that port; {_WAY_OUT}"
    )


def advice_in_use(container: str, output: str) -> str:
    """For a container that ended because an address was taken, by the end of its output; empty for any other end."""
    if not _IN_USE.search(output):
        return ""
    return (
        f"Container {container} found its address in use: pods share this machine's network here; if it listens on "
        f"0.0.0.0 or localhost, {_WAY_OUT}"
    )


def advice_low(container: Object, lowest: int) -> str:
    """For a container with a port below the lowest one that its process may listen on; empty when there is none."""
    ports = sorted(each["containerPort"] for each in container.get("ports") or () if each["containerPort"] < lowest)
    if not ports:
        return ""
    return (
        f"Container {container['name']} has port {ports[0]}, and may not listen below {lowest} here: give it a port "
        "from 1024 up, as containerPort and in what it listens on; the Service's own port may stay"
    )


def lowest_port() -> int:
    """The lowest port that a process without rights may listen on."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024
