"""Logs: whole lines without stamps, and after a break exactly the next line."""

import asyncio
from datetime import datetime

import pytest
from aiohttp import web

from console.adapters.kubernetes.logs import read_log
from console.engine.ports import LogPosition, LogRequest
from console.model.errors import NotFoundError, UnreachableError

from .conftest import status

REQUEST = LogRequest("todo", "web-1", "web")
STAMPS = [f"2026-11-24T10:00:0{second}.{fraction}Z" for second in range(3) for fraction in ("100000000", "900000000")]


def _serves(weather, *chunks, broken=False):
    """Answers with the chunks; whole, or with a connection that breaks after them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if broken:
            request.transport.abort()
        return response

    weather.answer = answer


async def _read(transport, position=None, request=REQUEST):
    return [chunk async for chunk in read_log(transport, request, position or LogPosition())]


def _lines(*numbers):
    return b"".join(f"{STAMPS[number]} line {number}\n".encode() for number in numbers)


async def test_lines_come_without_their_stamps(weather, transport):
    _serves(weather, _lines(0, 1))
    assert b"".join(await _read(transport)) == b"line 0\nline 1\n"


async def test_a_line_that_comes_in_pieces_is_handed_on_whole(weather, transport):
    text, first_was_read = _lines(0, 1), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(text[:50])
        await first_was_read.wait()
        await response.write(text[50:])
        return response

    weather.answer = answer
    chunks = []
    async for chunk in read_log(transport, REQUEST, LogPosition()):
        chunks.append(chunk)
        first_was_read.set()
    assert chunks == [b"line 0\n", b"line 1\n"]


async def test_the_last_line_may_lack_its_newline(weather, transport):
    _serves(weather, _lines(0)[:-1])
    assert await _read(transport) == [b"line 0\n"]


async def test_a_stamp_inside_a_line_stays_and_so_does_a_line_without_one(weather, transport):
    text = f"{STAMPS[0]} at {STAMPS[1]} it broke\nunable to read\n{STAMPS[1][:-8]}Z short\n{STAMPS[1]} \n".encode()
    _serves(weather, text)
    assert b"".join(await _read(transport)) == f"at {STAMPS[1]} it broke\nunable to read\nshort\n\n".encode()


async def test_what_is_asked_for_is_what_is_wanted(weather, transport):
    _serves(weather, b"")
    await _read(transport, request=LogRequest("todo", "web-1", "web", follow=True, previous=True, tail=0))
    asked = dict(weather.asked[0].query)
    assert asked == {"container": "web", "timestamps": "true", "follow": "true", "previous": "true", "tailLines": "0"}


async def test_after_a_break_reading_goes_on_with_the_next_line(weather, transport):
    position = LogPosition()
    _serves(weather, _lines(0, 1, 2), _lines(3)[:34], broken=True)
    read = []

    async def follow():
        async for chunk in read_log(transport, REQUEST, position):
            read.append(chunk)

    with pytest.raises(UnreachableError):
        await follow()
    # The API server counts in whole seconds, so it repeats what was already read of that second.
    _serves(weather, _lines(2, 3), _lines(4, 5))
    await follow()
    assert b"".join(read) == b"".join(f"line {number}\n".encode() for number in range(6))
    assert weather.asked[1].query["sinceTime"] == "2026-11-24T10:00:00Z"
    assert "tailLines" not in weather.asked[1].query


async def test_lines_with_the_same_stamp_are_neither_lost_nor_repeated(weather, transport):
    same = [f"{STAMPS[1]} {word}\n".encode() for word in ("one", "two", "three", "four")]
    position = LogPosition()
    _serves(weather, _lines(0) + same[0], same[1])
    assert b"".join(await _read(transport, position)) == b"line 0\none\ntwo\n"
    _serves(weather, _lines(0) + same[0], same[1] + same[2], same[3])
    assert b"".join(await _read(transport, position)) == b"three\nfour\n"


async def test_lines_of_two_streams_that_are_out_of_order_are_neither_lost_nor_repeated(weather, transport):
    position, late = LogPosition(), f"{STAMPS[1][:-2]}1Z late\n".encode()
    _serves(weather, _lines(0, 2) + late)
    assert b"".join(await _read(transport, position)) == b"line 0\nline 2\nlate\n"
    assert late < _lines(2)
    _serves(weather, _lines(0, 2) + late + f"{STAMPS[1][:-2]}2Z later\n".encode() + _lines(3))
    assert b"".join(await _read(transport, position)) == b"later\nline 3\n"


async def test_a_line_that_a_rotation_took_away_is_no_reason_to_wait_for_it(weather, transport):
    position = LogPosition()
    _serves(weather, _lines(0, 1))
    await _read(transport, position)
    _serves(weather, _lines(2, 3))
    assert b"".join(await _read(transport, position)) == b"line 2\nline 3\n"


@pytest.mark.parametrize("cut", range(1, 41))
async def test_a_stream_that_ends_like_a_whole_one_in_the_middle_of_a_line_loses_no_byte(weather, transport, cut):
    position, text = LogPosition(), _lines(0, 1, 2)
    length = len(_lines(0))
    _serves(weather, text[: length + cut])
    read = b"".join(await _read(transport, position))
    _serves(weather, text)
    read += b"".join(await _read(transport, position))
    _serves(weather, text)
    read += b"".join(await _read(transport, position))
    assert read.replace(b"\n", b"") == b"line 0line 1line 2"
    assert read.endswith(b"\nline 2\n")


async def test_a_line_of_any_length_is_one_line(weather, transport):
    long = b"x" * 300_000
    _serves(weather, f"{STAMPS[0]} ".encode() + long[:16384], long[16384:] + b"\n", _lines(1))
    assert b"".join(await _read(transport)) == long + b"\nline 1\n"


async def test_nothing_new_after_a_break_is_nothing(weather, transport):
    position = LogPosition()
    _serves(weather, _lines(0, 1))
    await _read(transport, position)
    assert await _read(transport, position) == []


async def test_no_log_yet_is_told_with_the_reason(weather, transport):
    async def answer(request: web.Request) -> web.Response:
        return status(400, "BadRequest", 'container "web" in pod "web-1" is waiting to start: ContainerCreating')

    weather.answer = answer
    with pytest.raises(NotFoundError, match="waiting to start: ContainerCreating"):
        await _read(transport)


def test_the_stamps_of_these_tests_are_times():
    assert [datetime.fromisoformat(stamp) for stamp in STAMPS] == sorted(map(datetime.fromisoformat, STAMPS))
