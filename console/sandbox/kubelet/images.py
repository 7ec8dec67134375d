"""Images as the kubelet gets them: from the cluster's own registry, unpacked once into a folder that clusters share.

A tree is kept by the digests of its layers, so that images which differ in their config only share it, and two
sandboxes unpack the same image once.
"""

from __future__ import annotations

import asyncio
import json
import platform
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from console.sandbox.api.resources import Object
from console.sandbox.image_store import INDEX_TYPES, Manifest
from console.sandbox.kubelet.layers import LayerError
from console.sandbox.kubelet.trees import Trees
from console.sandbox.registry import Registry

BUILTIN = "busybox"
"""The image that is always there: this machine's own shell and programs, under any tag."""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_REFERENCE = re.compile(
    r"(?:(?P<host>localhost(?::\d+)?|[\w-]+(?:\.[\w-]+)+(?::\d+)?|[\w-]+:\d+)/)?"
    r"(?P<name>[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_DOCKER = ("", "docker.io", "index.docker.io", "registry-1.docker.io")


class PullError(Exception):
    """An image cannot be had.

    Args:
        reason: `ErrImagePull`, `ErrImageNeverPull` or `InvalidImageName`.
        message: why.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is unpacked.

    Attributes:
        root: its tree.
        id: the digest of its manifest.
        reference: as the pod named it.
        config: the OCI image configuration's `config`: Env, Cmd, Entrypoint, StopSignal, WorkingDir.
    """

    root: Path
    id: str
    reference: str
    config: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name, taken apart; `target` is its digest, else its tag."""

    text: str
    host: str
    name: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Takes a name apart as Docker does: the first part is a host if it looks like one.

        Raises:
            PullError: `InvalidImageName`.
        """
        found = _REFERENCE.fullmatch(text)
        if not found:
            why = "invalid reference format"
            if _REFERENCE.fullmatch(text.lower()):
                why += f": repository name ({text.partition(':')[0]}) must be lowercase"
            message = f'Failed to apply default image tag "{text}": couldn\'t parse image name "{text}": {why}'
            raise PullError("InvalidImageName", message)
        return cls(text, found["host"] or "", found["name"], found["digest"] or found["tag"] or "latest")

    @property
    def builtin(self) -> bool:
        """It means the image that is always there."""
        return self.host in _DOCKER and self.name in (BUILTIN, f"library/{BUILTIN}")


class Images:
    """The images of one cluster, for all of its nodes.

    Args:
        trees: where they are unpacked.
        registry: of this cluster; images of other hosts cannot be had.
    """

    def __init__(self, trees: Trees, registry: Registry) -> None:
        self.trees, self.registry = trees, registry
        self._known: dict[str, Image] = {}

    async def pull(self, image: str, policy: str) -> Image:
        """The image, unpacked.

        Args:
            image: its name, as a pod has it.
            policy: `Always`, `IfNotPresent` or `Never`; an image is present once this daemon has pulled it, or when the
                registry has it and its tree is unpacked already.

        Raises:
            PullError: it cannot be had.
        """
        reference = Reference.parse(image)
        if reference.builtin:
            return await self._builtin(image)
        known = self._known.get(image)
        if known and policy != "Always" and self.trees.hold(known.root):
            return known
        if policy == "Never":
            manifest = self._local(reference)
            if not (manifest and self._place(manifest).exists()):
                why = f'Container image "{image}" is not present with pull policy of Never'
                raise PullError("ErrImageNeverPull", why)
        else:
            manifest = self._resolve(reference)
        found = self._known[image] = await self._unpacked(reference, manifest)
        return found

    async def _builtin(self, image: str) -> Image:
        root = self.trees.folder / BUILTIN
        await asyncio.to_thread(root.mkdir, parents=True, exist_ok=True)
        return Image(root, f"sandbox://{BUILTIN}", image)

    # -- finding

    def _local(self, reference: Reference) -> Manifest | None:
        if reference.host not in self.registry.hosts:
            return None
        found = self.registry.store.manifest(reference.name, reference.target)
        if found and found.media_type in INDEX_TYPES:
            return self._of_this_machine(reference, found)
        return found

    def _resolve(self, reference: Reference) -> Manifest:
        if reference.host not in self.registry.hosts:
            raise _unreachable(reference, self.registry.hosts[0])
        found = self._local(reference)
        if not found:
            why = f'failed to resolve reference "{reference.text}": {reference.text}: not found'
            raise _failed(reference, "NotFound", why)
        return found

    def _of_this_machine(self, reference: Reference, index: Manifest) -> Manifest | None:
        machine = _MACHINES.get(platform.machine(), platform.machine())
        for each in index.decoded.get("manifests", ()):
            wanted = each.get("platform") or {}
            if (wanted.get("os", "linux"), wanted.get("architecture", machine)) == ("linux", machine):
                return self.registry.store.manifest(reference.name, each["digest"])
        return None

    # -- unpacking

    def _place(self, manifest: Manifest) -> Path:
        digests = [each["digest"] for each in manifest.decoded.get("layers") or ()]
        key = digests[0] if len(digests) == 1 else f"sha256:{sha256(' '.join(digests).encode()).hexdigest()}"
        return self.trees.folder / key.removeprefix("sha256:")

    async def _unpacked(self, reference: Reference, manifest: Manifest) -> Image:
        try:
            place = self._place(manifest)
            config = json.loads(self._blob(manifest.decoded["config"]).read_bytes()).get("config") or {}
            layers = [self._blob(each) for each in manifest.decoded["layers"]]
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise _failed(reference, "Unknown", f"this is not an image manifest ({error!r})") from error
        except OSError as error:
            raise _failed(reference, "Unknown", f"failed to read: {error}") from error
        try:
            await self.trees.get(place, layers)
        except (LayerError, OSError) as error:
            raise _failed(reference, "Unknown", f"failed to extract layer: {error}") from error
        return Image(place, manifest.digest, reference.text, config)

    def _blob(self, part: dict[str, Any]) -> Path:
        found = self.registry.store.blob(part["digest"])
        if not found:
            raise FileNotFoundError(2, "not found", part["digest"])
        return found


def _failed(reference: Reference, code: str, why: str) -> PullError:
    """As containerd words it."""
    text = f'rpc error: code = {code} desc = failed to pull and unpack image "{reference.text}": {why}'
    return PullError("ErrImagePull", text)


def _unreachable(reference: Reference, ours: str) -> PullError:
    host = "registry-1.docker.io" if reference.host in _DOCKER else reference.host
    url = f"https://{host}/v2/{reference.name}/manifests/{reference.target}"
    why = f'failed to do request: Head "{url}": no such host: not reachable from the embedded cluster'
    hint = f"which serves images of {ours} only"
    return _failed(reference, "Unknown", f'failed to resolve reference "{reference.text}": {why}, {hint}')
