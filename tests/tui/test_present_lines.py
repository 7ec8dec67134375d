"""Text with meaning, tables that fit, glyphs, YAML: from values to lines, without a terminal."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
import yaml

from console.tui.present.cells import GAP, Column, fit, shorten
from console.tui.present.glyphs import ASCII, UNICODE, Glyphs, glyphs_for
from console.tui.present.lines import Tone, faint, level_tone, line, marked, plain, visible, wrapped
from console.tui.present.pods import COLUMNS
from console.tui.present.yamltext import yaml_lines


@pytest.mark.parametrize("width", [20, 40, 60, 78, 100, 160, 240])
def test_columns_that_are_kept_fit_into_the_width(width: int) -> None:
    settled = fit(COLUMNS, width)
    assert sum(column.width for _, column in settled) + GAP * (len(settled) - 1) <= max(width, 40)


def test_the_least_important_columns_drop_out_first_and_the_name_never() -> None:
    wide = {column.title for _, column in fit(COLUMNS, 240)}
    narrow = {column.title for _, column in fit(COLUMNS, 50)}
    assert wide == {column.title for column in COLUMNS}
    assert {"POD", "STATE", "READY"} <= narrow
    assert not {"SEEN BY", "IP", "NODE"} & narrow


def test_a_flexible_column_takes_what_is_left_up_to_its_longest() -> None:
    columns = (Column("A", 4, flexible=True, longest=10), Column("B", 4, flexible=True))
    assert [column.width for _, column in fit(columns, 30)] == [10, 19]
    assert [column.width for _, column in fit(columns, 9)] == [4, 4]


def test_shortening_keeps_the_end_by_which_pods_differ() -> None:
    short = shorten("backend-7c9f8d6b5c-2xkd8", 14, "…", 6)
    assert short == "backend…-2xkd8"
    assert len(short) == 14
    assert shorten("backend", 14, "…", 6) == "backend"


def test_lines_break_between_words_and_what_is_broken_off_is_indented() -> None:
    broken = list(wrapped([line(faint("  try  "), "set the key MCP_URL in the ConfigMap")], 20))
    assert all(len(plain(each)) <= 20 for each in broken)
    assert " ".join("".join(map(plain, broken)).split()).replace("  ", " ").startswith("try set the key")
    assert all(plain(each).startswith("    ") for each in broken[1:])


def test_a_word_longer_than_the_line_is_cut_and_loses_nothing() -> None:
    word = "x" * 55
    broken = list(wrapped([line(word)], 20))
    assert "".join(plain(each).strip() for each in broken) == word


def test_what_a_pattern_finds_is_marked_and_the_text_stays_the_same() -> None:
    spans = marked(line(faint("GET /ready 503 "), "after 503 ms"), re.compile("503"))
    assert plain(spans) == "GET /ready 503 after 503 ms"
    assert [text for text, tone in spans if tone is Tone.FOUND] == ["503", "503"]
    assert marked(line("abc"), re.compile("x*")) == line("abc")


def test_nothing_that_a_terminal_would_obey_comes_through() -> None:
    assert visible("\x1b[31mred\x1b[0m \x1b]0;title\x07ok") == "red ok"
    assert visible("a\tb") == "a   b"
    assert "\x07" not in visible("bell\x07")
    assert visible("bell\x07").isprintable()


@pytest.mark.parametrize(
    ("text", "tone"),
    [
        ("2026-01-01 ERROR no database", Tone.ERROR),
        ("Traceback (most recent call last):", Tone.ERROR),
        ('{"level": "error", "msg": "x"}', Tone.ERROR),
        ("WARNING slow", Tone.WARNING),
        ("level=warn slow", Tone.WARNING),
        ("INFO no errors so far", Tone.PLAIN),
        (f"{'-' * 100} ERROR far behind", Tone.PLAIN),
    ],
)
def test_a_log_line_has_the_tone_of_its_level(text: str, tone: Tone) -> None:
    assert level_tone(text) is tone


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LANG": "en_US.UTF-8"}, UNICODE),
        ({"LANG": "C.utf8", "TERM": "xterm-256color"}, UNICODE),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, ASCII),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, UNICODE),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, ASCII),
        ({"LANG": "en_US.UTF-8", "STACK_CONSOLE_ASCII": "1"}, ASCII),
        ({}, ASCII),
    ],
)
def test_the_terminal_and_the_locale_choose_the_glyphs(environ: dict[str, str], expected: Glyphs) -> None:
    assert glyphs_for(environ) is expected


def _signs(glyphs: Glyphs) -> dict[str, str]:
    single = {each.name: getattr(glyphs, each.name) for each in fields(glyphs)}
    signs = {name: sign for name, sign in single.items() if isinstance(sign, str)}
    return signs | {str(key): sign for key, sign in (*glyphs.services.items(), *glyphs.steps.items())}


def test_the_plain_set_is_ascii_and_draws_everything_that_the_other_does() -> None:
    assert all(sign.isascii() for sign in _signs(ASCII).values())
    assert _signs(ASCII).keys() == _signs(UNICODE).keys()
    assert all(len(sign) == 1 for name, sign in _signs(UNICODE).items() if name not in {"arrow", "levels"})


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_states_differ_without_colour(glyphs: Glyphs) -> None:
    assert len(set(glyphs.services.values())) == len(glyphs.services)
    assert len(set(glyphs.steps.values())) == len(glyphs.steps)
    assert glyphs.probe_ok != glyphs.probe_bad


def test_an_object_reads_as_yaml_does() -> None:
    body = {
        "kind": "ConfigMap",
        "data": {"PORT": "8000", "ON": "yes", "note": "two\nlines\n", "url": "http://a:1/b"},
        "items": [{"a": 1, "b": [True, None]}],
        "empty": {},
    }
    text = "\n".join(plain(each) for each in yaml_lines(body))
    assert text == "\n".join(
        [
            "kind: ConfigMap",
            "data:",
            '  PORT: "8000"',
            '  "ON": "yes"',
            "  note: |",
            "    two",
            "    lines",
            "  url: http://a:1/b",
            "items:",
            "- a: 1",
            "  b:",
            "  - true",
            "  - null",
            "empty: {}",
        ]
    )
    assert yaml.safe_load(text) == body


@pytest.mark.parametrize(
    "value",
    ["true", "0x1f", "1e3", "12:30", "- a", "a: b", "a #b", "", " a", "~", "null", "Off", "*x", 'say "hi"', "a:"],
)
def test_text_that_yaml_would_read_as_something_else_is_quoted(value: str) -> None:
    text = "\n".join(plain(each) for each in yaml_lines({"key": value, "list": [value]}))
    assert yaml.safe_load(text) == {"key": value, "list": [value]}
