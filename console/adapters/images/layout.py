"""An image on disk as an OCI image layout: one layer made of a folder, a config, a manifest.

Formats: OCI Image Format Specification 1.1 (image-layout, manifest, config). The layer is not compressed: it travels
over loopback, where packing costs more time than it saves.
"""

from __future__ import annotations

import platform
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import IO, Any, cast

import msgspec

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Blob:
    """A part of an image: its media type, digest (`sha256:...`) and size in bytes."""

    media_type: str
    digest: str
    size: int

    def descriptor(self) -> dict[str, Any]:
        """As a manifest names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


class StoppedError(Exception):
    """Writing was stopped by its caller."""


def blob_path(folder: Path, digest: str) -> Path:
    """Where a layout keeps a blob."""
    return folder / "blobs" / digest.replace(":", "/")


def write_layout(folder: Path, tree: Path, config: dict[str, Any], stop: Event) -> Blob:
    """Writes an image whose one layer is `tree`; the manifest's blob.

    Modification times are kept: Python checks compiled files against them.

    Raises:
        OSError: the disk is full, or a file cannot be read.
        StoppedError: `stop` was set meanwhile.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer = _write_layer(blobs, tree, stop)
    rootfs = {"type": "layers", "diff_ids": [layer.digest]}
    machine = {"os": "linux", "architecture": _MACHINES.get(platform.machine(), platform.machine())}
    config_blob = _write_json(blobs, _CONFIG_TYPE, {**machine, "config": config, "rootfs": rootfs})
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config_blob.descriptor(),
        "layers": [layer.descriptor()],
    }
    written = _write_json(blobs, MANIFEST_TYPE, manifest)
    index = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": [written.descriptor()]}
    (folder / "index.json").write_bytes(msgspec.json.encode(index))
    (folder / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
    return written


def read_manifest(folder: Path) -> tuple[Blob, list[Blob]]:
    """The manifest of a layout's one image, and the blobs that it needs, config first.

    Raises:
        OSError, ValueError: the layout is not complete.
    """
    index = msgspec.json.decode((folder / "index.json").read_bytes())
    manifest = _blob(index["manifests"][0])
    content = msgspec.json.decode(blob_path(folder, manifest.digest).read_bytes())
    return manifest, [_blob(content["config"]), *map(_blob, content["layers"])]


def _blob(descriptor: dict[str, Any]) -> Blob:
    return Blob(descriptor["mediaType"], descriptor["digest"], descriptor["size"])


def _write_json(blobs: Path, media_type: str, content: object) -> Blob:
    data = msgspec.json.encode(content)
    digest = sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return Blob(media_type, f"sha256:{digest}", len(data))


def _write_layer(blobs: Path, tree: Path, stop: Event) -> Blob:
    part = blobs / "layer.part"
    with part.open("wb") as file:
        hashed = _Hashed(file, stop)
        with tarfile.open(fileobj=cast(IO[bytes], hashed), mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(tree.rglob("*")):
                archive.add(path, path.relative_to(tree).as_posix(), recursive=False, filter=_anonymous)
    digest = hashed.hash.hexdigest()
    part.rename(blobs / digest)
    return Blob(_LAYER_TYPE, f"sha256:{digest}", hashed.size)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = int(entry.mtime)
    return entry


class _Hashed:
    """A file that is written and hashed in one go, and can be stopped between two writes."""

    def __init__(self, file: IO[bytes], stop: Event) -> None:
        self._file = file
        self._stop = stop
        self.hash = sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        if self._stop.is_set():
            raise StoppedError
        self.hash.update(data)
        self.size += len(data)
        return self._file.write(data)
