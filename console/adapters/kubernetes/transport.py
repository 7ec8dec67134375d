"""Requests over the wire: credentials, timeouts, `Retry-After`, and the read-only rule. No kinds, no decoding.

Of the official client only configuration, authentication, TLS and transport are used (`ApiClient.call_api`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiohttp

from console.adapters.kubernetes.failures import Call, broken, read_status, refused
from console.model.errors import RefusedError

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

_UNARY: Final = aiohttp.ClientTimeout(total=60, connect=10, sock_connect=5, sock_read=30)
_ATTEMPTS: Final = 4
_PATIENCE: Final = 10.0
_TEXT: Final = 10_000
_PACE: Final = 0.1
_PLENTY: Final = 1 << 16
# Reviews answer a question and store nothing (kubernetes.io, "Authorization").
_REVIEWS: Final = ("/selfsubjectaccessreviews", "/selfsubjectrulesreviews", "/selfsubjectreviews")
# These are GET by protocol, but run something in a container or reach into one.
_SESSIONS: Final = ("/exec", "/attach", "/portforward")


class Transport:
    """Sends calls to one pinned API server.

    Args:
        client: the official client, configured for one context.
        server: the API server's address, for messages.
        read_only: let GET, access reviews and `dryRun=All` through, and nothing else.
        renew: gets credentials anew (exec plugin, token file); called once after a 401.
    """

    def __init__(
        self, client: ApiClient, server: str, *, read_only: bool, renew: Callable[[], Awaitable[None]]
    ) -> None:
        self._client = client
        self.server = server
        self.read_only = read_only
        self._renew = renew

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def send(self, call: Call, timeout: aiohttp.ClientTimeout = _UNARY) -> bytes:
        """The body of a successful answer.

        Raises:
            ConsoleError: the API server refused (see `failures`), or did not answer (UnreachableError).
        """
        return await self._read(await self._ask(call, timeout))

    async def pass_on(self, call: Call, timeout: float) -> tuple[int | None, str]:
        """What stands behind the API server answers through its proxy: status and the start of the text.

        The status is None when the API server could not get an answer; the text then says why.

        Raises:
            DeniedError, UnreachableError: the API server itself refused, or did not answer.
        """
        limits = aiohttp.ClientTimeout(total=timeout + 5, connect=10, sock_connect=5)
        response = await self._request(call, limits)
        body = (await self._read(response))[:_TEXT]
        status = read_status(body, response.status)
        if response.status < 400 or status.kind != "Status":
            return response.status, body.decode(errors="replace")
        if response.status in {401, 403}:
            raise refused(call, self.server, status, response.status)
        return None, status.message

    @asynccontextmanager
    async def stream(self, call: Call, silence: float | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        """The chunks of a body that comes for as long as it likes; `silence` seconds without a byte end it.

        Raises:
            ConsoleError: as `send`; UnreachableError also when the stream breaks off or falls silent.
        """
        timeout = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=5, sock_read=silence)
        response = await self._ask(call, timeout)
        _keep_alive(response)
        try:
            yield _chunks(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise broken(error, self.server) from error
        finally:
            _break_off(response)

    async def _ask(self, call: Call, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        self._guard(call)
        renewed = False
        for attempt in range(1, _ATTEMPTS + 1):
            response = await self._request(call, timeout)
            if response.status < 300:
                return response
            body = await self._read(response)
            if response.status == 401 and not renewed:
                renewed = True
                await self._renew()
            elif response.status == 429 and attempt < _ATTEMPTS:
                await asyncio.sleep(_retry_after(response))
            else:
                break
        raise refused(call, self.server, read_status(body, response.status), response.status)

    async def _request(self, call: Call, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        headers = {"Content-Type": call.content_type, "Accept": "application/json, */*;q=0.5"}
        try:
            method, url, headers, *_ = await self._client.param_serialize(
                call.method,
                call.path,
                query_params=list(call.query),
                header_params=headers,
                auth_settings=["BearerToken"],
            )
            answer = await self._client.call_api(method, url, headers, body=call.body, _request_timeout=timeout)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(error, self.server) from error
        response: aiohttp.ClientResponse = answer.response
        return response

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            async with response:
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise broken(error, self.server) from error

    def _guard(self, call: Call) -> None:
        reads = call.method == "GET" and not call.path.endswith(_SESSIONS)
        asks = call.method == "POST" and call.path.endswith(_REVIEWS)
        if self.read_only and not (reads or asks or call.dry_run):
            hint = "start without --read-only to change the cluster"
            raise RefusedError(f"read-only: not going to {call.right}", where=call.subject, hint=hint)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """What has arrived, as often as the screen is drawn at most.

    A busy watch sends hundreds of small pieces a second, and each wakes the loop. Left in the system's buffer for a
    moment they are read together, for half of the CPU time. Where much arrives at once, nothing is held back.
    """
    async for chunk in response.content.iter_any():
        yield chunk
        # Kept: a connection that breaks meanwhile has none any more.
        transport = response.connection.transport if response.connection else None
        if len(chunk) < _PLENTY and transport is not None:
            transport.pause_reading()
            _limit(transport, 1)
            try:
                await asyncio.sleep(_PACE)
            finally:
                _limit(transport, None)
                transport.resume_reading()


def _limit(transport: asyncio.Transport, most: int | None) -> None:
    """How many bytes may wait; None is the usual. A paused TLS connection goes on to read, record by record."""
    limit = getattr(transport, "set_read_buffer_limits", None)
    if limit is not None and not transport.is_closing():
        limit(most)


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    """Lets the system find out within a minute that the other side of a quiet stream is gone."""
    transport = response.connection.transport if response.connection else None
    connection = transport.get_extra_info("socket") if transport else None
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if (option := getattr(socket, name, None)) is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _break_off(response: aiohttp.ClientResponse) -> None:
    """Ends a stream that may be in its middle, without waiting for the other side to take leave (TLS)."""
    if response.connection and response.connection.transport:
        response.connection.transport.abort()
    response.close()


def _retry_after(response: aiohttp.ClientResponse) -> float:
    """Seconds that the server asks to wait (RFC 9110, 10.2.3; Kubernetes sends seconds), bounded."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), _PATIENCE) if text.isdigit() else 1.0
