"""A client of an image registry for tests, in plain HTTP, and images made on the spot."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Answer:
    """What the registry answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code."""
        [error] = self.json["errors"]
        return str(error["code"])


class RegistryClient:
    """A registry by its `HOST:PORT`."""

    def __init__(self, host: str) -> None:
        self.host = host

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request; `Content_Type` is the header `Content-Type`."""
        connection = http.client.HTTPConnection(self.host, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def start(self, name: str, query: str = "") -> str:
        """Begins an upload; its path."""
        answer = self.ask("POST", f"/v2/{name}/blobs/uploads/{query}")
        assert answer.status == 202, answer.body
        return urlsplit(answer.headers["Location"]).path

    def push_blob(self, name: str, data: bytes) -> str:
        """Uploads a blob in one go; its digest."""
        found = digest(data)
        answer = self.ask("PUT", f"{self.start(name)}?digest={found}", data)
        assert answer.status == 201, answer.body
        return found

    def push_manifest(self, name: str, reference: str, manifest: dict[str, Any]) -> str:
        """Stores a manifest; its digest."""
        path = f"/v2/{name}/manifests/{reference}"
        answer = self.ask("PUT", path, json.dumps(manifest).encode(), Content_Type=manifest["mediaType"])
        assert answer.status == 201, answer.body
        return str(answer.headers["Docker-Content-Digest"])

    def push(self, name: str, tag: str, *layers: bytes, config: dict[str, Any] | None = None) -> str:
        """Pushes an image; the digest of its manifest."""
        body = json.dumps({"os": "linux", "config": config or {}}).encode()
        self.push_blob(name, body)
        for each in layers:
            self.push_blob(name, each)
        return self.push_manifest(name, tag, manifest(body, *layers))


def digest(data: bytes) -> str:
    """As registries name contents."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest(config: bytes, *layers: bytes) -> dict[str, Any]:
    """The manifest of an image with this config and these layers."""
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", each) for each in layers],
    }


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def file(name: str, content: str = "", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    """A file of a layer."""
    entry, data = tarfile.TarInfo(name), content.encode()
    entry.size, entry.mode, entry.mtime = len(data), mode, 1_000_000_000
    return entry, data


def layer(*entries: tuple[tarfile.TarInfo, bytes], compression: str = "") -> bytes:
    """A layer; `compression` is empty or one that `tarfile` knows."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}") as archive:
        for entry, data in entries:
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()
