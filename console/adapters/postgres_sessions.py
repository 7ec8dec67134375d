"""Asks a PostgreSQL how many sessions a database has. Without a driver: one login, one query.

The messages are those of the PostgreSQL documentation, "Frontend/Backend Protocol"; the login is SCRAM-SHA-256
(RFC 5802, RFC 7677), or the password in the clear where the server asks for it over TLS.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import ssl
import struct
from contextlib import suppress
from hashlib import pbkdf2_hmac, sha256

from console.adapters.postgres_check import (
    Address,
    NotPostgresError,
    connect,
    negotiate_tls,
    parse_url,
    read_message,
    reason_of,
    refusal,
    startup,
)
from console.model.errors import PreflightError
from console.model.verify.disturbed import Sessions

# Sessions of this database but our own, and how many were ever begun (PostgreSQL 14 or newer, "pg_stat_database").
_QUERY = b"""SELECT (SELECT count(*) FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND application_name <> 'stack-console check'), sessions FROM pg_stat_database WHERE datname = current_database()"""
_OK, _CLEAR, _SASL, _SASL_GOES_ON, _SASL_ENDS = 0, 3, 10, 11, 12


class _RefusedError(Exception):
    """What the server said instead of an answer."""


async def count_sessions(url: str, timeout: float = 5.0) -> Sessions:
    """The sessions that others have at the database of a URL. Raises PreflightError."""
    try:
        address = parse_url(url)
    except ValueError:
        raise PreflightError("the database URL cannot be read") from None
    try:
        async with asyncio.timeout(timeout):
            return await _ask(address)
    except _RefusedError as error:
        raise PreflightError("the database does not tell its sessions", why=str(error)) from error
    except (OSError, NotPostgresError, asyncio.IncompleteReadError, ValueError) as error:
        why = reason_of(error, address, timeout)
        raise PreflightError("the database does not tell its sessions", why=why) from error


async def _ask(address: Address) -> Sessions:
    reader, writer = await connect(address)
    try:
        secured = await negotiate_tls(reader, writer, address)
        writer.write(startup(address))
        await _Login(reader, writer, address, secured=secured).run()
        await _until_ready(reader, address)
        writer.write(_message(b"Q", _QUERY + b"\0"))
        rows = await _until_ready(reader, address)
        writer.write(_message(b"X", b""))
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    now, begun = _columns(rows[0])
    return Sessions(now, begun)


class _Login:
    """Proves who we are, as the server asks for it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address, *, secured: bool
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._address = address
        self._secured = secured

    async def run(self) -> None:
        asked, body = await self._next()
        if asked == _CLEAR and self._secured:
            self._writer.write(_message(b"p", self._address.password.encode() + b"\0"))
            asked, body = await self._next()
        if asked == _SASL:
            if b"SCRAM-SHA-256" not in body.split(b"\0"):
                raise _RefusedError("it asks for a login that is not known here")
            await self._scram()
            asked, _ = await self._next()
        if asked != _OK:
            raise _RefusedError("it asks for a login that is not known here")

    async def _scram(self) -> None:
        """RFC 5802, section 3; PostgreSQL takes the user of the startup message, so that none is named."""
        first = f"n=,r={base64.b64encode(secrets.token_bytes(18)).decode()}"
        opening = b"n,," + first.encode()
        mechanism = b"SCRAM-SHA-256\0" + struct.pack("!i", len(opening)) + opening
        self._writer.write(_message(b"p", mechanism))
        asked, challenge = await self._next()
        if asked != _SASL_GOES_ON:
            raise _RefusedError("it broke the login off")
        parts = dict(part.split("=", 1) for part in challenge.decode().split(","))
        password, salt = self._address.password.encode(), base64.b64decode(parts["s"])
        salted = pbkdf2_hmac("sha256", password, salt, int(parts["i"]))
        last = f"c=biws,r={parts['r']}"
        signed = f"{first},{challenge.decode()},{last}".encode()
        key = _keyed(salted, b"Client Key")
        proof = bytes(a ^ b for a, b in zip(key, _keyed(sha256(key).digest(), signed), strict=True))
        self._writer.write(_message(b"p", f"{last},p={base64.b64encode(proof).decode()}".encode()))
        asked, final = await self._next()
        expected = b"v=" + base64.b64encode(_keyed(_keyed(salted, b"Server Key"), signed))
        if asked != _SASL_ENDS or not hmac.compare_digest(final, expected):
            raise _RefusedError("it does not know the password itself")

    async def _next(self) -> tuple[int, bytes]:
        """What the server asks for, with the data that belongs to it."""
        kind, body = await read_message(self._reader)
        if kind == b"E":
            raise _RefusedError(refusal(body, self._address))
        if kind != b"R":
            raise NotPostgresError
        return struct.unpack("!i", body[:4])[0], body[4:]


async def _until_ready(reader: asyncio.StreamReader, address: Address) -> list[bytes]:
    """The rows that come before the server is ready for a query."""
    rows = []
    while True:
        kind, body = await read_message(reader)
        if kind == b"E":
            raise _RefusedError(refusal(body, address))
        if kind == b"D":
            rows.append(body)
        if kind == b"Z":
            return rows


def _columns(row: bytes) -> list[int]:
    """The numbers of a row; one that may not be seen is null, and nothing can be said then."""
    found, at = [], 2
    for _ in range(struct.unpack("!h", row[:2])[0]):
        (size,) = struct.unpack("!i", row[at : at + 4])
        if size < 0:
            raise _RefusedError("it does not let us see them")
        found.append(int(row[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _keyed(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
