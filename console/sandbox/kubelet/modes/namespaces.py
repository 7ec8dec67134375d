"""Pods in user and mount namespaces: volumes at their own mountPath, a read-only root, a hosts file of their own.

The network stays this machine's: a network namespace that an ordinary user makes has no way in or out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from console.sandbox.api import pods
from console.sandbox.api.resources import Object
from console.sandbox.kubelet.listening import lowest_port
from console.sandbox.kubelet.modes import Fitted, Launch, Mount, nowhere_enforced
from console.sandbox.kubelet.references import MissingError

_JAIL = Path(__file__).parents[1] / "jail.py"
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - inside of the container
_NOT_HERE = ("seccompProfile", "appArmorProfile", "privileged")
_TRIAL = 10.0


def missing() -> str:
    """Why this machine does not let its users set pods apart; empty when it does."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        command = [sys.executable, "-I", "-S", str(_JAIL), "try", str(root)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TRIAL, check=False)  # noqa: S603
    return done.stderr.strip() or (f"exit code {done.returncode}" if done.returncode else "")


class Namespaces:
    """Pods with their own view of files, as users of their own, without capabilities.

    Args:
        hosts_file: the hosts file of a namespace, which names its Services.
    """

    name = "namespaces"
    not_enforced: tuple[str, ...] = (
        "network and process namespaces (pods share this machine's ports, localhost and process ids)",
        "NetworkPolicy",
        "CPU limits",
        "seccomp and AppArmor profiles, added capabilities",
    )

    def __init__(self, hosts_file: Callable[[str], Path]) -> None:
        self._hosts_file = hosts_file
        self.lowest_port = lowest_port()

    def fit(self, launch: Launch) -> Fitted:
        """Says what the shim has to mount; nothing is rewritten.

        Raises:
            MissingError: the container must not run as root, and does.
        """
        uid, gid = _identity(launch.pod, launch.container)
        read_only = bool((launch.container.get("securityContext") or {}).get("readOnlyRootFilesystem"))
        taken = {each.path.rstrip("/") for each in launch.mounts}
        scratch = [] if read_only else [Mount(each, launch.home) for each in _TEMPORARY if each not in taken]
        root = launch.records / "root"
        root.mkdir(exist_ok=True)
        hosts = Mount("/etc/hosts", self._hosts_file(launch.pod["metadata"]["namespace"]), read_only=True)
        own = [*scratch, *launch.mounts]
        needed = [Mount(each, Path(each), read_only=True) for each in _needed(launch) if _hidden(each, own)]
        system = [] if "/etc/hosts" in taken else [hosts]
        mounts = [(str(each.source), each.path, each.read_only) for each in (*own, *system, *needed)]
        entry = {"root": str(root), "uid": uid, "gid": gid, "mounts": mounts}
        environment = {"HOME": "/tmp"} | launch.environment  # noqa: S108
        return Fitted(launch.command, environment, launch.folder or "/", str, entry)

    def enter(self, pid: int, folder: str) -> list[str]:
        """A small program that enters the namespaces of a process."""
        return [sys.executable, "-I", "-S", str(_JAIL), "enter", str(pid), folder]

    def unenforced(self, pod: Object) -> list[str]:
        """What the pod asks for and does not get."""
        contexts = [pod["spec"].get("securityContext") or {}]
        contexts += [each.get("securityContext") or {} for each in pods.containers(pod["spec"])]
        found = {field for each in contexts for field in _NOT_HERE if each.get(field)}
        if any((each.get("capabilities") or {}).get("add") for each in contexts):
            found.add("capabilities.add")
        return sorted(found | nowhere_enforced(pod))


def _needed(launch: Launch) -> list[str]:
    """The folders without which no program of the container starts."""
    programs = [each for each in launch.environment.get("PATH", "").split(":") if Path(each).is_dir()]
    return [each for each in (launch.tree, sys.prefix, sys.base_prefix, *programs) if each]


def _hidden(path: str, mounts: list[Mount]) -> bool:
    return any(path.startswith(f"{each.path.rstrip('/')}/") for each in mounts)


def _identity(pod: Object, container: Object) -> tuple[int, int]:
    """The user and group that the container sees itself as: those it asks for, else those of the sandbox."""
    context = {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}
    uid = int(context.get("runAsUser", os.geteuid()))
    gid = int(context.get("runAsGroup", os.getegid()))
    if context.get("runAsNonRoot") and uid == 0:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        about = f'(pod: "{name}_{namespace}({pod["metadata"]["uid"]})", container: {container["name"]})'
        asked = (
            "container's runAsUser breaks non-root policy"
            if "runAsUser" in context
            else ("container has runAsNonRoot and image will run as root")
        )
        raise MissingError(f"{asked} {about}")
    return uid, gid
