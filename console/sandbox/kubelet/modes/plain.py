"""Pods without namespaces, for containers and hardened machines: what a container calls by its own path is rewritten.

A mountPath becomes the volume's real path wherever it stands in the environment, the command, or a probe's command.
A Service's name becomes the Service's address where a value of the environment is a URL or `NAME:PORT`. A Service that
does not exist yet has its address already, so that a container finds one which is made after its start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from console.sandbox.api import pods
from console.sandbox.api.resources import Object
from console.sandbox.kubelet.listening import lowest_port
from console.sandbox.kubelet.modes import Fitted, Launch, Mount, Resolve, nowhere_enforced

_URL = re.compile(r"(?P<head>\b[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@\s]*@)?)(?P<host>[a-zA-Z0-9][a-zA-Z0-9.-]*)")
_PORT, _HTTP = re.compile(r":\d"), ("http://", "https://", "ws://", "wss://")
_PLACE = re.compile(r"^(?P<head>)(?P<host>[a-z0-9][a-z0-9.-]*)(?=:\d+$)")


class Plain:
    """Pods share this machine's files and network.

    Args:
        resolve: finds Services by name.
    """

    name = "plain"
    not_enforced: tuple[str, ...] = (
        "runAsUser, runAsNonRoot, capabilities, seccomp (pods run as the user who started the sandbox)",
        "readOnlyRootFilesystem (pods see this machine's files)",
        "network namespaces (pods share localhost and 0.0.0.0)",
        "names of Services outside of URLs and NAME:PORT in the environment (there is no name server)",
        "NetworkPolicy",
        "CPU limits",
    )

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self.lowest_port = lowest_port() if os.geteuid() else 1

    def fit(self, launch: Launch) -> Fitted:
        """Rewrites mount paths and Service names."""
        rewrite = rewriter(launch.mounts)
        home = str(launch.home)
        namespace = launch.pod["metadata"]["namespace"]
        environment = {name: rewrite(self._addresses(value, namespace)) for name, value in launch.environment.items()}
        folder = rewrite(launch.folder) if launch.folder else home
        scratch = rewrite("/tmp") if rewrite("/tmp") != "/tmp" else home  # noqa: S108
        basics = {"HOME": home, "TMPDIR": scratch}
        return Fitted([rewrite(each) for each in launch.command], basics | environment, folder, rewrite)

    def _addresses(self, value: str, namespace: str) -> str:
        def address(found: re.Match[str]) -> str:
            head, host = found["head"], found["host"]
            # Not every URL names a host (`s3://bucket`): what has a port or speaks HTTP does.
            expected = bool(_PORT.match(found.string, found.end())) or head.startswith(_HTTP)
            return head + (self._resolve(namespace, host, expected=expected) or host)

        return _PLACE.sub(address, _URL.sub(address, value))

    def enter(self, pid: int, folder: str) -> list[str]:
        """Nothing has to be entered."""
        return []

    def unenforced(self, pod: Object) -> list[str]:
        """What the pod's security contexts ask for."""
        contexts = [pod["spec"].get("securityContext") or {}]
        contexts += [each.get("securityContext") or {} for each in pods.containers(pod["spec"])]
        found = {field for each in contexts for field, value in each.items() if value not in (None, False, {})}
        found -= {"fsGroup", "fsGroupChangePolicy", "allowPrivilegeEscalation"}
        return sorted(found | nowhere_enforced(pod))


def rewriter(mounts: Sequence[Mount]) -> Callable[[str], str]:
    """Replaces paths below mounts by where they are on this machine; longer mount paths win."""
    places = {each.path.rstrip("/"): str(each.source) for each in mounts if each.path.rstrip("/")}
    if not places:
        return lambda text: text
    paths = "|".join(re.escape(each) for each in sorted(places, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w./-])({paths})(?![\w.-])")
    return lambda text: pattern.sub(lambda found: places[found[1]], text)
