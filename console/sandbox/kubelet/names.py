"""The names of Services as pods know them (kubernetes.io, "DNS for Services and Pods"), without a name server.

Pods with a view of files of their own get them as `/etc/hosts`, which is kept current while they run: a file for each
namespace, written in place, because a file that is mounted stays the same file.
"""

from __future__ import annotations

import os
import re
import socket
from ipaddress import IPv4Address
from pathlib import Path

from console.sandbox.api.machinery import Machinery
from console.sandbox.store import Change

_DOMAIN = ("svc", "cluster", "local")
_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LOCAL = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


class ServiceNames:
    """Finds the addresses of Services, and keeps the hosts files of namespaces.

    Args:
        machinery: the cluster.
        folder: of the hosts files; made when first needed.
    """

    def __init__(self, machinery: Machinery, folder: Path) -> None:
        self._machinery = machinery
        self._folder = folder
        machinery.store.subscribe("services", self._changed)

    def resolve(self, namespace: str, host: str, *, expected: bool = False) -> str | None:
        """The address for `NAME`, `NAME.NAMESPACE`, `NAME.NAMESPACE.svc`, `NAME.NAMESPACE.svc.cluster.local`.

        With `expected` also that of a Service which does not exist yet, unless this machine itself knows the name.
        """
        parts = host.rstrip(".").split(".")
        if len(parts) > 5 or tuple(parts[2:]) != _DOMAIN[: max(len(parts) - 2, 0)]:
            return None
        place = parts[1] if len(parts) > 1 else namespace
        service = self._machinery.find("services", place, parts[0])
        if service:
            address = service["spec"].get("clusterIP")
            return address if address and _is_address(address) else None
        if not expected or not _LABEL.fullmatch(parts[0]) or not self._machinery.find("namespaces", "", place):
            return None
        return None if host in _own_names() else self._machinery.expect_service(place, parts[0])

    def hosts_file(self, namespace: str) -> Path:
        """The hosts file of a namespace, current from now on."""
        file = self._folder / namespace
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o644)
            file.chmod(0o644)
        self._write(file)
        return file

    def _changed(self, _: Change) -> None:
        """Writes every file anew: Services change seldom, and each is known in all namespaces."""
        for file in self._folder.iterdir() if self._folder.is_dir() else ():
            self._write(file)

    def _write(self, file: Path) -> None:
        content = (_LOCAL + self._lines(file.name)).encode()
        if content == file.read_bytes():
            return
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, content, 0)
            os.ftruncate(descriptor, len(content))
        finally:
            os.close(descriptor)

    def _lines(self, namespace: str) -> str:
        lines = []
        for entry in self._machinery.store.entries("services"):
            address = entry.object["spec"].get("clusterIP")
            if not address or not _is_address(address):
                continue
            place = f"{entry.key.name}.{entry.key.namespace}"
            names = [place, f"{place}.svc", f"{place}.svc.cluster.local"]
            short = [entry.key.name] if entry.key.namespace == namespace else []
            lines.append(f"{address} {' '.join([*short, *names])}\n")
        return "".join(lines)


def _own_names() -> set[str]:
    """The names that this machine has for itself and others, without asking a name server."""
    try:
        lines = Path("/etc/hosts").read_text().splitlines()
    except OSError:
        lines = []
    return {"localhost", socket.gethostname(), *(word for line in lines for word in line.partition("#")[0].split())}


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
