"""The output of a step: masked, in a file, and told of now and then."""

import asyncio

import pytest

from console.engine.steplog import INTERVAL, StepLog
from console.model.redaction import Redactor


@pytest.fixture
def told():
    return []


@pytest.fixture
def log(tmp_path, told):
    redactor = Redactor()
    redactor.add("secret/db PASSWORD", "hunter2-hunter2")
    return StepLog(tmp_path / "runs" / "build.web.log", redactor, lambda lines, last: told.append((lines, last)))


async def test_what_is_printed_is_in_the_file_when_it_is_told(log, told, tmp_path):
    file = tmp_path / "runs" / "build.web.log"
    seen = asyncio.Event()
    log._tell = lambda lines, last: (told.append((lines, last, file.read_text())), seen.set())
    async with log:
        log.line("one")
        async with asyncio.timeout(5):
            await seen.wait()
    assert told[0] == (1, "one", "one\n")


async def test_the_last_line_counts_also_without_its_end(log, told):
    async with log:
        log.write(b"one\ntwo\nthr")
        log.write(b"ee")
    assert told[-1] == (3, "three")


async def test_a_line_in_pieces_is_one_line(log, told):
    async with log:
        for piece in (b"a", b"b", b"c\n", b"d"):
            log.write(piece)
            await asyncio.sleep(INTERVAL * 1.2)
    assert [lines for lines, _ in told] == sorted(lines for lines, _ in told)
    assert told[-1] == (2, "d")


async def test_a_secret_in_pieces_is_masked(log, told, tmp_path):
    async with log:
        for piece in (b"password is hunter2-", b"hunter2 and more\n"):
            log.write(piece)
            await asyncio.sleep(INTERVAL * 1.2)
    assert (tmp_path / "runs" / "build.web.log").read_text() == "password is ••• and more\n"
    assert told[-1] == (1, "password is ••• and more")


async def test_a_flood_is_told_ten_times_a_second(log, told):
    async with log, asyncio.timeout(10):
        for number in range(2000):
            log.line(f"line {number}")
            await asyncio.sleep(0)
    assert told[-1] == (2000, "line 1999")
    assert len(told) < 200


async def test_without_output_there_is_no_file(log, told, tmp_path):
    async with log:
        pass
    assert (told, (tmp_path / "runs").exists()) == ([], False)
