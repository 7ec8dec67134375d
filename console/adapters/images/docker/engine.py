"""The container engine's own API (Docker Engine API 1.41): the few calls that building and pushing need."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from console.adapters.errnos import system_words
from console.adapters.images.docker.endpoint import Endpoint, EngineError, find_endpoint
from console.adapters.images.docker.lines import Lines

JSON = dict[str, Any]
# A build or a push may be silent for as long as it likes.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)
_QUICK = 10.0


class DockerEngine:
    """The engine that the environment names; looked for with the first call.

    Args:
        environment: the console's.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._opened: aiohttp.ClientSession | None = None
        self._endpoint: Endpoint | None = None
        self._base = ""
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Closes every connection."""
        if self._opened is not None:
            await self._opened.close()

    async def version(self) -> str:
        """The engine's version, like `27.3.1`. Raises EngineError if it does not answer."""
        return str((await self._json("/version"))["Version"])

    async def platform(self) -> str:
        """What it builds for by itself, like `linux/amd64`; empty if it tells none. Raises EngineError."""
        known = await self._json("/version")
        return f"{known['Os']}/{known['Arch']}" if known.get("Os") and known.get("Arch") else ""

    async def image(self, reference: str) -> JSON | None:
        """What the engine knows of an image, None if it does not have it. Raises EngineError."""
        try:
            return await self._json(f"/images/{quote(reference, safe='')}/json")
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    async def stream(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str], data: AsyncIterator[bytes] | None = None
    ) -> AsyncGenerator[JSON, None]:
        """What the engine tells while it does what a POST asks for; closing this ends its work.

        Raises:
            EngineError: it refused; or it told of an error, or was gone, on the way.
        """
        lines = Lines()
        async with self._ask("POST", path, params=params, headers=headers, data=data) as answer:
            async for chunk in answer.content.iter_any():
                for line in lines.feed(chunk):
                    yield _told(line)
        for line in lines.end():
            yield _told(line)

    async def _json(self, path: str) -> JSON:
        try:
            async with asyncio.timeout(_QUICK), self._ask("GET", path) as answer:
                return msgspec.json.decode(await answer.read(), type=JSON)
        except TimeoutError as error:
            raise EngineError(f"{self._where} did not answer in {_QUICK:.0f} s", "look at the engine's log") from error

    @asynccontextmanager
    async def _ask(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        session = await self._session()
        try:
            async with session.request(method, self._base + path, **options) as answer:
                if answer.status >= 400:
                    raise EngineError(_message(await answer.read()), status=answer.status)
                yield answer
        except aiohttp.ClientConnectorError as error:
            raise self._unreachable(error.os_error) from error
        except aiohttp.ClientError as error:
            hint = "look whether the engine still runs, and at its log"
            raise EngineError(f"the engine broke off: {error or type(error).__name__}", hint) from error

    async def _session(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._opened is None:
                self._endpoint = await asyncio.to_thread(find_endpoint, self._environment)
                tls = await asyncio.to_thread(self._endpoint.tls)
                self._base, connector = _connector(self._endpoint.address, tls)
                self._opened = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
            return self._opened

    @property
    def _where(self) -> str:
        return self._endpoint.address if self._endpoint else "the container engine"

    def _unreachable(self, error: OSError) -> EngineError:
        if error.errno in {errno.EACCES, errno.EPERM}:
            hint = "join the group that owns the socket (`sudo usermod -aG docker $USER`, then log in again)"
            return EngineError(f"no permission to use the container engine at {self._where}", hint)
        hint = "start it (`sudo systemctl start docker`, or Docker Desktop), or set DOCKER_HOST"
        return EngineError(f"the container engine at {self._where} does not run: {system_words(error)}", hint)


def _connector(address: str, tls: ssl.SSLContext | None) -> tuple[str, aiohttp.BaseConnector]:
    """The beginning of every URL, and how to connect. Raises EngineError."""
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        return "http://docker", aiohttp.UnixConnector(rest)
    if scheme in {"tcp", "http", "https"}:
        secure = tls is not None or scheme == "https"
        return f"{'https' if secure else 'http'}://{rest}", aiohttp.TCPConnector(ssl=tls or True)
    hint = "use an engine on this machine or one by TCP, or forward its socket (`ssh -L`) into DOCKER_HOST"
    raise EngineError(f"{address} is no address that can be used", hint)


def _told(line: bytes) -> JSON:
    try:
        told = msgspec.json.decode(line, type=JSON)
    except msgspec.MsgspecError as error:
        raise EngineError(f"the engine told what is no JSON: {line[:200]!r}", "is it a Docker engine?") from error
    if "error" in told or "errorDetail" in told:
        detail = told.get("errorDetail") or {}
        raise EngineError(str(detail.get("message") or told.get("error") or "it failed without a word"))
    return told


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=JSON)["message"])
    except (msgspec.MsgspecError, KeyError):
        return " ".join(body[:500].decode(errors="replace").split()) or "it gave no reason"
