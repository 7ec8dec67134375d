"""Port forwarding: bytes between a client and the ports of a pod, over WebSocket.

kubectl tunnels SPDY in it: for every connection a stream for data and one for errors, so that a port can be used many
times. Other clients speak `v4.channel.k8s.io`: two channels a port, one connection each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

from console.sandbox.api import spdy, streams
from console.sandbox.api.context import Context
from console.sandbox.api.errors import bad_request
from console.sandbox.api.resources import Resource

TUNNEL = "SPDY/3.1+portforward.k8s.io"
CHANNELS = "v4.channel.k8s.io"


async def port_forward(context: Context, kind: Resource) -> web.StreamResponse:
    """Serves `.../portforward` until the client leaves."""
    pod = context.machinery.get(kind.name, context.info.namespace, context.info.name)
    host = streams.agent(context, pod).address(pod)
    streams.require_websocket(context)
    asked = context.request.headers.get("Sec-WebSocket-Protocol", "")
    tunnel = TUNNEL in asked
    ports = [] if tunnel else _ports(context)
    socket = web.WebSocketResponse(protocols=[TUNNEL if tunnel else CHANNELS])
    await socket.prepare(context.request)
    async with asyncio.TaskGroup() as group:
        await (_Tunnel(socket, host, group).run() if tunnel else _channels(socket, host, ports, group))
    await socket.close()
    return socket


def _ports(context: Context) -> list[int]:
    asked = context.request.query.getall("ports", [])
    if not asked:
        raise bad_request('query parameter "ports" is required')
    try:
        return [int(port) for each in asked for port in each.split(",")]
    except ValueError:
        raise bad_request(f"unable to parse {asked!r} as port numbers") from None


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            yield chunk


def _refused(port: int, error: OSError) -> bytes:
    return f"failed to connect to port {port} of the pod: {os.strerror(error.errno or 0)}".encode()


# -- SPDY in a WebSocket


class _Tunnel:
    """One client: streams come in pairs, data and error, that share a request id."""

    def __init__(self, socket: web.WebSocketResponse, host: str, group: asyncio.TaskGroup) -> None:
        self._socket = socket
        self._host = host
        self._group = group
        self._codec = spdy.Codec()
        self._errors: dict[str, int] = {}
        self._input: dict[int, asyncio.Queue[bytes]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until the client closes the socket; connections that are still open end with it."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                for frame in self._codec.feed(message.data):
                    await self._take(frame)
        for task in self._tasks:
            task.cancel()

    async def _take(self, frame: spdy.Frame) -> None:
        if frame.kind == spdy.SYN_STREAM:
            await self._open(frame)
        elif frame.kind == spdy.PING:
            await self._socket.send_bytes(self._codec.pong(frame.stream))
        elif frame.kind in (0, spdy.RST_STREAM) and frame.stream in self._input:
            if frame.data and not frame.kind:
                self._input[frame.stream].put_nowait(frame.data)
            if frame.flags & spdy.FIN or frame.kind:
                self._input[frame.stream].put_nowait(b"")

    async def _open(self, frame: spdy.Frame) -> None:
        await self._socket.send_bytes(self._codec.reply(frame.stream))
        request = frame.headers.get("requestid", "")
        if frame.headers.get("streamtype") == "error":
            self._errors[request] = frame.stream
            return
        self._input[frame.stream] = asyncio.Queue()
        work = self._connect(frame.stream, self._errors.pop(request, 0), int(frame.headers.get("port", 0)))
        self._tasks.append(self._group.create_task(work, name=f"port-forward: stream {frame.stream}"))

    async def _connect(self, data: int, errors: int, port: int) -> None:
        try:
            reader, writer = await asyncio.open_connection(self._host, port)
        except OSError as error:
            await self._send(errors, _refused(port, error))
        else:
            sender = asyncio.create_task(self._to_pod(data, writer), name=f"port-forward: to port {port}")
            try:
                async for chunk in _chunks(reader):
                    await self._send(data, chunk)
            finally:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)
                writer.close()
        await self._send(data, b"", end=True)
        await self._send(errors, b"", end=True)

    async def _to_pod(self, stream: int, writer: asyncio.StreamWriter) -> None:
        while chunk := await self._input[stream].get():
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _send(self, stream: int, payload: bytes, *, end: bool = False) -> None:
        if not self._socket.closed:
            await self._socket.send_bytes(self._codec.data(stream, payload, end=end))


# -- two channels a port


async def _channels(socket: web.WebSocketResponse, host: str, ports: list[int], group: asyncio.TaskGroup) -> None:
    writers: dict[int, asyncio.StreamWriter] = {}
    tasks = []
    for number, port in enumerate(ports):
        for channel in (2 * number, 2 * number + 1):
            await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
        try:
            reader, writers[2 * number] = await asyncio.open_connection(host, port)
        except OSError as error:
            await socket.send_bytes(bytes([2 * number + 1]) + _refused(port, error))
            continue
        tasks.append(group.create_task(_from_pod(socket, 2 * number, reader), name=f"port-forward: {port}"))
    async for message in socket:
        if message.type is WSMsgType.BINARY and message.data and message.data[0] in writers:
            writers[message.data[0]].write(message.data[1:])
            await writers[message.data[0]].drain()
    for task in tasks:
        task.cancel()
    for writer in writers.values():
        writer.close()


async def _from_pod(socket: web.WebSocketResponse, channel: int, reader: asyncio.StreamReader) -> None:
    async for chunk in _chunks(reader):
        await socket.send_bytes(bytes([channel]) + chunk)
