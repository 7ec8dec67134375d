"""Bad weather between a client and a real API server: a proxy on loopback that fails as networks and servers do."""

from __future__ import annotations

import asyncio
import atexit
import copy
import shutil
import socket
import ssl
import struct
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster import Cluster

HTML = b"<html><body>Welcome to the hotel. Please log in.</body></html>"
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """The head of a request, and all of its bytes."""

    method: str
    path: str
    token: str
    data: bytes

    @property
    def watches(self) -> bool:
        return "watch=true" in self.path

    @property
    def follows(self) -> bool:
        return "/log?" in self.path

    @property
    def writes(self) -> bool:
        return self.method != "GET" and "dryRun" not in self.path and "reviews" not in self.path


Which = Callable[[Request], bool]
_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


def everything(request: Request) -> bool:
    return True


@dataclass(eq=False)
class Fault:
    """What happens to some requests.

    Attributes:
        which: to which; the others pass.
        answer: what comes in place of the server's answer; None: nothing ever.
        after: bytes of the server's answer that still come before the connection is reset; None: the whole.
        delay: seconds before the request goes on.
        times: how often; None: until the weather is fine.
    """

    which: Which
    answer: bytes | None = b""
    after: int | None = None
    delay: float = 0.0
    times: int | None = None


class Weather:
    """A proxy before an API server; between its own two sides TLS ends, so that it can speak HTTP itself.

    Attributes:
        asked: every request that came, and what became of it is not told.
        forwarded: those that the server got.

    Args:
        kubeconfig: of the cluster whose server is behind it. Requests go on with its credentials if it has a
            certificate, else with those of the client.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._config = yaml.safe_load(kubeconfig.read_text())
        self._cluster = Cluster(kubeconfig)
        place = urlsplit(self._cluster.server)
        self._target = (str(place.hostname), int(place.port or 443))
        self.asked: list[Request] = []
        self.forwarded: list[Request] = []
        self._faults: list[Fault] = []
        self._dark = False
        self._server: asyncio.Server | None = None
        self._inner: asyncio.Server | None = None
        self._port = 0
        self._passing: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    # -- what a test says

    async def open(self) -> None:
        """Listens, at the same port as before."""
        if self._inner is None:
            self._inner = await asyncio.start_server(self._begin(self._serve), "127.0.0.1", 0, ssl=_server_tls())
        self._server = await asyncio.start_server(self._begin(self._pipe), "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Nobody listens any more; connections that are there stay."""
        assert self._server
        self._server.close()
        await self._server.wait_closed()

    async def fall(self) -> None:
        """Nobody listens any more, and every connection is reset, until it is opened again."""
        await self.refuse()
        await self.reset()

    async def close(self) -> None:
        """Ends for good."""
        await self.fall()
        if self._inner:
            self._inner.close()
            await self._inner.wait_closed()

    async def reset(self) -> None:
        """Resets every connection."""
        passing = dict(self._passing)
        for writer in passing.values():
            _reset(writer)
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    def go_dark(self) -> None:
        """Swallows every byte from now on, on old connections and on new ones, and says nothing: half-open."""
        self._dark = True

    def fail(self, which: Which = everything, answer: bytes | None = b"", **more: object) -> Fault:
        """Does this to requests until `clear`; of several faults the first counts."""
        fault = Fault(which, answer, **more)  # type: ignore[arg-type]
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Fine weather; connections that went dark stay so for ever, as they do."""
        self._faults.clear()
        self._dark = False

    def kubeconfig(self, file: Path, user: dict[str, object] | None = None) -> Path:
        """A kubeconfig that leads through here."""
        config = copy.deepcopy(self._config)
        config["clusters"][0]["cluster"] = {
            "server": f"https://127.0.0.1:{self._port}",
            "certificate-authority": str(_certificate()),
        }
        if user:
            config["users"][0]["user"] = user
        file.write_text(yaml.safe_dump(config))
        return file

    # -- what passes

    def _begin(self, serve: _Serve) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(serve(reader, writer), name="weather")
            self._passing[task] = writer
            task.add_done_callback(self._passing.pop)
            task.add_done_callback(lambda ended: writer.transport.abort())

        return connected

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The client's side: bytes."""
        if self._dark:
            return await _swallow(reader)
        assert self._inner
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._inner.sockets[0].getsockname()[1])
        try:
            await _both(self._copy(reader, far), self._copy(far_reader, writer))
        except OSError:
            _reset(writer)
        finally:
            far.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._dark:
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()
        if self._dark:
            await asyncio.Event().wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The server's side: requests."""
        try:
            far_reader, far = await asyncio.open_connection(*self._target, ssl=self._cluster.tls)
        except OSError:
            return _reset(writer)
        try:
            await _Exchange(self, reader, writer, far_reader, far).run()
        except (OSError, asyncio.IncompleteReadError):
            _reset(writer)
        finally:
            far.transport.abort()

    def fault_of(self, request: Request) -> Fault | None:
        """What is to happen to a request; counts down."""
        self.asked.append(request)
        fault = next((each for each in self._faults if each.which(request)), None)
        if fault and fault.times is not None:
            fault.times -= 1
            if not fault.times:
                self._faults.remove(fault)
        return fault


class _Exchange:
    """One connection, and its other side at the server."""

    def __init__(
        self,
        weather: Weather,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        self._weather = weather
        self._reader, self._writer = reader, writer
        self._far_reader, self._far_writer = far_reader, far_writer
        self._left: int | None = None

    async def run(self) -> None:
        """Until one of the two ends it."""
        await _both(self._there(), self._back())

    async def _there(self) -> None:
        while request := await _request(self._reader):
            if fault := self._weather.fault_of(request):
                await asyncio.sleep(fault.delay)
                self._left = fault.after
                if fault.answer is None:
                    await _swallow(self._reader)
                    return
                if fault.answer:
                    self._writer.write(fault.answer)
                    await self._writer.drain()
                    continue
            self._weather.forwarded.append(request)
            self._far_writer.write(request.data)
            await self._far_writer.drain()

    async def _back(self) -> None:
        while data := await self._far_reader.read(65536):
            if self._left is not None and len(data) >= self._left:
                self._writer.write(data[: self._left])
                await self._writer.drain()
                raise ConnectionResetError
            self._left = None if self._left is None else self._left - len(data)
            self._writer.write(data)
            await self._writer.drain()


async def _both(*ways: Coroutine[Any, Any, None]) -> None:
    """Until one of them ends; then it is over for the other one, too."""
    tasks = [asyncio.create_task(way, name="weather") for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _swallow(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(fields.get("content-length", 0)))
    method, path, _ = first.split(" ", 2)
    return Request(method, path, fields.get("authorization", "").removeprefix("Bearer "), head + body)


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST in place of FIN."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def answer(code: int, body: bytes = b"", *, content_type: str = "application/json", **headers: str) -> bytes:
    """An answer as it goes over the wire; `retry_after="1"` becomes the header Retry-After."""
    names = {"Content-Type": content_type, "Content-Length": str(len(body))}
    names |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {code} -", *(f"{name}: {value}" for name, value in names.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


@cache
def _files() -> tuple[Path, Path]:
    """A certificate for loopback that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weather")])
    now, day = datetime.now(UTC), timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    folder = Path(tempfile.mkdtemp(prefix="weather-"))
    atexit.register(shutil.rmtree, folder)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "crt").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    (folder / "key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    return folder / "crt", folder / "key"


def _certificate() -> Path:
    return _files()[0]


@cache
def _server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_files())
    return context
