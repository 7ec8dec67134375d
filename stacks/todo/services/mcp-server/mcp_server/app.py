"""The MCP server over streamable HTTP, at /mcp. It keeps no sessions, so any replica answers any request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field
from serving import Health, NotReadyError, Settings, read_settings
from starlette.applications import Starlette

from mcp_server.backend import Backend
from mcp_server.tools import register_tools


class McpSettings(Settings):
    """PUBLIC_URLS: under which addresses clients reach this server, separated by commas; any other Host is refused."""

    backend_url: str
    public_urls: str
    backend_timeout: float = Field(5.0, gt=0, le=60)


def create(health: Health) -> Starlette:
    """The application with its client of the backend."""
    settings = read_settings(McpSettings)
    backend = Backend(settings.backend_url, settings.backend_timeout)
    server = MCPServer("todo", instructions="Tools on the tasks of a to-do list.", subscriptions=False)
    register_tools(server, backend)
    security = TransportSecuritySettings(allowed_hosts=_hosts(settings.public_urls))
    app = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=security)
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with inner(app):
            yield
        await backend.aclose()

    async def check() -> None:
        if not await backend.is_ready():
            raise NotReadyError("the backend is not ready")

    app.router.lifespan_context = lifespan
    health.ready_when(check)
    return app


def _hosts(urls: str) -> list[str]:
    """The values of the Host header that belong to these URLs."""
    return [urlsplit(url.strip()).netloc for url in urls.split(",") if url.strip()]
