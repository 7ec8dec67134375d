"""The API server: one HTTPS listener on loopback; authentication, authorization, and the way to each handler."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from console.sandbox.api import discovery, errors, openapi, requests, served, version
from console.sandbox.api.authentication import Authenticator
from console.sandbox.api.context import Context
from console.sandbox.api.errors import StatusError
from console.sandbox.api.metrics import Metrics
from console.sandbox.api.rbac import Attributes, Authorizer
from console.sandbox.api.rest import Rest
from console.sandbox.api.reviews import Reviews
from console.sandbox.api.subresources import Subresources

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery
    from console.sandbox.api.ports import Nodes
    from console.sandbox.pki import Authority

LOG = logging.getLogger(__name__)
LARGEST_BODY = 3 * 1024 * 1024
_HEALTH = ("/healthz", "/livez", "/readyz")


class ApiServer:
    """Serves a cluster over HTTPS.

    Args:
        machinery: the objects.
        authority: certificates and tokens.
        nodes: the agents for logs, exec, proxy and metrics; may fill later.
    """

    def __init__(self, machinery: Machinery, authority: Authority, nodes: Nodes) -> None:
        self._machinery = machinery
        self._authority = authority
        self._nodes = nodes
        self._authorizer = Authorizer(machinery)
        self._authenticator = Authenticator(authority, machinery, self._authorizer)
        self._reviews = Reviews(self._authorizer, self._authenticator)
        self._rest = Rest()
        self._subresources = Subresources()
        self._metrics = Metrics()
        self._runner: web.AppRunner | None = None
        self._requests: set[asyncio.Task[object]] = set()
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens; returns the port (a free one for 0).

        Raises:
            OSError: the address or port cannot be had.
        """
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_shutdown.append(self._end_requests)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self._authority.server_context())
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """Ends the listener and every request that is still open, watches included."""
        if self._runner:
            await self._runner.cleanup()

    async def _end_requests(self, _: web.Application) -> None:
        """Watches and logs that are followed would never end by themselves."""
        for task in tuple(self._requests):
            task.cancel()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task
        self._requests.add(task)
        try:
            return await self._answered(request)
        finally:
            self._requests.discard(task)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except StatusError as error:
            return _failure(error)
        except web.HTTPRequestEntityTooLarge:
            limit = f"limit is {LARGEST_BODY}"
            return _failure(StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {limit}"))
        except (ConnectionError, web.HTTPException):
            raise
        except Exception as error:
            LOG.exception("%s %s", request.method, request.path)
            return _failure(StatusError(500, "InternalError", f"Internal error occurred: {type(error).__name__}"))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        info = requests.parse(request.method, request.path, request.query)
        user = self._authenticator.user(request)
        self._authorizer.check(user, Attributes.of(info))
        context = Context(request, info, user, self._machinery, self._nodes, self._authority)
        if not info.is_resource:
            return await self._path(context)
        return await self._route(context)

    async def _route(self, context: Context) -> web.StreamResponse:
        info = context.info
        key = (info.group, info.version, info.resource)
        if review := discovery.REVIEWS.get(key):
            return context.answer(await self._reviews.answer(context, review), status=201)
        if key in discovery.METRICS:
            return await self._metrics.answer(context)
        if info.version not in discovery.versions(info.group):
            return web.Response(status=404, text="404 page not found\n")
        kind = served.find(*key)
        if kind.namespaced and not info.namespace and info.verb not in ("list", "watch"):
            raise errors.method_not_allowed() if info.verb == "create" else errors.no_such_path()
        if info.subresource in ("", "status"):
            return await self._rest.handle(context, kind)
        return await self._subresources.handle(context, kind)

    async def _path(self, context: Context) -> web.StreamResponse:
        path = context.info.path.rstrip("/")
        if path in _HEALTH or path.startswith(tuple(f"{each}/" for each in _HEALTH)):
            return context.raw(b"ok", content_type="text/plain")
        if path == "/version":
            return context.answer(version.version())
        if path.startswith("/openapi"):
            return _openapi(context, path)
        return _discovery(context, path)


def _failure(error: StatusError) -> web.Response:
    response = web.json_response(error.status(), status=error.code)
    if error.code in (429, 504) and "retryAfterSeconds" in error.details:
        response.headers["Retry-After"] = str(error.details["retryAfterSeconds"])
    return response


def _openapi(context: Context, path: str) -> web.Response:
    accept = context.request.headers.get("Accept", "")
    if path == "/openapi/v2":
        if accept.startswith("application/com.github.proto-openapi") and "json" not in accept:
            raise StatusError(406, "NotAcceptable", "only the following media types are accepted: application/json")
        return _cached(context, openapi.swagger())
    if path == "/openapi/v3":
        return context.raw(openapi.index())
    parts = path.removeprefix("/openapi/v3/").split("/")
    group, of = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else ("/".join(parts[1:-1]), parts[-1])
    if of not in discovery.versions(group):
        raise errors.no_such_path()
    return _cached(context, openapi.document(group, of))


def _cached(context: Context, body: bytes) -> web.Response:
    tag = discovery.etag(body)
    if context.request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers={"ETag": tag})
    response = context.raw(body)
    response.headers["ETag"] = tag
    return response


def _discovery(context: Context, path: str) -> web.Response:
    parts = path.strip("/").split("/")
    accept = context.request.headers.get("Accept", "")
    if path in ("/api", "/apis") and "as=APIGroupDiscoveryList" in accept:
        wanted = "v2" if "v=v2;" in accept else "v2beta1"
        response = _cached_discovery(context, core=path == "/api", wanted=wanted)
        response.headers["Content-Type"] = f"application/json;g=apidiscovery.k8s.io;v={wanted};as=APIGroupDiscoveryList"
        return response
    if path == "/api":
        return context.answer(discovery.api_versions(context.request.host))
    if path == "/apis":
        return context.answer(discovery.group_list())
    groups = {"": ["v1"], **discovery.group_versions()}
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in groups:
        return context.answer(discovery.group(parts[1]))
    group, of = ("", parts[-1]) if parts[0] == "api" else ("/".join(parts[1:-1]), parts[-1])
    if parts[0] in ("api", "apis") and of in groups.get(group, ()):
        return context.answer(discovery.resource_list(group, of))
    if path == "":
        return context.answer({"paths": ["/api", "/apis", *_HEALTH, "/openapi/v2", "/openapi/v3", "/version"]})
    return web.Response(status=404, text="404 page not found\n")


def _cached_discovery(context: Context, *, core: bool, wanted: str) -> web.Response:
    response = context.answer(discovery.aggregated(core=core, version=wanted))
    response.headers["Vary"] = "Accept"
    return response
