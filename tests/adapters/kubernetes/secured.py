"""A server by TLS that remembers who asked, and a proxy in front of it; certificates of an authority of their own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LOGIN = "Proxy-Authorization"
NAME = "cluster.invalid"
"""The name in the server's certificate; no name server knows it."""


class Certificates:
    """An authority in a folder, and what it has signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("authority")
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        made = self._build(self._name, self._key).add_extension(constraint, True).add_extension(usage, True)
        self._own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.authority = folder / "authority.crt"
        self.authority.write_bytes(_pem(made.add_extension(self._own, False).sign(self._key, hashes.SHA256())))

    def issue(self, common: str, *names: str) -> tuple[Path, Path]:
        """A certificate and its key, for a client or (with names) for a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._build(_named(common), key)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._own)
        made = made.add_extension(identifier, False)
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        files = self.folder / f"{common}.crt", self.folder / f"{common}.key"
        files[0].write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        form = serialization.PrivateFormat.PKCS8
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return files

    def _build(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        day = timedelta(days=1)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(datetime.now(UTC) - day).not_valid_after(datetime.now(UTC) + day)


def _named(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class Secured:
    """The server: who asked, by the names in client certificates (empty without one); `refused` get a 401."""

    port: int
    asked: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)


@asynccontextmanager
async def secured(certificates: Certificates) -> AsyncIterator[Secured]:
    """Listens on loopback while this lasts."""

    async def handle(request: web.Request) -> web.StreamResponse:
        shown = request.transport.get_extra_info("peercert") if request.transport else None
        name = shown["subject"][0][0][1] if shown else ""
        server.asked.append(name)
        return web.json_response({"by": name}, status=401 if name in server.refused else 200)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates.authority))
    context.load_cert_chain(*certificates.issue("server", NAME))
    context.verify_mode = ssl.CERT_OPTIONAL
    # Each request shows who asks.
    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1, keepalive_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    server = Secured(runner.addresses[0][1])
    try:
        yield server
    finally:
        await runner.cleanup()


@dataclass
class Proxy:
    """A proxy: where it listens, where it was asked to connect to, and with which login."""

    url: str
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@asynccontextmanager
async def proxy(to: int) -> AsyncIterator[Proxy]:
    """Connects whoever asks (CONNECT) to a port of loopback, whatever was asked for."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        made.asked.append(head.split()[1].decode())
        made.logins += [line.partition(": ")[2] for line in head.decode().splitlines() if line.startswith(_LOGIN)]
        there, away = await asyncio.open_connection("127.0.0.1", to)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, away), _copy(there, writer))

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    made = Proxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield made
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
