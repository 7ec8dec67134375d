"""Log lines kept as bytes: found by number, let go at the front, searched in portions."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as some

from console.tui.widgets.bytelog import ByteLog

FOREVER = float("inf")
LINE = some.binary(max_size=40).map(lambda line: line.replace(b"\n", b" "))
CHUNK = some.tuples(some.sampled_from("abc"), some.lists(LINE, min_size=1, max_size=8))


@given(some.lists(CHUNK, max_size=30))
def test_every_line_is_found_again_with_its_source(chunks: list[tuple[str, list[bytes]]]) -> None:
    log = ByteLog()
    for source, lines in chunks:
        log.append(source, b"".join(line + b"\n" for line in lines))
    wanted = [(source, line) for source, lines in chunks for line in lines]
    assert log.end == len(wanted)
    for number, (source, line) in enumerate(wanted):
        index, text = log.line(number)
        assert (log.sources[index], text) == (source, line.decode("utf-8", "replace").rstrip("\r"))


@given(some.lists(CHUNK, max_size=60))
def test_what_is_let_go_is_counted_and_the_rest_keeps_its_numbers(chunks: list[tuple[str, list[bytes]]]) -> None:
    log = ByteLog(limit_lines=20)
    for source, lines in chunks:
        log.append(source, b"".join(line + b"\n" for line in lines))
    wanted = [line for _, lines in chunks for line in lines]
    assert log.end == len(wanted)
    for number in range(log.first, log.end):
        assert log.line(number)[1] == wanted[number].decode("utf-8", "replace").rstrip("\r")


def test_bytes_are_bounded() -> None:
    log = ByteLog(limit_bytes=100_000)
    for number in range(1000):
        log.append(f"pod-{number % 2}", b"x" * 999 + b"\n")
    assert sum(len(data) for _, data in log.dump()) <= 100_000
    assert log.first > 0


def test_a_search_finds_lines_and_goes_on_where_it_stopped() -> None:
    log = ByteLog()
    for number in range(5000):
        log.append("even" if number % 2 == 0 else "odd", b"request %d\n" % number)
    pattern = re.compile(rb"^request \d*7$", re.MULTILINE)
    first, reached = log.search(pattern, 0, time.perf_counter())
    assert (list(first), reached) == ([], 0), "no time, nothing looked at"
    found, reached = log.search(pattern, 0, FOREVER)
    assert list(found) == [number for number in range(5000) if number % 10 == 7]
    assert reached == log.end
    log.append("even", b"request 17\n")
    assert list(log.search(pattern, reached, FOREVER)[0]) == [5000]


def test_a_moment_is_found_by_the_stamps() -> None:
    log = ByteLog()
    for minute in range(10):
        log.append(f"pod-{minute % 2}", b"a\nb\n", at=60.0 * minute)
    assert log.number_at(120.0) == 4
    assert log.number_at(1e9) == log.end


def test_a_very_long_line_is_cut_for_the_screen() -> None:
    log = ByteLog()
    log.append("pod", b"x" * 1_000_000)
    assert len(log.line(0)[1]) < 20_000
