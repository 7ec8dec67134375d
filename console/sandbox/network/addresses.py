"""Loopback addresses: every cluster has a range 127.a.0.0/16 of its own, half for pods, half for Services.

A range belongs to a state folder for as long as that folder exists: a file in the user's runtime folder says so, and is
locked while the cluster runs. So clusters of one machine do not collide, and addresses stay the same over a restart.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from console.sandbox.failures import SandboxError


class Range:
    """One locked range 127.a.0.0/16.

    Args:
        octet: the second octet, `a`.
        descriptor: the open, locked file; the lock ends with it, or with the process.
    """

    def __init__(self, octet: int, descriptor: int) -> None:
        self.octet = octet
        self._descriptor = descriptor

    @property
    def pods(self) -> IPv4Network:
        """The half that pods get their addresses from."""
        return IPv4Network(f"127.{self.octet}.0.0/17")

    @property
    def services(self) -> IPv4Network:
        """The half that Services get their addresses from."""
        return IPv4Network(f"127.{self.octet}.128.0/17")

    def close(self) -> None:
        """Unlocks the range; it stays reserved for the state folder."""
        os.close(self._descriptor)


def lock_range(runtime: Path, state: Path, preferred: int = 0) -> Range:
    """Takes the range of a state folder: the preferred one, else the one reserved before, else a free one.

    Raises:
        SandboxError: every range, or the preferred one, is in use.
    """
    runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    owners = {octet: _owner(runtime, octet) for octet in range(1, 255)}
    mine = [octet for octet, owner in owners.items() if owner == state]
    free = [octet for octet, owner in owners.items() if owner is None or not owner.exists()]
    for octet in [preferred] if preferred else [*mine, *free]:
        if (descriptor := _lock(runtime / f"127.{octet}", state)) is not None:
            return Range(octet, descriptor)
    taken = f"127.{preferred}.0.0/16 is" if preferred else "all loopback ranges are"
    raise SandboxError(
        f"cannot take a loopback range: {taken} in use by another sandbox (see {runtime}); "
        "stop one with `sandbox down --state DIR`"
    )


def release_ranges(runtime: Path, state: Path) -> None:
    """Gives back what a state folder has reserved, when it is removed for good."""
    for octet in range(1, 255):
        if _owner(runtime, octet) == state:
            (runtime / f"127.{octet}").unlink(missing_ok=True)


def _owner(runtime: Path, octet: int) -> Path | None:
    try:
        return Path((runtime / f"127.{octet}").read_text() or "/nonexistent")
    except FileNotFoundError:
        return None


def _lock(path: Path, state: Path) -> int | None:
    """Locks the file and writes the owner into it; None when another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(state).encode(), 0)
    return descriptor


def may_listen(address: str, port: int) -> bool:
    """Whether this user may listen there; ordinary users may not below 1024 on most machines."""
    with socket.socket() as trial:
        try:
            trial.bind((address, port))
        except PermissionError:
            return False
        except OSError:
            return True
    return True


class AddressPool:
    """Addresses of pods. Those of living pods are held when the cluster starts again.

    Args:
        network: the range to give from; its first 10 addresses are left out.
        held: addresses in use already.
    """

    def __init__(self, network: IPv4Network, held: Iterable[str] = ()) -> None:
        self._first = int(network.network_address) + 10
        self._size = network.num_addresses - 11
        self._network = network
        self._taken: set[str] = set()
        self._next = 0
        for address in held:
            self.hold(address)

    def take(self) -> str:
        """A free address; one that was given back is used again as late as possible.

        Raises:
            SandboxError: none is left.
        """
        for _ in range(self._size):
            address = str(IPv4Address(self._first + self._next))
            self._next = (self._next + 1) % self._size
            if self.hold(address):
                return address
        raise SandboxError(f"no address is left in {self._network}: delete pods")

    def hold(self, address: str) -> bool:
        """Marks an address as used; False when it is used already or lies outside."""
        if address in self._taken or IPv4Address(address) not in self._network:
            return False
        self._taken.add(address)
        return True

    def holds(self, address: str) -> bool:
        """Whether an address is used; one of another cluster's range is not."""
        return address in self._taken

    def release(self, address: str) -> None:
        """Gives an address back; one that is not held is fine."""
        self._taken.discard(address)
