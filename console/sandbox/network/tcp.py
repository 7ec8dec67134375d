"""One listening port of a Service: accepts connections and passes their bytes to an endpoint, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

CONNECT_WITHIN = 5.0
"""Seconds that an endpoint has to accept."""

Choose = Callable[[], Iterable[tuple[str, int]]]


class Pipe(asyncio.Protocol):
    """One side of a passed-on connection; what it reads is written to the other side, at the pace of the slower."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Pipe | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Passes bytes on."""
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Passes the end of the input on; the way back stays open."""
        if self.other and self.other.transport and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        """This side is slow: stop reading from the other."""
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """This side has caught up."""
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Closes the other side too: after its last bytes, or by a reset if this side was reset."""
        if self.other and self.other.transport:
            if error:
                self.other.transport.abort()
            else:
                self.other.transport.close()


class Accepted(Pipe):
    """The client's side: finds an endpoint before it reads anything.

    Args:
        choose: endpoints to try, in order.
        connected: this connection is in it while it lives.
    """

    def __init__(self, choose: Choose, connected: set[Accepted]) -> None:
        super().__init__()
        self._choose = choose
        self._connected = connected
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to look for an endpoint."""
        super().connection_made(transport)
        assert self.transport
        self.transport.pause_reading()
        self._connected.add(self)
        self._task = asyncio.create_task(self._connect(), name="service connection")

    def connection_lost(self, error: Exception | None) -> None:
        """Forgets the connection."""
        super().connection_lost(error)
        self._connected.discard(self)
        if self._task:
            self._task.cancel()

    async def _connect(self) -> None:
        """Takes the first endpoint that accepts; without one the client sees its connection reset."""
        assert self.transport
        for address, port in self._choose():
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    _, other = await asyncio.get_running_loop().create_connection(Pipe, address, port)
            except (OSError, TimeoutError):
                continue
            self._join(other)
            return
        self.transport.abort()

    def abort(self) -> None:
        """Ends both sides at once."""
        for each in (self, self.other):
            if each and each.transport:
                each.transport.abort()

    def _join(self, other: Pipe) -> None:
        assert self.transport
        assert other.transport
        if self.transport.is_closing():
            other.transport.close()
            return
        self.other, other.other = other, self
        self.transport.resume_reading()


class Listener:
    """A listening socket of a Service.

    Args:
        choose: endpoints to try for a new connection, in order.
        connected: where its connections are kept while they live, which may be longer than the listener does.
    """

    def __init__(self, choose: Choose, connected: set[Accepted]) -> None:
        self._choose = choose
        self._connected = connected
        self._server: asyncio.Server | None = None

    async def open(self, address: str, port: int) -> None:
        """Listens.

        Raises:
            OSError: the address or port cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, address, port, backlog=512)

    def _accept(self) -> Accepted:
        return Accepted(self._choose, self._connected)

    def close(self) -> None:
        """Accepts no more; what is connected goes on until it ends by itself."""
        if self._server:
            self._server.close()
