"""The HTTP interface: a message in, an answer and the calls behind it out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import httpx2
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from serving import Health, NotReadyError, Settings, hide, read_settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ai_agent import rules
from ai_agent.tools import Reply, UnreachableError, connect

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class AgentSettings(Settings):
    """With OPENAI_API_KEY (secret) a model answers, without it fixed rules do."""

    mcp_url: str
    openai_api_key: str = ""
    openai_base_url: str = ""
    openai_model: str = "gpt-5-mini"
    timeout: float = Field(20.0, gt=0, le=300)


class Turn(BaseModel):
    """Something that was said before."""

    role: Literal["user", "assistant"]
    content: Text


class Message(BaseModel):
    """What a client sends. The agent keeps nothing: the client sends along what was said before."""

    model_config = ConfigDict(extra="forbid")
    message: Text
    history: list[Turn] = Field(default=[], max_length=20)


Answer = Callable[[Message], Awaitable[Reply]]


def create(health: Health) -> Starlette:
    """The application, with a model or with rules."""
    settings = read_settings(AgentSettings)
    hide(settings.openai_api_key)
    http = httpx2.AsyncClient(timeout=settings.timeout)
    answer, close, engine = _with_model(settings) if settings.openai_api_key else _with_rules(settings, http)

    async def check() -> None:
        try:
            response = await http.get(str(httpx2.URL(settings.mcp_url).join("/health/ready")))
        except httpx2.TransportError as error:
            raise NotReadyError(f"the MCP server cannot be reached ({type(error).__name__})") from error
        if not response.is_success:
            raise NotReadyError("the MCP server is not ready")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await close()
        await http.aclose()

    health.ready_when(check)
    routes = [
        Route("/agent/chat", _chat(answer), methods=["POST"]),
        Route("/agent/about", _about(engine), methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _with_rules(settings: AgentSettings, http: httpx2.AsyncClient) -> tuple[Answer, Callable[[], Awaitable[None]], str]:
    async def answer(message: Message) -> Reply:
        async with connect(settings.mcp_url, http, settings.timeout) as tools:
            return await rules.answer(message.message, tools)

    async def close() -> None:
        """Rules own nothing."""

    return answer, close, rules.ENGINE


def _with_model(settings: AgentSettings) -> tuple[Answer, Callable[[], Awaitable[None]], str]:
    # Takes a second to import, and is not needed without a key.
    from ai_agent.model import ENGINE, ModelAgent

    agent = ModelAgent(
        mcp_url=settings.mcp_url,
        key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        timeout=settings.timeout,
    )

    async def answer(message: Message) -> Reply:
        return await agent.answer(message.message, [turn.model_dump() for turn in message.history])

    return answer, agent.aclose, ENGINE


def _chat(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def chat(request: Request) -> Response:
        try:
            message = Message.model_validate_json(await request.body())
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in problem["loc"]) or "body"
            return JSONResponse({"detail": f"{place}: {problem['msg']}"}, 422)
        try:
            reply = await answer(message)
        except UnreachableError as error:
            return JSONResponse({"detail": str(error)}, 503, headers={"retry-after": "1"})
        return JSONResponse(reply.model_dump())

    return chat


def _about(engine: str) -> Callable[[Request], Awaitable[Response]]:
    async def about(_request: Request) -> Response:
        return JSONResponse({"engine": engine, "help": rules.HELP if engine == rules.ENGINE else ""})

    return about
