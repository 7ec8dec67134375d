"""Requests while a run goes on, as a chart: figures and words stand beside every line of it."""

from dataclasses import replace

from console.model.load import Failure, Load, LoadSecond, Steady
from console.tui.present.glyphs import ASCII, UNICODE
from console.tui.present.lines import Tone, plain
from console.tui.present.load import load_lines, spark

LOAD = Load("http://web/", 20.0, 30.0, 600, 0, (), 0.004, 0.009, 0.012, 0.2, Steady(60, 0, 0.008), 0.1)
SECONDS = [LoadSecond(float(index), 20, 0, 0.004 + index * 0.001) for index in range(8)]


def told(load=LOAD, seconds=SECONDS, width=50, glyphs=UNICODE):
    return [plain(each).rstrip() for each in load_lines(load, seconds, width, glyphs)]


def test_without_failures_four_lines_say_it_all():
    assert told() == [
        "requests  20.0/s          ████████",
        "failed    none            ········",
        "p95       9.0 ms          ▃▄▅▆▆▇██",
        "p50 4.0 ms  p99 12 ms  longest gap 200 ms  p95 before 8.0 ms",
    ]


def test_a_terminal_without_unicode_gets_ascii():
    lines = told(glyphs=ASCII)
    assert lines[0] == "requests  20.0/s          ########"
    assert all(line.isascii() for line in lines)


def test_failures_are_told_in_words_and_where_they_happened():
    failures = tuple(Failure("503 Service Unavailable", f"web-{each}", 9 - each) for each in range(4))
    seconds = [*SECONDS[:7], LoadSecond(7.0, 20, 15, None)]
    lines = load_lines(replace(LOAD, failed=30, failures=failures), seconds, 50, UNICODE)
    words = [plain(each).rstrip() for each in lines]
    assert words[1] == "failed    30 of 600       ·······█"
    assert lines[1][2][1] is Tone.ERROR
    assert words[2] == "p95       9.0 ms          ▄▅▅▆▇██"
    assert words[4:] == [
        "✗ 9 failed: 503 Service Unavailable, by web-0",
        "✗ 8 failed: 503 Service Unavailable, by web-1",
        "✗ 13 failed for other reasons or by other pods",
    ]


def test_what_was_not_sent_or_not_measured_is_told():
    lines = told(replace(LOAD, held_back=3, problem="not measured: no right"))
    assert lines[-2:] == ["! 3 requests not sent", "! not measured: no right"]
    assert told(Load("x", 20.0), [])[:3] == ["requests  -", "failed    none", "p95       -"]


def test_the_newest_seconds_are_those_that_fit():
    seconds = [LoadSecond(float(index), index, 0, None) for index in range(100)]
    row = told(seconds=seconds, width=36)[0]
    assert row.endswith("█" * 10)
    assert len(row) == 36
    assert len(told(seconds=seconds, width=5)[0]) == 27


def test_a_chart_tells_low_from_nothing():
    assert spark([0, 1, 50, 100, None], UNICODE) == "·▁▅█ "
    assert spark([], UNICODE) == ""
    assert spark([0.0, None], ASCII) == "-" + " "
