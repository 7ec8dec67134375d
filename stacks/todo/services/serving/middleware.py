"""What every answer of every service has in common: health endpoints, the pod's name, a request id, a log line."""

from __future__ import annotations

import logging
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.health import Health

_HEALTH = "/health/"
_log = logging.getLogger("access")


class ServiceMiddleware:
    """The outermost ASGI application of a service.

    Args:
        app: the service itself.
        health: answers /health/..., and knows when the process is draining.
        pod: goes into X-Pod-Name, so that one can see who answered.
    """

    def __init__(self, app: ASGIApp, health: Health, pod: str) -> None:
        self._app = app
        self._health = health
        self._pod = pod

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request (ASGI specification, "HTTP & WebSocket ASGI Message Format")."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = Headers(scope=scope).get("x-request-id") or uuid.uuid4().hex
        status = 500

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._name(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._answer(scope, receive, send_named)
        finally:
            self._note(scope, status, started, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(_HEALTH):
            await self._app(scope, receive, send)
            return
        status, body = await self._health.answer(scope["path"].removeprefix(_HEALTH))
        await JSONResponse(body, status, headers={"cache-control": "no-store"})(scope, receive, send)

    def _name(self, headers: MutableHeaders, request_id: str) -> None:
        headers["x-request-id"] = request_id
        if self._pod:
            headers["x-pod-name"] = self._pod
        if self._health.draining:
            # A client that keeps its connection would never move on to another pod.
            headers["connection"] = "close"

    def _note(self, scope: Scope, status: int, started: float, request_id: str) -> None:
        probe = scope["path"].startswith(_HEALTH)
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round((time.perf_counter() - started) * 1000, 1),
            "request_id": request_id,
        }
        _log.log(logging.DEBUG if probe else logging.INFO, "request", extra={"fields": fields})
