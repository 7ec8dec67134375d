"""Pushes images by the OCI distribution API (OCI Distribution Specification 1.1), blob by blob, over HTTP.

A registry on loopback is spoken to in plain HTTP, any other by TLS.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import msgspec

from console.adapters.images.authorization import LoginError, authorization
from console.adapters.images.credentials import Logins, PullSecret
from console.adapters.images.layout import MANIFEST_TYPE, Blob, blob_path, read_manifest
from console.adapters.images.refusals import refused, unreachable
from console.adapters.images.unpacking import unpacked
from console.engine.ports import BuiltImage, ImagePart, PullAnswer
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
# Names of images differ from where they are.
_ENDPOINTS = {"docker.io": "registry-1.docker.io"}
_PULLS = {401: PullAnswer.LOGIN, 403: PullAnswer.FORBIDDEN}
_PIECE = 1 << 20
_ATTEMPTS = 3
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=5, sock_read=60)


class OciRegistry:
    """A registry, and the path in it under which images are pushed.

    Args:
        prefix: like `127.0.0.1:5000` or `ghcr.io/acme`.
        credentials: where logins come from; None where none is needed.
    """

    def __init__(self, prefix: str, credentials: Logins | None = None) -> None:
        self._prefix = prefix.rstrip("/")
        host, _, self._path = self._prefix.partition("/")
        self._host = host
        self._credentials = credentials
        self._authorized: dict[str, str] = {}
        loopback = _is_loopback(host)
        self._base = f"{'http' if loopback else 'https'}://{_ENDPOINTS.get(host, host)}/v2/"
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
        # Not every registry lets uploads be cancelled; then they expire.
        with suppress(PushError):
            async with self._ask("DELETE", upload, name):
                pass

    async def try_pull(self, name: str, docker_config: str = "") -> PullAnswer:
        """Whether an image could be pulled with the logins of a pull secret, without one if empty. Raises PushError."""
        stranger = OciRegistry(self._prefix, PullSecret(docker_config))
        try:
            async with stranger._answer("HEAD", self._url(name, "manifests", "latest"), name) as answer:
                return _PULLS.get(answer.status, PullAnswer.ALLOWED)
        except LoginError:
            return PullAnswer.LOGIN
        finally:
            await stranger.close()

    async def contents(self, reference: str, most: int) -> AsyncIterator[ImagePart]:
        """What an image consists of, unpacked; see `ports.Registry.contents`. Raises PushError."""
        name, manifest = await self._manifest(reference)
        layers = manifest.get("layers") or []
        if (total := sum(int(each["size"]) for each in layers)) > most:
            why = f"its layers have {total:,} bytes, more than the {most:,} that are read"
            raise PushError(f"{name} is not read", where=self._prefix, why=why)
        for what, blob in [("configuration", manifest["config"]), *(("layer", each) for each in layers)]:
            words = what if what == "configuration" else f"layer {blob['digest'][:19]}"
            pieces = unpacked(self._blob(name, blob["digest"]), blob.get("mediaType", ""), name, most)
            yield ImagePart(words, blob["digest"], pieces)

    async def _manifest(self, reference: str) -> tuple[str, dict[str, Any]]:
        """Name and manifest of an image; of one for several platforms that of the first."""
        named, _, digest = reference.partition("@")
        name, _, tag = named.removeprefix(f"{self._prefix}/").rpartition(":")
        if not named.startswith(f"{self._prefix}/"):
            raise PushError(f"{named} is not read", where=self._prefix, why="it is in another registry")
        for _ in range(2):
            url = self._url(name, "manifests", digest or tag)
            async with self._ask("GET", url, name, headers={"Accept": _ACCEPTED}) as answer:
                found: dict[str, Any] = msgspec.json.decode(await answer.read())
            if "layers" in found:
                return name, found
            digest = next((each["digest"] for each in found.get("manifests") or ()), "")
        raise PushError(f"{name} is not read", where=self._prefix, why="its manifest names no layers")

    async def _blob(self, name: str, digest: str) -> AsyncIterator[bytes]:
        async with self._ask("GET", self._url(name, "blobs", digest), name) as answer:
            async for piece in answer.content.iter_chunked(_PIECE):
                yield piece

    def reached_from(self, address: str) -> bool:
        """Loopback is only this machine, whose own addresses a socket can be bound to."""
        if not _is_loopback(self._host):
            return True
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return False
        return bool(address)

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
        async with self._answer(method, url, name, headers, data) as answer:
            if answer.status >= 400 and not (missing and answer.status == HTTPStatus.NOT_FOUND):
                raise refused(name, self._prefix, answer.status, await answer.read())
            yield answer

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, name: str, headers: dict[str, str] | None = None, data: object = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Any answer, after a login where one is asked for and known. Raises PushError."""
        try:
            async with AsyncExitStack() as answers:
                answer = await answers.enter_async_context(self._send(method, url, name, headers, data))
                # A body that was read piece by piece cannot be sent twice; the request before it was authorized.
                again = answer.status == HTTPStatus.UNAUTHORIZED and isinstance(data, bytes | None)
                if again and await self._authorize(name, answer):
                    answer = await answers.enter_async_context(self._send(method, url, name, headers, data))
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self._prefix, error) from error

    def _send(
        self, method: str, url: str, name: str, headers: dict[str, str] | None, data: object
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        authorized = self._authorized.get(name, "")
        # Uploads may go elsewhere, to an address that is a right in itself.
        own = {"Authorization": authorized} if authorized and url.startswith(self._base) else {}
        return self._session().request(method, url, headers={**(headers or {}), **own}, data=data)

    async def _authorize(self, name: str, refused: aiohttp.ClientResponse) -> bool:
        """Logs in as the registry asks for; False where nothing is known that it would accept."""
        if self._credentials is None:
            return False
        login = await self._credentials.find(self._host)
        challenge = ", ".join(refused.headers.getall("WWW-Authenticate", []))
        answer = await authorization(self._session(), challenge, login, self._host)
        # The same answer would be refused once more.
        if not answer or answer == self._authorized.get(name):
            return False
        self._authorized[name] = answer
        return True

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=self._trust_env)
        return self._opened

    def _url(self, name: str, kind: str, what: str) -> str:
        repository = f"{self._path}/{name}" if self._path else name
        return f"{self._base}{repository}/{kind}/{what}"


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


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] or host
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
