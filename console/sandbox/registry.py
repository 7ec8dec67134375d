"""The cluster's image registry: an OCI distribution endpoint on loopback.

OCI Distribution Specification 1.1, all four categories (pull, push, content discovery, content management), without
deletion of single blobs: those that no manifest names go when the sandbox starts.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from console.sandbox.image_store import DIGEST, DigestError, ImageStore, Manifest, Upload

log = logging.getLogger(__name__)
HOST = "127.0.0.1"
LARGEST_MANIFEST = 4 * 1024 * 1024
_PIECE = 1 << 20
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_RANGE = re.compile(r"(?:bytes[= ])?(\d+)-(\d+)")
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CODES = {404: "NAME_UNKNOWN", 405: "UNSUPPORTED", 413: "MANIFEST_INVALID"}
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RegistryError(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        code: of the specification ("Error Codes").
        message: why.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Registry:
    """Serves images to builders and tools; the kubelet reads them by `store`.

    Args:
        root: the folder that holds them.
    """

    def __init__(self, root: Path) -> None:
        self.store = ImageStore(root)
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which images of this registry are known."""
        return f"{HOST}:{self.port}", f"localhost:{self.port}"

    async def start(self, port: int = 0) -> int:
        """Listens on loopback; the port.

        Raises:
            OSError: the port is taken.
        """
        await asyncio.to_thread(self.store.sweep)
        app = web.Application(middlewares=[_answered], client_max_size=LARGEST_MANIFEST)
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        self.port = int(self._runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """Ends the listener and what still arrives."""
        if self._runner:
            await self._runner.cleanup()

    def _routes(self) -> list[web.RouteDef]:
        upload, manifest = "/v2/{name:.+}/blobs/uploads/{id:[0-9a-f]+}", "/v2/{name:.+}/manifests/{reference}"
        return [
            web.get("/v2/", _version),
            web.get("/v2/_catalog", self._catalog),
            web.get("/v2/{name:.+}/tags/list", self._tags),
            web.get("/v2/{name:.+}/referrers/{digest}", self._referrers),
            web.post("/v2/{name:.+}/blobs/uploads/", self._start_upload),
            web.get(upload, self._upload_status),
            web.patch(upload, self._upload_part),
            web.put(upload, self._finish_upload),
            web.delete(upload, self._cancel_upload),
            web.get("/v2/{name:.+}/blobs/{digest}", self._blob),
            web.get(manifest, self._manifest),
            web.put(manifest, self._put_manifest),
            web.delete(manifest, self._delete_manifest),
        ]

    # -- blobs

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        _name(request)
        digest = request.match_info["digest"]
        if not DIGEST.fullmatch(digest):
            raise RegistryError(400, "DIGEST_INVALID", f"{digest} is not a sha256 digest")
        path = self.store.blob(digest)
        if not path:
            raise RegistryError(404, "BLOB_UNKNOWN", f"there is no blob {digest}")
        headers = {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"}
        return web.FileResponse(path, headers=headers)

    async def _start_upload(self, request: web.Request) -> web.StreamResponse:
        name, mount = _name(request), request.query.get("mount", "")
        if self.store.blob(mount):
            return _created(name, mount)
        upload = self.store.start()
        if "digest" not in request.query:
            return _progress(name, upload, 202)
        await _receive(request, upload)
        return await self._finish(request, upload)

    async def _upload_status(self, request: web.Request) -> web.StreamResponse:
        return _progress(_name(request), self._upload(request), 204)

    async def _upload_part(self, request: web.Request) -> web.StreamResponse:
        upload = self._upload(request)
        await _receive(request, upload)
        return _progress(_name(request), upload, 202)

    async def _finish_upload(self, request: web.Request) -> web.StreamResponse:
        upload = self._upload(request)
        await _receive(request, upload)
        return await self._finish(request, upload)

    async def _cancel_upload(self, request: web.Request) -> web.StreamResponse:
        self.store.cancel(self._upload(request))
        return web.Response(status=204)

    def _upload(self, request: web.Request) -> Upload:
        _name(request)
        found = self.store.upload(request.match_info["id"])
        if not found:
            raise RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "this upload is not known, or was given up: start it anew")
        return found

    async def _finish(self, request: web.Request, upload: Upload) -> web.StreamResponse:
        digest = request.query.get("digest", "")
        if not DIGEST.fullmatch(digest):
            raise RegistryError(400, "DIGEST_INVALID", f"{digest or 'nothing'} is not a sha256 digest")
        await asyncio.to_thread(self.store.finish, upload, digest)
        return _created(_name(request), digest)

    # -- manifests

    async def _manifest(self, request: web.Request) -> web.StreamResponse:
        found = self.store.manifest(_name(request), request.match_info["reference"])
        if not found:
            raise _no_manifest(request)
        headers = {"Docker-Content-Digest": found.digest, "Content-Type": found.media_type}
        return web.Response(body=found.content, headers=headers)

    async def _put_manifest(self, request: web.Request) -> web.StreamResponse:
        name, reference = _name(request), _reference(request)
        content = await request.read()
        manifest = _decoded(content)
        media_type = request.headers.get("Content-Type") or manifest.get("mediaType") or _MANIFEST_TYPE
        if missing := self.store.missing(media_type, manifest):
            raise RegistryError(400, "MANIFEST_BLOB_UNKNOWN", f"push these first: {', '.join(missing)}")
        digest = await asyncio.to_thread(self.store.put_manifest, name, reference, media_type, content)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if subject := manifest.get("subject"):
            headers["OCI-Subject"] = str(subject.get("digest"))
        return web.Response(status=201, headers=headers)

    async def _delete_manifest(self, request: web.Request) -> web.StreamResponse:
        if not await asyncio.to_thread(self.store.delete_manifest, _name(request), _reference(request)):
            raise _no_manifest(request)
        return web.Response(status=202)

    # -- what there is

    async def _catalog(self, request: web.Request) -> web.StreamResponse:
        names = await asyncio.to_thread(self.store.repositories)
        return _page(request, "repositories", names, {})

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        name = _name(request)
        tags = await asyncio.to_thread(self.store.tags, name)
        if tags is None:
            raise RegistryError(404, "NAME_UNKNOWN", f"there is no repository {name}")
        return _page(request, "tags", tags, {"name": name})

    async def _referrers(self, request: web.Request) -> web.StreamResponse:
        name, digest = _name(request), request.match_info["digest"]
        every = await asyncio.to_thread(lambda: list(self.store.manifests(name)))
        found = [_descriptor(each) for each in every if (each.decoded.get("subject") or {}).get("digest") == digest]
        headers = {}
        if wanted := request.query.get("artifactType"):
            found = [each for each in found if each.get("artifactType") == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": found}
        return web.json_response(index, headers=headers, content_type=_INDEX_TYPE)


# -- requests


async def _receive(request: web.Request, upload: Upload) -> None:
    """Appends a request's body, piece by piece, off the loop."""
    if wanted := request.headers.get("Content-Range"):
        place = _RANGE.fullmatch(wanted)
        if not place or int(place[1]) != upload.size:
            raise RegistryError(416, "BLOB_UPLOAD_INVALID", f"{wanted} does not follow byte {upload.size}")
    async for piece in request.content.iter_chunked(_PIECE):
        await asyncio.to_thread(upload.append, piece)


def _name(request: web.Request) -> str:
    name = request.match_info["name"]
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise RegistryError(400, "NAME_INVALID", f"{name} is not a name for a repository")
    return name


def _reference(request: web.Request) -> str:
    reference = request.match_info["reference"]
    if not DIGEST.fullmatch(reference) and not _TAG.fullmatch(reference):
        raise RegistryError(400, "TAG_INVALID", f"{reference} is neither a tag nor a sha256 digest")
    return reference


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise RegistryError(400, "MANIFEST_INVALID", f"not JSON: {error}") from None
    if not isinstance(found, dict) or found.get("schemaVersion") != 2:
        raise RegistryError(400, "MANIFEST_INVALID", "not a manifest of schemaVersion 2")
    for field in ("config", "layers", "manifests", "subject"):
        if not _are_descriptors(found.get(field) or []):
            raise RegistryError(400, "MANIFEST_INVALID", f"{field} names no content by its digest")
    return found


def _are_descriptors(value: object) -> bool:
    parts = value if isinstance(value, list) else [value]
    return all(isinstance(each, dict) and isinstance(each.get("digest"), str) for each in parts)


# -- answers


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure has the form of the specification."""
    try:
        return await handler(request)
    except RegistryError as error:
        return _failure(error.status, error.code, str(error))
    except DigestError as error:
        return _failure(400, "DIGEST_INVALID", str(error))
    except web.HTTPException as error:
        return _failure(error.status, _CODES.get(error.status, "UNKNOWN"), error.reason)
    except ConnectionError:
        raise
    except OSError as error:
        log.error("%s %s: %s", request.method, request.path, error)
        return _failure(507 if error.errno in _DISK_FULL else 500, "UNKNOWN", error.strerror or str(error))


def _failure(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)


def _no_manifest(request: web.Request) -> RegistryError:
    name, reference = request.match_info["name"], request.match_info["reference"]
    mark = "@" if ":" in reference else ":"
    return RegistryError(404, "MANIFEST_UNKNOWN", f"there is no {name}{mark}{reference}")


async def _version(_: web.Request) -> web.StreamResponse:
    return web.json_response({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})


def _created(name: str, digest: str) -> web.Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)


def _progress(name: str, upload: Upload, status: int) -> web.Response:
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload.id}",
        "Range": f"0-{max(upload.size - 1, 0)}",
        "Docker-Upload-UUID": upload.id,
    }
    return web.Response(status=status, headers=headers)


def _page(request: web.Request, field: str, entries: Sequence[str], head: dict[str, str]) -> web.Response:
    """A part of a list: at most `n` entries after `last`."""
    asked, last = request.query.get("n", ""), request.query.get("last", "")
    if asked and not asked.isdigit():
        raise RegistryError(400, "UNSUPPORTED", f"n is {asked}, must be a number")
    left = [each for each in entries if each > last]
    shown = left[: int(asked)] if asked else left
    headers = {}
    if shown and len(shown) < len(left):
        headers["Link"] = f'<{request.path}?n={asked}&last={shown[-1]}>; rel="next"'
    return web.json_response({**head, field: shown}, headers=headers)


def _descriptor(manifest: Manifest) -> dict[str, Any]:
    """How an index names a manifest (Listing Referrers)."""
    content = manifest.decoded
    found = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
    kind = content.get("artifactType") or (content.get("config") or {}).get("mediaType")
    notes = content.get("annotations")
    return found | ({"artifactType": kind} if kind else {}) | ({"annotations": notes} if notes else {})
