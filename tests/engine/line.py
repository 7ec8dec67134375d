"""The wire between a console and its cluster, which a test can cut and mend."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from urllib.parse import urlsplit

import yaml


class Line:
    """Passes bytes on between a port of its own and a server.

    Args:
        kubeconfig: of the cluster whose server is behind it.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._config = yaml.safe_load(kubeconfig.read_text())
        place = urlsplit(self._config["clusters"][0]["cluster"]["server"])
        self._target = (str(place.hostname), int(place.port or 443))
        self._server: asyncio.Server | None = None
        self._port = 0
        self._passing: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        """Lets everything through, at the same port as before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Breaks every connection, and takes no new one."""
        assert self._server
        self._server.close()
        await self._server.wait_closed()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def kubeconfig(self, file: Path) -> Path:
        """A kubeconfig that leads through here."""
        config = copy.deepcopy(self._config)
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self._port}"
        file.write_text(yaml.safe_dump(config))
        return file

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: the server's would tell of its cancellation.
        task = asyncio.create_task(self._pass_on(reader, writer), name="line")
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        # One that is cut off before it has begun closes nothing itself.
        task.add_done_callback(lambda ended: writer.transport.abort())

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            far_writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
