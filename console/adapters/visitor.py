"""Single requests to a stack from outside, as its own users send them: no credentials, no cookies, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import aiohttp
from yarl import URL

from console.adapters.errnos import system_words
from console.engine.ports import Answer

_AGENT = "stack-console (probe-load)"
_TEXT = 4_000
_LARGEST = 1 << 20
_AT_ONCE = 200
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NAMES = ("X-Pod-Name", "X-Pod")
"""Headers by which an answer says which pod it comes from."""


class HttpVisitor:
    """The `ports.Visitor`. Connections are made when they are first needed; after `close` that can begin anew."""

    def __init__(self) -> None:
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def get(self, url: str, *, host: str = "", fresh: bool = False) -> Answer:
        """What an address answers to a GET.

        Certificates are not checked: nothing secret is sent, and what is measured is whether somebody answers.
        """
        return await self._ask("GET", url, host, fresh=fresh)

    async def send(self, method: str, url: str, *, host: str = "", body: str = "", content_type: str = "") -> Answer:
        """What an address answers to a request that writes or removes something, over a connection of its own."""
        # What is read is looked into: packed it would be of no use.
        plain = {"Accept-Encoding": "identity"}
        return await self._ask(method, url, host, fresh=True, body=body, content_type=content_type, more=plain)

    async def _ask(
        self,
        method: str,
        url: str,
        host: str,
        *,
        fresh: bool,
        body: str = "",
        content_type: str = "",
        more: Mapping[str, str] = _NOTHING,
    ) -> Answer:
        headers = {**({"Host": host} if host else {}), **({"Content-Type": content_type} if body else {}), **more}
        try:
            async with self._session(fresh=fresh).request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body.encode() if body else None,
                allow_redirects=False,
                ssl=False,
                server_hostname=host.partition(":")[0] or None,
            ) as response:
                text = await start_of(response)
                return Answer(response.status, text, pod_named(response.headers))
        except (aiohttp.ClientError, OSError) as error:
            return Answer(None, _words(error))

    async def close(self) -> None:
        """Closes every connection."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        """The one whose connections are kept, or the one that makes a new connection for each request."""
        if fresh not in self._sessions:
            connector = aiohttp.TCPConnector(limit=_AT_ONCE, force_close=fresh)
            self._sessions[fresh] = aiohttp.ClientSession(
                connector=connector,
                # Who asks says how long it waits.
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": _AGENT},
                auto_decompress=False,
            )
        return self._sessions[fresh]


async def start_of(response: aiohttp.ClientResponse) -> str:
    """The start of an answer's text, once all of it came; what is too large is broken off."""
    start, size = bytearray(), 0
    async for chunk in response.content.iter_any():
        start += chunk[: _TEXT - len(start)]
        size += len(chunk)
        if size > _LARGEST:
            response.close()
            break
    return start.decode(errors="replace")


def pod_named(headers: Mapping[str, str]) -> str:
    """The pod that an answer says it comes from; empty if it does not say."""
    return next((headers[name] for name in _NAMES if headers.get(name)), "")


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed without an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off"
    if isinstance(error, aiohttp.ClientConnectorError):
        return system_words(error.os_error)
    return system_words(error) if isinstance(error, OSError) else str(error) or type(error).__name__
