"""Sessions at a real PostgreSQL: how many others there are, how many were ever begun, and what hinders an answer."""

import asyncio

import psycopg
import pytest

from console.adapters.externals import StackExternals
from console.adapters.postgres_sessions import count_sessions
from console.model.errors import PreflightError
from console.model.load import Load
from console.model.verify.check import Result
from console.model.verify.disturbed import judge_pooling

LOAD = Load("http://web/", 20.0, seconds=1.0, requests=30)


@pytest.fixture
async def url(tmp_path):
    externals = StackExternals(tmp_path)
    yield await externals.provision("database", "postgres")
    await externals.withdraw("database", "postgres")


async def begun(url, least):
    """What is told once so many sessions were begun: the server counts them a moment later."""
    async with asyncio.timeout(10):
        while (found := await count_sessions(url)).begun < least:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def test_others_are_counted_and_a_pool_is_told_from_a_connection_for_each_request(url):
    before = await count_sessions(url)
    assert before.now == 0
    pool = [await psycopg.AsyncConnection.connect(url) for _ in range(3)]
    pooled = await count_sessions(url)
    assert pooled.now == 3
    assert judge_pooling(before, [pooled], 1, 4, 0, LOAD).result is Result.PASSED
    for each in pool:
        await each.close()
    for _ in range(30):
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("SELECT 1")
    unpooled = await begun(url, before.begun + 30)
    assert unpooled.now <= 1
    assert judge_pooling(before, [unpooled], 1, 4, 0, LOAD).result is Result.FAILED


async def test_a_wrong_password_and_no_server_have_words_without_the_url(url):
    secret = url.split(":")[2].split("@")[0]
    with pytest.raises(PreflightError) as refused:
        await count_sessions(url.replace(secret, "another-passw0rd"))
    assert "password authentication failed" in refused.value.why
    with pytest.raises(PreflightError, match="does not tell its sessions") as gone:
        await count_sessions("postgresql://app:another-passw0rd@127.0.0.1:1/shop")
    assert "another-passw0rd" not in str(refused.value) + str(gone.value)
    with pytest.raises(PreflightError, match="cannot be read"):
        await count_sessions("mysql://somewhere")


async def test_what_is_no_postgres_does_not_tell_its_sessions(tmp_path):
    with pytest.raises(PreflightError, match="a redis does not tell its sessions"):
        await StackExternals(tmp_path).sessions("cache", "redis", "redis://x")
