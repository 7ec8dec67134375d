"""Requests over the wire: credentials, timeouts, `Retry-After`, and the read-only rule. No kinds, no decoding.

Of the official client only configuration, authentication, TLS and transport are used (`ApiClient.call_api`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from console.adapters.kubernetes.connector import connector
from console.adapters.kubernetes.failures import Call, Status, broken, read_status, refused
from console.adapters.kubernetes.pulse import PATIENCE, Pulse, Waiting
from console.adapters.kubernetes.renewal import Renewal
from console.adapters.visitor import pod_named, start_of
from console.engine.ports import Answer
from console.model.errors import ApplyError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

_SOCKET: Final = aiohttp.ClientWSTimeout(ws_receive=None, ws_close=1.0)
_UNARY: Final = aiohttp.ClientTimeout(total=60, connect=10, sock_connect=5, sock_read=30)
_PULSE: Final = Call("GET", "/livez", "get /livez", "a sign of life")
_LONGEST_PAUSE: Final = 10.0
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
        client: the official client, configured for one context, and not used yet.
        server: the API server's address, for messages.
        read_only: let GET, access reviews and `dryRun=All` through, and nothing else.
        renew: gets credentials anew (exec plugin, token file); called after a 401.
    """

    def __init__(
        self, client: ApiClient, server: str, *, read_only: bool, renew: Callable[[], Awaitable[None]]
    ) -> None:
        self._client = client
        # The client's own way to other connections is a subclass that it does not let anybody hand in.
        client.rest_client._create_connector = partial(connector, client.rest_client)  # type: ignore[method-assign]
        self.server = server
        self.read_only = read_only
        self._renewal = Renewal(renew, server)
        self._pulse = Pulse(self._ask_for_life)

    async def close(self) -> None:
        """Closes every connection."""
        self._pulse.stop()
        await self._client.close()

    async def send(self, call: Call, timeout: aiohttp.ClientTimeout = _UNARY) -> bytes:
        """The body of a successful answer.

        Raises:
            ConsoleError: the API server refused (see `failures`), or did not answer (UnreachableError).
        """
        return (await self._ask(call, timeout))[1]

    async def pass_on(self, call: Call, timeout: float) -> tuple[int | None, str]:
        """What stands behind the API server answers through its proxy: status and the start of the text.

        The status is None when the API server could not get an answer; the text then says why.

        Raises:
            DeniedError, UnreachableError: the API server itself refused, or did not answer.
        """
        limits = aiohttp.ClientTimeout(total=timeout + 5, connect=10, sock_connect=5)
        response, body = await self._request(call, limits)
        body = body[:_TEXT]
        status = read_status(body, response.status)
        if response.status < 400 or status.kind != "Status":
            return response.status, body.decode(errors="replace")
        if response.status in {401, 403}:
            raise refused(call, self.server, status, response.status)
        return None, status.message

    async def visit(self, call: Call) -> Answer:
        """As `pass_on`, with the pod that says who it is; a redirect is an answer. Who asks bounds the time.

        Raises:
            DeniedError, UnreachableError: the API server itself refused, or did not answer.
        """
        self._guard(call)
        renewed = False
        while True:
            used = self._renewal.number
            session, url, more = await self._session(call)
            if call.method != "GET":
                # What is written and read again is looked into: packed it would be of no use.
                own = {"Accept-Encoding": "identity"} | ({"Content-Type": call.content_type} if call.body else {})
                more |= {"headers": {**more["headers"], **own}, "data": call.body}
            try:
                async with session.request(call.method, url, allow_redirects=False, **more) as response:
                    text = await start_of(response)
            except (aiohttp.ClientError, OSError) as error:
                raise broken(error, self.server) from error
            status = read_status(text.encode(), response.status)
            if response.status < 400 or status.kind != "Status":
                return Answer(response.status, text, pod_named(response.headers))
            if response.status == 401 and not renewed:
                renewed = True
                await self._renewal.after(used)
            elif response.status in {401, 403}:
                raise refused(call, self.server, status, response.status)
            else:
                return Answer(None, status.message)

    @asynccontextmanager
    async def stream(self, call: Call, silence: float | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        """The chunks of a body that comes for as long as it likes; `silence` seconds without a byte end it.

        Raises:
            ConsoleError: as `send`; UnreachableError also when the stream breaks off or falls silent.
        """
        timeout = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=5, sock_read=silence)
        response, _ = await self._ask(call, timeout, whole=False)
        with self._pulse.waits(partial(_abort, response)) as waiting:
            try:
                yield self._chunks(response, waiting)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise self._unanswered(error, waiting) from error
            finally:
                # Without waiting for the other side to take leave (TLS): it may be in the middle.
                _abort(response)
                response.close()

    async def socket(self, call: Call, protocols: Sequence[str]) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket, to be closed by whoever asked for it.

        Raises:
            ConsoleError: as `send`; ApplyError also where what it leads to fails.
        """
        self._guard(call)
        before = -1
        while True:
            used = self._renewal.number
            try:
                return await self._upgrade(call, protocols)
            except aiohttp.WSServerHandshakeError as error:
                if error.status == 401 and before == -1:
                    before = used
                    await self._renewal.after(used)
                    continue
                if error.status < 500:
                    # Only the answer to a plain request comes with its words.
                    await self._ask(call, _UNARY)
                if error.status == 500:
                    raise ApplyError("it cannot be done there", where=call.subject) from error
                raise refused(call, self.server, Status(message=error.message), error.status) from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise broken(error, self.server) from error

    async def _upgrade(self, call: Call, protocols: Sequence[str]) -> aiohttp.ClientWebSocketResponse:
        """As the client's own requests are sent, by the same session."""
        session, url, more = await self._session(call)
        socket: aiohttp.ClientWebSocketResponse = await session.ws_connect(
            url, protocols=protocols, timeout=_SOCKET, **more
        )
        return socket

    async def _session(self, call: Call) -> tuple[aiohttp.ClientSession, str, dict[str, Any]]:
        """The client's own session, the URL, and what else it sends along, for what its own calls cannot do."""
        rest = self._client.rest_client
        _, url, headers, *_ = await self._client.param_serialize(
            call.method, call.path, query_params=list(call.query), header_params={}, auth_settings=["BearerToken"]
        )
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()
        named = rest.configuration.tls_server_name
        more = {"headers": headers, "proxy": rest.proxy, "proxy_headers": rest.proxy_headers}
        return rest.pool_manager, url, more | ({"server_hostname": named} if named else {})

    async def _ask(
        self, call: Call, timeout: aiohttp.ClientTimeout, *, whole: bool = True
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """A success, with its body if it is to be `whole`."""
        self._guard(call)
        attempt, used = 1, -1
        while True:
            before, used = used, self._renewal.number
            response, body = await self._request(call, timeout, whole=whole)
            if response.status < 300:
                self._renewal.accepted()
                return response, body
            pause = _asked_pause(response)
            if response.status == 401 and before == -1:
                await self._renewal.after(used)
            elif pause is not None and attempt < call.attempts:
                attempt += 1
                await asyncio.sleep(pause)
            else:
                raise refused(call, self.server, read_status(body, response.status), response.status, pause or 0.0)

    async def _request(
        self, call: Call, timeout: aiohttp.ClientTimeout, *, whole: bool = True
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Any answer; its body unless that is a success that is not to be `whole`."""
        while True:
            limit = asyncio.timeout(None)
            with self._pulse.waits(partial(_end, limit)) as waiting:
                try:
                    async with limit:
                        response = await self._call(call, timeout)
                        self._pulse.hear(waiting)
                        return response, await _body(response) if whole or response.status >= 300 else b""
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    sent_into_the_dark = limit.expired() and waiting.why is None
                    if not (sent_into_the_dark and call.only_asks):
                        raise self._unanswered(error, waiting) from error

    def _unanswered(self, error: BaseException, waiting: Waiting) -> UnreachableError:
        """Why there is no answer: what was broken off because nobody answers any more, for the reason of that."""
        if (why := waiting.why) is None:
            return broken(error, self.server)
        return UnreachableError(why.what, where=why.where, why=why.why, hint=why.hint)

    async def _call(self, call: Call, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        headers = {"Content-Type": call.content_type, "Accept": "application/json, */*;q=0.5"}
        method, url, headers, *_ = await self._client.param_serialize(
            call.method, call.path, query_params=list(call.query), header_params=headers, auth_settings=["BearerToken"]
        )
        answer = await self._client.call_api(method, url, headers, body=call.body, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response

    async def _ask_for_life(self) -> None:
        """As probes do, which a busy API server lets pass (kubernetes.io, "API Priority and Fairness", exempt)."""
        try:
            await _body(await self._call(_PULSE, aiohttp.ClientTimeout(total=PATIENCE)))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(error, self.server) from error

    async def _chunks(self, response: aiohttp.ClientResponse, waiting: Waiting) -> AsyncIterator[bytes]:
        """What has arrived, as often as the screen is drawn at most.

        A busy watch sends hundreds of small pieces a second, and each wakes the loop. Left in the system's buffer for a
        moment they are read together, for half of the CPU time. Where much arrives at once, nothing is held back.
        """
        async for chunk in response.content.iter_any():
            self._pulse.hear(waiting)
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

    def _guard(self, call: Call) -> None:
        reads = call.method == "GET" and not call.path.endswith(_SESSIONS)
        asks = call.method == "POST" and call.path.endswith(_REVIEWS)
        if self.read_only and not (reads or asks or call.dry_run):
            hint = "start without --read-only to change the cluster"
            raise RefusedError(f"read-only: not going to {call.right}", where=call.subject, hint=hint)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    async with response:
        return await response.read()


def _limit(transport: asyncio.Transport, most: int | None) -> None:
    """How many bytes may wait; None is the usual. A paused TLS connection goes on to read, record by record."""
    limit = getattr(transport, "set_read_buffer_limits", None)
    if limit is not None and not transport.is_closing():
        limit(most)


def _end(limit: asyncio.Timeout) -> None:
    """Once: what has ended, or is about to, cannot be ended again."""
    with suppress(RuntimeError):
        limit.reschedule(0.0)


def _abort(response: aiohttp.ClientResponse) -> None:
    """Breaks a connection; nothing if it has been given back."""
    if response.connection and response.connection.transport:
        response.connection.transport.abort()


def _asked_pause(response: aiohttp.ClientResponse) -> float | None:
    """Seconds that the server asks to wait, bounded; None if it does not want to be asked again.

    RFC 9110, 10.2.3; Kubernetes sends whole seconds with 429, and with 503 while it starts or ends.
    """
    text = response.headers.get("Retry-After", "")
    if text.isdigit() and (response.status == 429 or response.status >= 500):
        return min(float(text), _LONGEST_PAUSE)
    return 1.0 if response.status == 429 else None
