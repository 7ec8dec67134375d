"""The Node object of a kubelet, and the heartbeats that keep it ready."""

from __future__ import annotations

import asyncio
import os
import platform
from pathlib import Path

from console.sandbox.api import times
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.api.version import GIT_VERSION, version
from console.sandbox.controllers.status import condition, merge
from console.sandbox.identity import boot_id
from console.sandbox.kubelet.host import ADDRESS

HEARTBEAT = 10.0
"""Seconds between two renewals of the node's Lease; `nodeLeaseDurationSeconds` / 4."""
_LEASE_SECONDS = 40
_LEASES = "kube-node-lease"
LABEL = "sandbox/processes"
_PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def room() -> Object:
    """What this machine has; every node has all of it, as in other clusters whose nodes share one machine (kind)."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    disk = os.statvfs("/")
    return {
        "cpu": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory // 1024}Ki",
        "ephemeral-storage": f"{disk.f_blocks * disk.f_frsize // 1024}Ki",
        "pods": "110",
    }


def register(machinery: Machinery, name: str) -> None:
    """Makes the Node, or brings it up to date; what others have set in it (cordon, taints, labels) stays."""
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": version()["platform"].partition("/")[2],
        LABEL: "true",
    }
    if not machinery.find("nodes", "", name):
        machinery.create("nodes", {"metadata": {"name": name, "labels": labels}, "spec": {}})

    def label(node: Object) -> None:
        node["metadata"].setdefault("labels", {}).update(labels)

    machinery.mutate("nodes", "", name, label)
    machinery.mutate("nodes", "", name, _ready, subresource="status")


def _ready(node: Object) -> None:
    capacity, old = room(), node.get("status") or {}
    conditions = [condition(type_, False, reason, message) for type_, reason, message in _PRESSURES]
    conditions.append(condition("Ready", True, "KubeletReady", "kubelet is posting ready status"))
    moment = times.time()
    node["status"] = old | {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": merge(old.get("conditions"), *(each | {"lastHeartbeatTime": moment} for each in conditions)),
        "addresses": [
            {"type": "InternalIP", "address": ADDRESS},
            {"type": "Hostname", "address": node["metadata"]["name"]},
        ],
        "nodeInfo": _info(),
    }


def _info() -> Object:
    return {
        "machineID": _machine_id(),
        "systemUUID": _machine_id(),
        "bootID": boot_id(),
        "kernelVersion": platform.release(),
        "osImage": _system(),
        "containerRuntimeVersion": f"processes://{platform.python_version()}",
        "kubeletVersion": GIT_VERSION,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": version()["platform"].partition("/")[2],
    }


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


async def keep_alive(machinery: Machinery, name: str) -> None:
    """Renews the node's Lease until cancelled."""
    while True:
        _renew(machinery, name)
        await asyncio.sleep(HEARTBEAT)


def _renew(machinery: Machinery, name: str) -> None:
    now = times.micro_time()
    spec = {"holderIdentity": name, "leaseDurationSeconds": _LEASE_SECONDS, "renewTime": now}
    if machinery.find("leases", _LEASES, name):
        machinery.mutate("leases", _LEASES, name, lambda lease: lease["spec"].update(spec))
    else:
        metadata = {"name": name, "namespace": _LEASES}
        machinery.create("leases", {"metadata": metadata, "spec": spec | {"acquireTime": now}})
