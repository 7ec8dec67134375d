"""A registry in memory for tests, over real HTTP, which can be told to misbehave and to want a login."""

import hashlib
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

Guard = Callable[[web.BaseRequest], Awaitable[web.Response | None]]
"""Answers a request in place of the registry, or lets it through by None."""


class Shelf:
    """A registry in memory (OCI Distribution Specification), which can be told to misbehave."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads = 0
        self.cancelled = 0
        self.refuse: web.Response | None = None
        self.break_uploads = 0
        self.prefix = ""
        self.guard: Guard | None = None
        self.tell_digest = True
        self.seen: list[tuple[str, str, str]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append((request.method, request.path, request.headers.get("Authorization", "")))
        if self.guard and (refusal := await self.guard(request)):
            return refusal
        if self.refuse is not None:
            return web.Response(status=self.refuse.status, body=self.refuse.body)
        match = re.fullmatch(r"/v2/(?P<name>.+)/(?P<kind>blobs|manifests)/(?P<what>.+)", request.path)
        assert match, request.path
        handler = getattr(self, f"{match['kind']}_{request.method.lower()}")
        return await handler(request, match["name"], match["what"])

    async def blobs_head(self, request, name, digest):
        found = self.blobs.get(digest)
        return web.Response(status=404) if found is None else web.Response(headers={"Content-Length": str(len(found))})

    async def blobs_get(self, request, name, digest):
        return web.Response(body=self.blobs[digest])

    async def blobs_post(self, request, name, what):
        self.uploads += 1
        return web.Response(status=202, headers={"Location": f"/v2/{name}/blobs/uploads/{self.uploads}?state=x"})

    async def blobs_put(self, request, name, what):
        if self.break_uploads:
            self.break_uploads -= 1
            await request.content.readany()
            request.transport.abort()
            return web.Response()
        body = b"".join([piece async for piece in request.content.iter_any()])
        digest = request.query["digest"]
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            return web.json_response({"errors": [{"code": "DIGEST_INVALID"}]}, status=400)
        self.blobs[digest] = body
        return web.Response(status=201)

    async def blobs_delete(self, request, name, what):
        self.cancelled += 1
        return web.Response(status=204)

    async def manifests_put(self, request, name, tag):
        body = await request.read()
        self.manifests[f"{name}:{tag}"] = body
        return web.Response(status=201, headers={"Docker-Content-Digest": f"sha256:{hashlib.sha256(body).hexdigest()}"})

    async def manifests_head(self, request, name, tag):
        body = self.manifests.get(f"{name}:{tag}")
        if body is None:
            return web.Response(status=404)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        return web.Response(headers={"Docker-Content-Digest": digest} if self.tell_digest else {})

    async def manifests_get(self, request, name, tag):
        named = self.manifests.get(f"{name}:{tag}")
        by_digest = {f"sha256:{hashlib.sha256(body).hexdigest()}": body for body in self.manifests.values()}
        return web.Response(body=named or by_digest[tag])
