"""Ingresses as a real HTTP listener: one address, hosts and paths of all Ingresses, streaming both ways, WebSockets.

Every request gets a connection of its own to the pod, so none meets a kept-alive connection that a closing pod has just
closed. Plain HTTP only; the class of an Ingress is not looked at, as there is no other controller here.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.network.endpoints import EndpointTable
from console.sandbox.network.routes import Backend, Routes
from console.sandbox.network.websockets import relay
from console.sandbox.store import Change

log = logging.getLogger(__name__)
ADDRESS = "127.0.0.1"
TRIES = 4
"""Endpoints that a request is offered to."""
LARGEST_REPLAY = 64 * 1024
"""A request body up to this size is kept, so that the request can be sent again."""
_IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
}


class IngressProxy:
    """Serves all Ingresses.

    Args:
        machinery: the cluster.
        endpoints: where requests go.
    """

    name = "ingress-controller"

    def __init__(self, machinery: Machinery, endpoints: EndpointTable) -> None:
        self._machinery = machinery
        self._endpoints = endpoints
        self._routes = Routes()
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self._end: Callable[[], object] = lambda: None
        self.port = 0

    async def start(self, port: int) -> int:
        """Listens; returns the port (a free one for 0).

        Raises:
            OSError: the port cannot be had.
        """
        server = web.Server(self._handle, access_log=None, handler_cancellation=True, auto_decompress=False)
        runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, ADDRESS, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner, self.port = runner, int(runner.addresses[0][1])
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._follow()
        return self.port

    async def stop(self) -> None:
        """Accepts no more, and ends what is still open."""
        self._end()
        if self._runner:
            await self._runner.cleanup()
        if self._session:
            await self._session.close()

    # -- rules

    def _follow(self) -> None:
        self._end = self._machinery.store.subscribe("ingresses", self._changed)
        self._read()

    def _changed(self, change: Change) -> None:
        previous = change.previous.object if change.previous else None
        if previous is None or change.type == "DELETED" or previous["spec"] != change.object["spec"]:
            asyncio.get_running_loop().call_soon(self._read)

    def _read(self) -> None:
        ingresses = self._machinery.list("ingresses")
        self._routes = Routes(ingresses)
        status = {"loadBalancer": {"ingress": [{"ip": ADDRESS, "ports": [{"port": self.port, "protocol": "TCP"}]}]}}
        for each in ingresses:
            if each.get("status") != status:
                self._tell_address(each, status)

    def _tell_address(self, ingress: Object, status: Object) -> None:
        metadata = ingress["metadata"]
        self._machinery.mutate(
            "ingresses",
            metadata["namespace"],
            metadata["name"],
            lambda obj: obj.update(status=status),
            subresource="status",
        )

    # -- one request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        backend = self._routes.find(request.host, request.path)
        if backend is None:
            return web.Response(status=404, text="404 page not found\n")
        port = self._port_name(backend)
        if port is None:
            return web.Response(status=503, text=f"service {backend.service.name} has no such port\n")
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        return await self._forward(request, backend, port)

    def _port_name(self, backend: Backend) -> str | None:
        service = self._machinery.find(*backend.service)
        for each in service["spec"].get("ports") or () if service else ():
            if backend.port in (each.get("name"), each["port"]):
                return each.get("name") or ""
        return None

    async def _forward(self, request: web.BaseRequest, backend: Backend, port: str) -> web.StreamResponse:
        """Offers the request to one endpoint after the other, as long as it is certain that none has acted on it."""
        assert self._session
        body = await _body(request)
        repeatable = request.method in _IDEMPOTENT and not isinstance(body, AsyncIterator)
        places = list(self._endpoints.choose(backend.service, port))
        problem = "no available server"
        for address, number in places[:TRIES]:
            url = URL(f"http://{address}:{number}{request.raw_path}", encoded=True)
            try:
                if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
                    return await relay(self._session, url, request, _forwarded(request))
                return await self._ask(request, url, body)
            except aiohttp.ClientConnectorError as error:
                problem = f"cannot connect to {address}:{number}: {os.strerror(error.os_error.errno or 0)}"
            except aiohttp.WSServerHandshakeError as error:
                return web.Response(status=error.status, text=f"{error.message}\n")
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
                problem = f"{address}:{number} ended the connection without an answer"
                if not repeatable:
                    log.info("%s %s: %s (%s)", request.method, request.path, problem, error)
                    return web.Response(status=502, text=f"{problem}\n")
        status = 502 if places else 503
        return web.Response(status=status, text=f"{problem}\n")

    async def _ask(self, request: web.BaseRequest, url: URL, body: Any) -> web.StreamResponse:
        assert self._session
        headers = _forwarded(request)
        async with self._session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=_OWN_HEADERS
        ) as answer:
            return await _pass_on(request, answer)


_OWN_HEADERS = (hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE)


async def _body(request: web.BaseRequest) -> Any:
    """The body: nothing, bytes that can be sent twice, or a stream that cannot."""
    if not request.body_exists:
        return None
    if request.content_length is not None and request.content_length <= LARGEST_REPLAY:
        return b"".join([part async for part in request.content.iter_any()])
    return request.content.iter_any()


def _forwarded(request: web.BaseRequest) -> CIMultiDict[str]:
    """The request's headers for the next hop, with what it would not know otherwise."""
    named = {each.strip().lower() for each in request.headers.get(hdrs.CONNECTION, "").split(",")}
    kept = [(key, value) for key, value in request.headers.items() if key.lower() not in _HOP_BY_HOP | named]
    headers = CIMultiDict(kept)
    peer = request.remote or ADDRESS
    known = headers.get(hdrs.X_FORWARDED_FOR)
    headers[hdrs.X_FORWARDED_FOR] = f"{known}, {peer}" if known else peer
    headers.setdefault(hdrs.X_FORWARDED_HOST, request.host)
    headers.setdefault(hdrs.X_FORWARDED_PROTO, "http")
    return headers


async def _pass_on(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Streams the answer as it comes. A connection that breaks in the middle breaks the client's too."""
    kept = [(key, value) for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP]
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=CIMultiDict(kept))
    await response.prepare(request)
    try:
        async for part in answer.content.iter_any():
            await response.write(part)
    except aiohttp.ClientError as error:
        log.info("%s %s: broken off: %s", request.method, request.path, error)
        if request.transport:
            request.transport.abort()
        return response
    await response.write_eof()
    return response
