"""Passing a WebSocket on, message by message, pings and close codes included."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from aiohttp import WSMsgType, hdrs, web
from yarl import URL

_HANDSHAKE = ("Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol")
Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def relay(
    session: aiohttp.ClientSession, url: URL, request: web.BaseRequest, headers: Mapping[str, str]
) -> web.WebSocketResponse:
    """Connects to the endpoint, then to the client, and passes messages until either side closes.

    Raises:
        aiohttp.ClientError: the endpoint does not accept.
    """
    offered = [each.strip() for each in request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",") if each.strip()]
    kept = {key: value for key, value in headers.items() if key not in _HANDSHAKE}
    async with session.ws_connect(
        url, protocols=offered, headers=kept, autoping=False, autoclose=False, max_msg_size=0
    ) as inner:
        protocols = (inner.protocol,) if inner.protocol else ()
        outer = web.WebSocketResponse(
            protocols=protocols, autoping=False, autoclose=False, compress=False, max_msg_size=0
        )
        await outer.prepare(request)
        ways = [asyncio.create_task(_pump(outer, inner)), asyncio.create_task(_pump(inner, outer))]
        try:
            await asyncio.wait(ways)
        finally:
            for each in ways:
                each.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    return outer


async def _pump(source: Socket, target: Socket) -> None:
    """One way, until the source closes; the close goes on with its code."""
    code, reason = 1006, b""
    while True:
        message = await source.receive()
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await target.ping(message.data)
        elif message.type is WSMsgType.PONG:
            await target.pong(message.data)
        else:
            if message.type is WSMsgType.CLOSE:
                code, reason = message.data, (message.extra or "").encode()
            break
    await target.close(code=code if code != 1006 else 1011, message=reason)
