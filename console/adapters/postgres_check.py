"""Is there a PostgreSQL at an address, and does it let us come as far as the password? Without a driver.

The messages are those of the PostgreSQL documentation, "Frontend/Backend Protocol": SSLRequest, StartupMessage,
ErrorResponse. Nothing said here contains the URL: its user info is a secret.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_PROTOCOL_3 = 196608
_LONGEST_MESSAGE = 30_000
# SQLSTATE (PostgreSQL documentation, Appendix A) -> what to do.
_HINTS = {
    "28000": "allow this host and user in pg_hba.conf",
    "28P01": "correct the password in the URL",
    "3D000": "create the database, or correct its name in the URL",
    "53300": "raise max_connections, or close other clients",
    "57P03": "wait until the database has started",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found: `ok`, and one line for people that never holds the URL.

    `ok` is None for a private network that this machine does not reach: pods may be nearer to it.
    """

    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and as whom we come."""

    host: str
    port: int
    user: str
    database: str
    sslmode: str
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class NotPostgresError(Exception):
    """The other side does not speak the protocol."""


async def check_postgres(url: str, timeout: float = 5.0) -> Answer:
    """Connects, negotiates TLS as `sslmode` asks, says who we are, and reads the server's first word.

    Asked for a password counts as reachable: the server accepts this user and host so far.
    """
    try:
        address = parse_url(url)
    except ValueError:
        return Answer(False, "the database URL cannot be read; it looks like postgresql://USER:PASSWORD@HOST:PORT/NAME")
    try:
        async with asyncio.timeout(timeout):
            return await _ask(address)
    except (OSError, NotPostgresError, asyncio.IncompleteReadError) as error:
        if _is_silent(error) and await _is_private(address.host):
            return Answer(None, f"{address} is in a private network that cannot be reached from here")
        return Answer(False, reason_of(error, address, timeout))


def parse_url(url: str) -> Address:
    """Where a URL leads. Raises ValueError."""
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    host = options.get("host", [parts.hostname or ""])[0]
    if not parts.scheme.startswith("postgres") or not host:
        raise ValueError("not a postgres URL")
    user = unquote(parts.username or "") or "postgres"
    database = unquote(parts.path.lstrip("/")) or user
    password = unquote(parts.password or "")
    return Address(host, parts.port or 5432, user, database, options.get("sslmode", ["prefer"])[0], password)


async def _ask(address: Address) -> Answer:
    reader, writer = await connect(address)
    try:
        secured = await negotiate_tls(reader, writer, address)
        writer.write(startup(address))
        kind, body = await read_message(reader)
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    if kind == b"E":
        return Answer(False, refusal(body, address))
    if kind != b"R":
        raise NotPostgresError
    return Answer(True, f"answers at {address}{' with TLS' if secured else ''}")


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing was said yet."""
    if address.host.startswith("/"):
        return await asyncio.open_unix_connection(f"{address.host}/.s.PGSQL.{address.port}")
    return await asyncio.open_connection(address.host, address.port)


async def negotiate_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address) -> bool:
    """Secures the connection as `sslmode` asks; whether it is secured."""
    if address.sslmode == "disable" or address.host.startswith("/"):
        return False
    writer.write(_SSL_REQUEST)
    answer = await reader.readexactly(1)
    if answer == b"S":
        # Cloud databases find the project by the name in the handshake.
        await writer.start_tls(_tls_context(address.sslmode), server_hostname=address.host)
        return True
    if answer != b"N":
        raise NotPostgresError
    if address.sslmode in {"require", "verify-ca", "verify-full"}:
        raise ssl.SSLError(f"the server offers no TLS, but the URL asks for sslmode={address.sslmode}")
    return False


def _tls_context(sslmode: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = sslmode == "verify-full"
    if not sslmode.startswith("verify"):
        context.verify_mode = ssl.CERT_NONE
    return context


def startup(address: Address) -> bytes:
    """The message that says who we are."""
    words = ("user", address.user, "database", address.database, "application_name", "stack-console check")
    body = struct.pack("!i", _PROTOCOL_3) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Type and body of the next message. Raises NotPostgresError."""
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    if not 4 <= length <= _LONGEST_MESSAGE:
        raise NotPostgresError
    return kind, await reader.readexactly(length - 4)


def refusal(body: bytes, address: Address) -> str:
    """The server's ErrorResponse in a line: message, SQLSTATE, and what to do if that is known."""
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    code = fields.get(b"C", "")
    advice = f"; {_HINTS[code]}" if code in _HINTS else ""
    # The server repeats the user's name, which belongs to the URL's user info.
    message = fields.get(b"M", "no reason given").replace(f'"{address.user}"', '"***"')
    return f"{address} refuses: {message} (SQLSTATE {code}){advice}"


def _is_silent(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or getattr(error, "errno", None) in {errno.ENETUNREACH, errno.EHOSTUNREACH}


async def _is_private(host: str) -> bool:
    """Whether all addresses of a host are private ones (RFC 1918, RFC 4193), but not this machine's own."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return False
    addresses = [ip_address(each[4][0]) for each in found]
    return all(each.is_private and not each.is_loopback for each in addresses)


def reason_of(error: Exception, address: Address, timeout: float) -> str:
    """Why nothing came of a connection, in a line."""
    if isinstance(error, TimeoutError):
        return f"{address} did not answer within {timeout:g} s; check firewall, VPN, and that the database is awake"
    if isinstance(error, ssl.SSLError):
        return f"TLS with {address} failed: {error.args[-1] if error.args else error}"
    if isinstance(error, socket.gaierror):
        return f"the name {address.host} is not known; check the host in the URL, and the network"
    if isinstance(error, ConnectionRefusedError):
        return f"{address} refuses connections; nothing listens there, or not for this host"
    if isinstance(error, NotPostgresError | asyncio.IncompleteReadError):
        return f"what answers at {address} is not PostgreSQL; check host and port in the URL"
    return f"{address} cannot be reached: {error.strerror if isinstance(error, OSError) else error}"
