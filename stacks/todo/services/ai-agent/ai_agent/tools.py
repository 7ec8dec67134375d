"""Calls of tools over MCP, and the record of them that is shown to people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from pydantic import BaseModel


class ToolCall(BaseModel):
    """A call as it was made. `result` is what the tool answered, or why it failed."""

    tool: str
    arguments: dict[str, Any]
    ok: bool
    result: Any


class Reply(BaseModel):
    """An answer for a person, and how it came about."""

    reply: str
    calls: list[ToolCall]
    engine: str


class ToolFailedError(Exception):
    """A tool said no; the text says why."""


class UnreachableError(Exception):
    """The MCP server, or the model, does not answer; the text says which."""


class Tools:
    """The tools of an MCP server for one conversation turn; `calls` grows with each call."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls: list[ToolCall] = []

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The tool's structured answer. Raises ToolFailedError, and MCPError if the connection fails."""
        result = await self._client.call_tool(tool, arguments)
        if result.is_error:
            why = " ".join(block.text for block in result.content if block.type == "text")
            self.calls.append(ToolCall(tool=tool, arguments=arguments, ok=False, result=why))
            raise ToolFailedError(why)
        answer = result.structured_content or {}
        self.calls.append(ToolCall(tool=tool, arguments=arguments, ok=True, result=answer))
        return answer


@asynccontextmanager
async def connect(url: str, http: httpx2.AsyncClient, timeout: float) -> AsyncIterator[Tools]:
    """The tools at `url`. A connection a turn: nothing is kept that could break. Raises UnreachableError."""
    try:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, read_timeout_seconds=timeout) as client:
            yield Tools(client)
    except* (MCPError, httpx2.HTTPError) as group:
        raise UnreachableError("the MCP server does not answer; try again in a moment") from group
