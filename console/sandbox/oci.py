"""Requests and answers in the forms of the OCI Distribution Specification 1.1."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from console.sandbox.image_store import DIGEST, DigestError, Manifest, Upload
from console.sandbox.peers import may_enter

log = logging.getLogger(__name__)
_PIECE = 1 << 20
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_RANGE = re.compile(r"(?:bytes[= ])?(\d+)-(\d+)")
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


# -- requests


async def receive(request: web.Request, upload: Upload) -> None:
    """Appends a request's body, piece by piece, off the loop."""
    if wanted := request.headers.get("Content-Range"):
        place = _RANGE.fullmatch(wanted)
        if not place or int(place[1]) != upload.size:
            raise RegistryError(416, "BLOB_UPLOAD_INVALID", f"{wanted} does not follow byte {upload.size}")
    async for piece in request.content.iter_chunked(_PIECE):
        await asyncio.to_thread(upload.append, piece)


def name_of(request: web.Request) -> str:
    """The repository. Raises RegistryError."""
    name = request.match_info["name"]
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise RegistryError(400, "NAME_INVALID", f"{name} is not a name for a repository")
    return name


def reference_of(request: web.Request) -> str:
    """The tag or digest. Raises RegistryError."""
    reference = request.match_info["reference"]
    if not DIGEST.fullmatch(reference) and not _TAG.fullmatch(reference):
        raise RegistryError(400, "TAG_INVALID", f"{reference} is neither a tag nor a sha256 digest")
    return reference


def decoded(content: bytes) -> dict[str, Any]:
    """A manifest or index. Raises RegistryError."""
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


async def _check_user(request: web.Request) -> None:
    """What is pushed runs as the user who started the sandbox, so no other user of this machine is let in."""
    if request.transport is None:
        raise ConnectionResetError
    peer, own = (request.transport.get_extra_info(each) for each in ("peername", "sockname"))
    if not await asyncio.to_thread(may_enter, peer, own):
        raise RegistryError(403, "DENIED", "this registry serves only the user who started the sandbox")


# -- answers


@web.middleware
async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets this user's clients in; every failure has the form of the specification."""
    try:
        await _check_user(request)
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


def no_manifest(request: web.Request) -> RegistryError:
    """The manifest that is asked for is not there."""
    name, reference = request.match_info["name"], request.match_info["reference"]
    mark = "@" if ":" in reference else ":"
    return RegistryError(404, "MANIFEST_UNKNOWN", f"there is no {name}{mark}{reference}")


def created(name: str, digest: str) -> web.Response:
    """A blob is stored."""
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)


def progress(name: str, upload: Upload, status: int) -> web.Response:
    """How far an upload is."""
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload.id}",
        "Range": f"0-{max(upload.size - 1, 0)}",
        "Docker-Upload-UUID": upload.id,
    }
    return web.Response(status=status, headers=headers)


def page(request: web.Request, field: str, entries: Sequence[str], head: dict[str, str]) -> web.Response:
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


def descriptor(manifest: Manifest) -> dict[str, Any]:
    """How an index names a manifest (Listing Referrers)."""
    content = manifest.decoded
    found = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
    kind = content.get("artifactType") or (content.get("config") or {}).get("mediaType")
    notes = content.get("annotations")
    return found | ({"artifactType": kind} if kind else {}) | ({"annotations": notes} if notes else {})
