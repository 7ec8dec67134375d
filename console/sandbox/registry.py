"""The cluster's image registry: an OCI distribution endpoint on loopback.

OCI Distribution Specification 1.1, all four categories (pull, push, content discovery, content management), without
deletion of single blobs: those that no manifest names go by themselves (`image_garbage`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from console.sandbox import oci
from console.sandbox.image_garbage import sweep
from console.sandbox.image_store import DIGEST, ImageStore, Upload

HOST = "127.0.0.1"
LARGEST_MANIFEST = 4 * 1024 * 1024
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


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
        await asyncio.to_thread(sweep, self.store)
        app = web.Application(middlewares=[oci.answered], client_max_size=LARGEST_MANIFEST)
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
        oci.name_of(request)
        digest = request.match_info["digest"]
        if not DIGEST.fullmatch(digest):
            raise oci.RegistryError(400, "DIGEST_INVALID", f"{digest} is not a sha256 digest")
        path = self.store.blob(digest)
        if not path:
            raise oci.RegistryError(404, "BLOB_UNKNOWN", f"there is no blob {digest}")
        headers = {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"}
        return web.FileResponse(path, headers=headers)

    async def _start_upload(self, request: web.Request) -> web.StreamResponse:
        name, mount = oci.name_of(request), request.query.get("mount", "")
        if self.store.blob(mount):
            return oci.created(name, mount)
        upload = self.store.start()
        if "digest" not in request.query:
            return oci.progress(name, upload, 202)
        await oci.receive(request, upload)
        return await self._finish(request, upload)

    async def _upload_status(self, request: web.Request) -> web.StreamResponse:
        return oci.progress(oci.name_of(request), self._upload(request), 204)

    async def _upload_part(self, request: web.Request) -> web.StreamResponse:
        upload = self._upload(request)
        await oci.receive(request, upload)
        return oci.progress(oci.name_of(request), upload, 202)

    async def _finish_upload(self, request: web.Request) -> web.StreamResponse:
        upload = self._upload(request)
        await oci.receive(request, upload)
        return await self._finish(request, upload)

    async def _cancel_upload(self, request: web.Request) -> web.StreamResponse:
        self.store.cancel(self._upload(request))
        return web.Response(status=204)

    def _upload(self, request: web.Request) -> Upload:
        oci.name_of(request)
        found = self.store.upload(request.match_info["id"])
        if not found:
            raise oci.RegistryError(
                404, "BLOB_UPLOAD_UNKNOWN", "this upload is not known, or was given up: start it anew"
            )
        return found

    async def _finish(self, request: web.Request, upload: Upload) -> web.StreamResponse:
        digest = request.query.get("digest", "")
        if not DIGEST.fullmatch(digest):
            raise oci.RegistryError(400, "DIGEST_INVALID", f"{digest or 'nothing'} is not a sha256 digest")
        await asyncio.to_thread(self.store.finish, upload, digest)
        return oci.created(oci.name_of(request), digest)

    # -- manifests

    async def _manifest(self, request: web.Request) -> web.StreamResponse:
        found = self.store.manifest(oci.name_of(request), request.match_info["reference"])
        if not found:
            raise oci.no_manifest(request)
        headers = {"Docker-Content-Digest": found.digest, "Content-Type": found.media_type}
        return web.Response(body=found.content, headers=headers)

    async def _put_manifest(self, request: web.Request) -> web.StreamResponse:
        name, reference = oci.name_of(request), oci.reference_of(request)
        content = await request.read()
        manifest = oci.decoded(content)
        media_type = request.headers.get("Content-Type") or manifest.get("mediaType") or _MANIFEST_TYPE
        if missing := self.store.missing(media_type, manifest):
            raise oci.RegistryError(400, "MANIFEST_BLOB_UNKNOWN", f"push these first: {', '.join(missing)}")
        digest = await asyncio.to_thread(self.store.put_manifest, name, reference, media_type, content)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if subject := manifest.get("subject"):
            headers["OCI-Subject"] = str(subject.get("digest"))
        return web.Response(status=201, headers=headers)

    async def _delete_manifest(self, request: web.Request) -> web.StreamResponse:
        if not await asyncio.to_thread(self.store.delete_manifest, oci.name_of(request), oci.reference_of(request)):
            raise oci.no_manifest(request)
        return web.Response(status=202)

    # -- what there is

    async def _catalog(self, request: web.Request) -> web.StreamResponse:
        names = await asyncio.to_thread(self.store.repositories)
        return oci.page(request, "repositories", names, {})

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        name = oci.name_of(request)
        tags = await asyncio.to_thread(self.store.tags, name)
        if tags is None:
            raise oci.RegistryError(404, "NAME_UNKNOWN", f"there is no repository {name}")
        return oci.page(request, "tags", tags, {"name": name})

    async def _referrers(self, request: web.Request) -> web.StreamResponse:
        name, digest = oci.name_of(request), request.match_info["digest"]
        every = await asyncio.to_thread(lambda: list(self.store.manifests(name)))
        found = [oci.descriptor(each) for each in every if (each.decoded.get("subject") or {}).get("digest") == digest]
        headers = {}
        if wanted := request.query.get("artifactType"):
            found = [each for each in found if each.get("artifactType") == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": found}
        return web.json_response(index, headers=headers, content_type=_INDEX_TYPE)


async def _version(_: web.Request) -> web.StreamResponse:
    return web.json_response({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})
