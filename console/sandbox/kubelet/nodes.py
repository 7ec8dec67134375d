"""All process nodes of a cluster: made, started, and what is left of earlier ones removed."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from pathlib import Path

from console.sandbox.api.machinery import Machinery
from console.sandbox.failures import SandboxError
from console.sandbox.kubelet.host import Host
from console.sandbox.kubelet.images import Images
from console.sandbox.kubelet.leftovers import end_leftovers
from console.sandbox.kubelet.modes import Mode
from console.sandbox.kubelet.modes.namespaces import Namespaces, missing
from console.sandbox.kubelet.modes.plain import Plain
from console.sandbox.kubelet.names import ServiceNames
from console.sandbox.kubelet.node import Kubelet
from console.sandbox.kubelet.probes import Probes
from console.sandbox.kubelet.registration import LABEL, room
from console.sandbox.network.addresses import AddressPool
from console.sandbox.settings import Settings

log = logging.getLogger(__name__)


def make_nodes(
    machinery: Machinery, addresses: AddressPool, settings: Settings, mode: Mode, images: Images
) -> dict[str, Kubelet]:
    """A kubelet for each process node, by name, not yet started."""
    allocatable, path = room(), _path(settings.state / "bin")
    nodes = {}
    for number in range(1, settings.nodes + 1):
        host = Host(
            name=f"sandbox-{number}",
            machinery=machinery,
            addresses=addresses,
            pods=settings.state / "pods",
            scale=settings.time_scale,
            mode=mode,
            images=images,
            probes=Probes(),
            allocatable=allocatable,
            path=path,
        )
        nodes[host.name] = Kubelet(host)
    return nodes


def _path(own: Path) -> str:
    """Where pods look for programs: `python` is this interpreter, whatever its own file is called."""
    folder = Path(sys.executable).parent
    if not (folder / "python").exists():
        own.mkdir(exist_ok=True)
        (own / "python").unlink(missing_ok=True)
        (own / "python").symlink_to(sys.executable)
        folder = own
    return f"{folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def choose_mode(machinery: Machinery, settings: Settings) -> Mode:
    """The mode that the settings ask for, or the best one that this machine allows.

    Raises:
        SandboxError: namespaces are asked for, and cannot be made here.
    """
    names = ServiceNames(machinery, settings.state / "hosts")
    if settings.pod_mode != "plain":
        why = missing()
        if not why:
            return Namespaces(names.hosts_file)
        log.info("pods are not set apart by namespaces: %s", why)
        if settings.pod_mode == "namespaces":
            raise SandboxError(f"this machine does not let users make namespaces ({why}): use --pod-mode plain or auto")
    return Plain(names.resolve)


async def clean(machinery: Machinery, settings: Settings) -> None:
    """Removes Nodes beyond the number asked for, and the processes and folders of pods that are gone."""
    for entry in machinery.store.entries("nodes"):
        number = entry.key.name.removeprefix("sandbox-")
        if entry.labels.get(LABEL) and number.isdigit() and int(number) > settings.nodes:
            machinery.delete(*entry.key)
    known = {entry.uid for entry in machinery.store.entries("pods")}
    folders = [each for each in _folders(settings.state / "pods") if each.name not in known]
    await asyncio.to_thread(end_leftovers, folders)
    for each in folders:
        await asyncio.to_thread(shutil.rmtree, each, ignore_errors=True)


def _folders(pods: Path) -> list[Path]:
    return list(pods.iterdir()) if pods.exists() else []
