"""Is a PostgreSQL there: every way in which it is not has words of its own, and none of them holds the URL."""

import asyncio
import socket
import struct

import pytest

from console.adapters.externals import StackExternals, resume_all, withdraw_all
from console.adapters.postgres_check import check_postgres
from console.model.errors import UsageError

SECRET = "s3cret-passw0rd"


async def _serve(answer):
    """A server on loopback that handles each connection with `answer(reader, writer)`; its port."""

    async def handle(reader, writer):
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def _url(port, options=""):
    return f"postgresql://planter:{SECRET}@127.0.0.1:{port}/todo{options}"


def _error(code, message):
    body = b"SFATAL\0C" + code.encode() + b"\0M" + message.encode() + b"\0\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body


async def _refuse_tls(reader, writer):
    assert await reader.readexactly(8) == struct.pack("!ii", 8, 80877103)
    writer.write(b"N")
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    return await reader.readexactly(length - 4)


async def test_a_database_in_use_comes_back_with_the_cluster(tmp_path):
    """The same address and password, so the stack's Secret stays right; one that was withdrawn stays away."""
    folder = tmp_path / "todo" / "sandbox"
    externals = StackExternals(folder)
    url = await externals.provision("database", "postgres")
    try:
        await withdraw_all(tmp_path)
        assert not (await externals.check("database", "postgres", url)).ok
        await resume_all(tmp_path, "127.0.0.1")
        assert (await externals.check("database", "postgres", url)).ok
    finally:
        await externals.withdraw("database", "postgres")
    await resume_all(tmp_path, "127.0.0.1")
    assert not (await externals.check("database", "postgres", url)).ok


async def test_a_database_of_our_own_is_there_until_it_is_withdrawn(tmp_path):
    externals = StackExternals(tmp_path)
    assert await externals.known("database", "postgres") is None
    url = await externals.provision("database", "postgres")
    try:
        assert await externals.known("database", "postgres") == url
        found = await externals.check("database", "postgres", url)
        assert (found.name, found.kind, found.ok) == ("database", "postgres", True)
        stranger = await check_postgres(url.replace("//app:", "//planter:"))
        assert not stranger.ok
        assert "SQLSTATE 28000" in stranger.detail
        assert "pg_hba.conf" in stranger.detail
        assert "planter" not in stranger.detail
    finally:
        await externals.withdraw("database", "postgres")
    assert await externals.known("database", "postgres") is None
    gone = await externals.check("database", "postgres", url)
    assert (gone.ok, "refuses connections" in gone.detail) == (False, True)


async def test_a_kind_that_we_do_not_have_is_said_and_not_guessed_at(tmp_path):
    externals = StackExternals(tmp_path)
    with pytest.raises(UsageError, match="no kafka of its own"):
        await externals.provision("queue", "kafka")
    assert (await externals.check("queue", "kafka", "kafka://host")).ok is None


async def test_a_server_that_asks_for_a_password_is_there(tmp_path):
    started = []

    async def answer(reader, writer):
        started.append(await _refuse_tls(reader, writer))
        writer.write(b"R" + struct.pack("!ii", 8, 10))
        await reader.read()

    server, port = await _serve(answer)
    async with server:
        found = await StackExternals(tmp_path).check("database", "postgres", _url(port))
    assert (found.ok, found.detail) == (True, f"answers at 127.0.0.1:{port}")
    assert b"user\0planter\0database\0todo\0" in started[0]


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("57P03", "the database system is starting up", "wait until the database has started"),
        ("28000", 'no pg_hba.conf entry for user "planter"', "pg_hba.conf"),
        ("53300", "sorry, too many clients already", "max_connections"),
        ("XX000", "something of its own", "SQLSTATE XX000"),
    ],
)
async def test_a_refusal_is_told_in_the_servers_words_and_with_what_to_do(code, message, words):
    async def answer(reader, writer):
        await _refuse_tls(reader, writer)
        writer.write(_error(code, message))

    server, port = await _serve(answer)
    async with server:
        found = await check_postgres(_url(port))
    assert not found.ok
    assert words in found.detail
    assert "planter" not in found.detail


async def _http(reader, writer):
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def _close(reader, writer):
    await reader.read(1)


async def _garbage(reader, writer):
    await _refuse_tls(reader, writer)
    writer.write(b"\xff" * 64)


@pytest.mark.parametrize("answer", [_http, _close, _garbage])
async def test_what_is_no_postgres_is_said_to_be_none(answer):
    server, port = await _serve(answer)
    async with server:
        found = await check_postgres(_url(port))
    assert (found.ok, "is not PostgreSQL" in found.detail) == (False, True)


async def test_a_server_that_says_nothing_is_given_up_in_time():
    async def answer(reader, writer):
        await reader.read()

    server, port = await _serve(answer)
    async with server:
        found = await check_postgres(_url(port), timeout=0.1)
    assert found.detail.startswith(f"127.0.0.1:{port} did not answer within 0.1 s")


async def test_of_a_private_network_that_is_not_reached_from_here_nothing_is_known():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("fd00::1", 9))  # sends nothing: only asks for a route
        except OSError:
            pass
        else:
            pytest.skip("this machine has a route to fd00::1")
    found = await check_postgres(_url("5432").replace("127.0.0.1", "[fd00::1]"))
    assert (found.ok, found.detail) == (None, "fd00::1:5432 is in a private network that cannot be reached from here")


async def test_a_server_without_tls_is_not_good_enough_when_the_url_asks_for_it():
    async def answer(reader, writer):
        await reader.readexactly(8)
        writer.write(b"N")
        await reader.read()

    server, port = await _serve(answer)
    async with server:
        found = await check_postgres(_url(port, "?sslmode=require"))
    assert (found.ok, "offers no TLS" in found.detail) == (False, True)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://planter:{SECRET}@127.0.0.1:1/todo", "refuses connections"),
        (f"postgresql://planter:{SECRET}@no-such-host.invalid/todo", "the name no-such-host.invalid is not known"),
        (f"postgresql://planter:{SECRET}@host:port/todo", "cannot be read"),
        (f"mysql://planter:{SECRET}@host/todo", "cannot be read"),
        (f"postgresql://planter:{SECRET}@/todo?host=/no/such/folder", "/no/such/folder:5432 cannot be reached"),
        ("", "cannot be read"),
    ],
)
async def test_addresses_that_lead_nowhere_are_told_apart_without_the_secret(url, words):
    found = await check_postgres(url)
    assert not found.ok
    assert words in found.detail
    assert SECRET not in found.detail
    assert "planter" not in found.detail
