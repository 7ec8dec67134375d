"""What the image registry keeps on disk: blobs by digest, manifests and tags by repository.

    blobs/sha256/HEX                          every blob and manifest, once, whatever repositories name it
    repositories/NAME/_manifests/HEX          the manifest belongs to this repository; holds its media type
    repositories/NAME/_tags/TAG               holds the digest of a manifest
    uploads/ID                                what has arrived of an upload

Files appear whole or not at all (rename), in this order, so that a kill at any moment leaves nothing half known. All
methods block on the disk: callers on an event loop use a thread for those that read or write much.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ABANDONED_AFTER = 3600.0
"""Seconds after which an upload that gets no more data is dropped."""

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


class DigestError(Exception):
    """What arrived does not have the digest that was announced."""


class Manifest(NamedTuple):
    """A manifest as it was pushed."""

    digest: str
    media_type: str
    content: bytes

    @property
    def decoded(self) -> dict[str, Any]:
        """The JSON object."""
        found: dict[str, Any] = json.loads(self.content)
        return found


class Upload:
    """A blob that is arriving.

    Args:
        path: of its file, which is made anew.
    """

    def __init__(self, path: Path) -> None:
        self.id = path.name
        self.path = path
        self.size = 0
        self.touched = time.monotonic()
        self._hash = sha256()
        self._file = path.open("xb", buffering=0)

    def append(self, data: bytes) -> None:
        """Takes the next bytes. Raises OSError."""
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
        self.touched = time.monotonic()

    @property
    def digest(self) -> str:
        """Of what has arrived so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def close(self) -> None:
        """Makes what has arrived safe on the disk."""
        os.fsync(self._file.fileno())
        self._file.close()

    def drop(self) -> None:
        """Removes it."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class ImageStore:
    """The images of one cluster.

    Args:
        root: its folder; made when it is not there.

    Attributes:
        blobs: the folder of the blobs; a blob's time is that of its last use.
        lock: is held while it is decided whether a blob goes, or just now is needed.
    """

    def __init__(self, root: Path) -> None:
        self.blobs, self._repositories = root / "blobs" / "sha256", root / "repositories"
        self._arriving = root / "uploads"
        shutil.rmtree(self._arriving, ignore_errors=True)
        for each in (self.blobs, self._repositories, self._arriving):
            each.mkdir(parents=True, exist_ok=True)
        self._uploads: dict[str, Upload] = {}
        self.lock = threading.Lock()

    # -- blobs

    def blob(self, digest: str) -> Path | None:
        """The file of a blob or manifest; None when there is none. Who asks is about to need it: it counts as new."""
        path = self.blobs / digest.removeprefix("sha256:")
        try:
            with self.lock:
                os.utime(path)
        except OSError:
            return None
        return path if DIGEST.fullmatch(digest) else None

    def start(self) -> Upload:
        """Begins an upload, and drops those that nobody goes on with."""
        for each in tuple(self._uploads.values()):
            if time.monotonic() - each.touched > ABANDONED_AFTER:
                self.cancel(each)
        upload = Upload(self._arriving / uuid.uuid4().hex)
        self._uploads[upload.id] = upload
        return upload

    def upload(self, id_: str) -> Upload | None:
        """The upload that goes on under a name."""
        return self._uploads.get(id_)

    def cancel(self, upload: Upload) -> None:
        """Forgets an upload and what arrived of it."""
        self._uploads.pop(upload.id, None)
        upload.drop()

    def finish(self, upload: Upload, digest: str) -> None:
        """Makes a whole upload a blob.

        Raises:
            DigestError: it is another one; the upload is dropped.
        """
        if upload.digest != digest:
            self.cancel(upload)
            raise DigestError(f"{digest} was announced, {upload.digest} has arrived")
        upload.close()
        upload.path.replace(self.blobs / digest.removeprefix("sha256:"))
        del self._uploads[upload.id]

    # -- manifests

    def put_manifest(self, name: str, reference: str, media_type: str, content: bytes) -> str:
        """Stores a manifest under a tag or its digest; the digest.

        Raises:
            DigestError: `reference` is a digest, and another one than the content's.
        """
        digest = f"sha256:{sha256(content).hexdigest()}"
        by_digest = ":" in reference
        if by_digest and reference != digest:
            raise DigestError(f"{reference} was announced, {digest} has arrived")
        _write(self.blobs / digest.removeprefix("sha256:"), content)
        _write(self._link(name, digest), media_type.encode())
        if not by_digest:
            _write(self._tags(name) / reference, digest.encode())
        return digest

    def manifest(self, name: str, reference: str) -> Manifest | None:
        """The manifest that a tag or digest means in a repository."""
        try:
            digest = reference if ":" in reference else (self._tags(name) / reference).read_text()
            media_type = self._link(name, digest).read_text()
            return Manifest(digest, media_type, (self.blobs / digest.removeprefix("sha256:")).read_bytes())
        except OSError:
            return None

    def delete_manifest(self, name: str, reference: str) -> bool:
        """Removes a tag, or a manifest with all tags that mean it; whether there was one."""
        if self.manifest(name, reference) is None:
            return False
        if ":" not in reference:
            (self._tags(name) / reference).unlink()
            return True
        for tag in self.tags(name) or ():
            if (self._tags(name) / tag).read_text() == reference:
                (self._tags(name) / tag).unlink()
        self._link(name, reference).unlink()
        return True

    def missing(self, media_type: str, manifest: dict[str, Any]) -> list[str]:
        """The digests that a manifest names and that are not here."""
        index = media_type in INDEX_TYPES
        parts = manifest.get("manifests") or [] if index else [manifest.get("config"), *(manifest.get("layers") or [])]
        digests = [part.get("digest", "") for part in parts if part and not part.get("urls")]
        return [digest for digest in digests if not self.blob(digest)]

    def tags(self, name: str) -> list[str] | None:
        """A repository's tags in their order; None when there is no such repository."""
        if not (self._repositories / name / "_manifests").is_dir():
            return None
        folder = self._tags(name)
        names = (each.name for each in folder.iterdir()) if folder.is_dir() else ()
        return sorted(each for each in names if not each.startswith("."))

    def repositories(self) -> list[str]:
        """The names of all repositories in their order."""
        found = self._repositories.rglob("_manifests")
        return sorted(each.parent.relative_to(self._repositories).as_posix() for each in found)

    def manifests(self, name: str) -> Iterator[Manifest]:
        """Every manifest of a repository."""
        folder = self._repositories / name / "_manifests"
        for each in sorted(folder.iterdir()) if folder.is_dir() else ():
            if found := self.manifest(name, f"sha256:{each.name}"):
                yield found

    def tagged(self, name: str) -> dict[str, tuple[str, float]]:
        """A repository's tags: the digest that each means, and when it was pushed (seconds since the epoch)."""
        found = {}
        for tag in self.tags(name) or ():
            with suppress(FileNotFoundError):  # deleted meanwhile
                path = self._tags(name) / tag
                found[tag] = path.read_text(), path.stat().st_mtime
        return found

    def _tags(self, name: str) -> Path:
        return self._repositories / name / "_tags"

    def _link(self, name: str, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise FileNotFoundError(digest)
        return self._repositories / name / "_manifests" / digest.removeprefix("sha256:")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
