"""uvicorn, with the shutdown that Kubernetes needs.

After SIGTERM a pod still gets requests until every proxy has heard that it is going (Kubernetes documentation, "Pod
Lifecycle", termination). So: say *not ready*, keep accepting for DRAIN_SECONDS, then stop, answer what was accepted,
exit 0.
"""

from __future__ import annotations

import asyncio
import logging
from types import FrameType

import uvicorn
from pydantic import Field
from starlette.types import ASGIApp

from serving.health import Health
from serving.middleware import ServiceMiddleware
from serving.settings import Settings

_log = logging.getLogger("server")


class Listen(Settings):
    """Where to listen, and how to stop. DRAIN_SECONDS + STOP_SECONDS must fit into the pod's grace period."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached by its pod's address
    port: int = Field(8000, ge=1, le=65535)
    drain_seconds: float = Field(5.0, ge=0)
    stop_seconds: int = Field(20, ge=1)
    pod_name: str = ""
    hostname: str = ""


class DrainingServer(uvicorn.Server):
    """A server that drains before it stops. A second signal ends the draining at once."""

    def __init__(self, app: ASGIApp, health: Health, listen: Listen) -> None:
        pod = listen.pod_name or listen.hostname
        config = uvicorn.Config(
            ServiceMiddleware(app, health, pod),
            host=listen.host,
            port=listen.port,
            log_config=None,
            access_log=False,
            server_header=False,
            # Longer than any client keeps an idle connection: who closes first must not be us.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=listen.stop_seconds,
            lifespan="on",
        )
        super().__init__(config)
        self._health = health
        self._drain_seconds = listen.drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """As in uvicorn; from here on signals drain."""
        self._loop = asyncio.get_running_loop()
        await super().startup(None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Replaces uvicorn's handler, which stops accepting at once and ends the process by the signal, not with 0."""
        if self._loop is None or not self.started:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        if self._health.draining:
            self.should_exit = True
            return
        _log.info("told to end: not ready from now on, accepting for another %g s", self._drain_seconds)
        self._health.draining = True
        asyncio.get_running_loop().call_later(self._drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True
