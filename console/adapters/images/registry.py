"""Pushes images by the OCI distribution API (OCI Distribution Specification 1.1), blob by blob, over HTTP.

A registry on loopback is spoken to in plain HTTP, any other by TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import msgspec

from console.adapters.errnos import system_words
from console.adapters.images.layout import MANIFEST_TYPE, Blob, blob_path, read_manifest
from console.engine.ports import BuiltImage
from console.model.errors import PushError
from console.model.run import Progress

_ACCEPTED = ", ".join(
    (
        MANIFEST_TYPE,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
# Not a refused connection: nobody will listen there a moment later.
_BROKEN_OFF = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)
_PIECE = 1 << 20
_ATTEMPTS = 3
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=5, sock_read=60)


class OciRegistry:
    """A registry, and the path in it under which images are pushed.

    Args:
        prefix: like `127.0.0.1:5000` or `ghcr.io/acme`.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.rstrip("/")
        host, _, self._path = self._prefix.partition("/")
        self._host = host
        loopback = _is_loopback(host)
        self._base = f"{'http' if loopback else 'https'}://{host}/v2/"
        # Proxies of the environment are for the world outside.
        self._trust_env = not loopback
        self._opened: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes every connection."""
        if self._opened is not None:
            await self._opened.close()

    def reference(self, name: str, tag: str) -> str:
        """How manifests name the image: `127.0.0.1:5000/todo-backend:TAG`."""
        return f"{self._prefix}/{name}:{tag}"

    async def has(self, name: str, tag: str) -> str | None:
        """The digest of the image's manifest, None if the registry does not have it. Raises PushError."""
        headers = {"Accept": _ACCEPTED}
        async with self._ask("HEAD", self._url(name, "manifests", tag), name, headers=headers, missing=True) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            if digest := answer.headers.get("Docker-Content-Digest"):
                return digest
        # The header is a SHOULD: without it the manifest itself has to be read.
        async with self._ask("GET", self._url(name, "manifests", tag), name, headers=headers) as answer:
            return f"sha256:{sha256(await answer.read()).hexdigest()}"

    async def check_push(self, name: str) -> None:
        """Proves that we may push, without a trace: starts an upload and cancels it. Raises PushError."""
        upload = await self._start_upload(name)
        async with self._ask("DELETE", upload, name, missing=True):
            pass

    async def push(self, image: BuiltImage, progress: Callable[[Progress], None]) -> str:
        """Uploads what the registry lacks, then the manifest; its digest. Raises PushError.

        `progress` counts bytes over all blobs; those that the registry has already count as sent.
        """
        assert image.location is not None
        folder = image.location
        manifest, blobs = await asyncio.to_thread(read_manifest, folder)
        sent = _Sent(sum(blob.size for blob in blobs), progress)
        for blob in blobs:
            if await self._has_blob(image.name, blob):
                sent.add(blob.size)
            else:
                await self._upload(image.name, blob_path(folder, blob.digest), blob, sent)
        return await self._put_manifest(image, blob_path(folder, manifest.digest), manifest)

    async def _has_blob(self, name: str, blob: Blob) -> bool:
        async with self._ask("HEAD", self._url(name, "blobs", blob.digest), name, missing=True) as answer:
            return answer.status == HTTPStatus.OK and answer.headers.get("Content-Length") == str(blob.size)

    async def _upload(self, name: str, file: Path, blob: Blob, sent: _Sent) -> None:
        before = sent.done
        for attempt in range(1, _ATTEMPTS + 1):
            upload = await self._start_upload(name)
            address = f"{upload}{'&' if '?' in upload else '?'}digest={blob.digest}"
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
            body = _pieces(file, sent)
            try:
                async with self._ask("PUT", address, name, headers=headers, data=body):
                    return
            except PushError as error:
                # A connection that broke half way: what was sent is lost, so the blob is sent again.
                if attempt == _ATTEMPTS or not isinstance(error.__cause__, _BROKEN_OFF):
                    raise
                sent.back_to(before)

    async def _start_upload(self, name: str) -> str:
        url = self._url(name, "blobs", "uploads/")
        async with self._ask("POST", url, name, headers={"Content-Length": "0"}) as answer:
            return urljoin(url, answer.headers.get("Location", ""))

    async def _put_manifest(self, image: BuiltImage, file: Path, manifest: Blob) -> str:
        content = await asyncio.to_thread(file.read_bytes)
        url = self._url(image.name, "manifests", image.tag)
        async with self._ask("PUT", url, image.name, headers={"Content-Type": MANIFEST_TYPE}, data=content) as answer:
            digest = answer.headers.get("Docker-Content-Digest", manifest.digest)
        if digest != manifest.digest:
            why = f"it stored {digest}, but {manifest.digest} was sent"
            raise PushError(f"{image.name} did not arrive whole", where=self._prefix, why=why, hint="push again")
        return manifest.digest

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        url: str,
        name: str,
        *,
        missing: bool = False,
        headers: dict[str, str] | None = None,
        data: object = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer (or 404, if `missing` may be). Raises PushError."""
        try:
            async with self._session().request(method, url, headers=headers, data=data) as answer:
                if answer.status >= 400 and not (missing and answer.status == HTTPStatus.NOT_FOUND):
                    raise self._refused(name, answer.status, await answer.read())
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=self._trust_env)
        return self._opened

    def _url(self, name: str, kind: str, what: str) -> str:
        repository = f"{self._path}/{name}" if self._path else name
        return f"{self._base}{repository}/{kind}/{what}"

    def _refused(self, name: str, status: int, body: bytes) -> PushError:
        what = f"{name} cannot be pushed"
        words = _words(body) or f"HTTP {status}"
        if status == HTTPStatus.UNAUTHORIZED:
            hint = f"log in with `docker login {self._host}`, or let an administrator allow anonymous pushes"
            return PushError(what, where=self._prefix, why=f"the registry wants a login: {words}", hint=hint)
        if status == HTTPStatus.FORBIDDEN:
            hint = "ask for the right to push there, or name another registry in stack.yaml"
            return PushError(what, where=self._prefix, why=f"the registry does not allow it: {words}", hint=hint)
        if status >= 500:
            hint = "look whether the registry's disk is full, and at its own logs"
            return PushError(what, where=self._prefix, why=f"the registry failed (HTTP {status}): {words}", hint=hint)
        hint = "check the registry's address in stack.yaml, and that it allows pushes"
        return PushError(what, where=self._prefix, why=f"the registry refused (HTTP {status}): {words}", hint=hint)

    def _unreachable(self, error: Exception) -> PushError:
        if isinstance(error, TimeoutError):
            why = "it did not answer in time"
        elif isinstance(error, aiohttp.ClientConnectorError):
            why = system_words(error.os_error)
        else:
            why = str(error) or type(error).__name__
        hint = "check that the registry is up, and its address in stack.yaml"
        return PushError("the registry cannot be reached", where=self._prefix, why=why, hint=hint)


class _Sent:
    """Counts what was sent, and tells."""

    def __init__(self, total: int, tell: Callable[[Progress], None]) -> None:
        self._total = total
        self._tell = tell
        self.done = 0

    def add(self, count: int) -> None:
        self.done += count
        self._tell(Progress(self.done, self._total, "bytes"))

    def back_to(self, count: int) -> None:
        self.done = count


async def _pieces(file: Path, sent: _Sent) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as content:
        while piece := await asyncio.to_thread(content.read, _PIECE):
            yield piece
            sent.add(len(piece))


def _words(body: bytes) -> str:
    """The messages of an error answer (OCI Distribution Specification, Error Codes)."""
    try:
        errors = msgspec.json.decode(body)["errors"]
        return "; ".join(str(error.get("message") or error.get("code")) for error in errors)
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return " ".join(body[:500].decode(errors="replace").split())[:200]


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] or host
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
