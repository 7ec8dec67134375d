"""Text with meaning: a line is spans, a span is text in a tone. Widgets turn tones into the theme's colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum


class Tone(StrEnum):
    """What a piece of text means; never the only sign of it."""

    PLAIN = "plain"
    STRONG = "strong"
    FAINT = "faint"
    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"
    ACCENT = "accent"
    FOUND = "found"


Span = tuple[str, Tone]
Line = tuple[Span, ...]
BLANK: Line = (("", Tone.PLAIN),)

# ECMA-48 control sequences, and the operating system commands that terminals obey.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]")


def line(*parts: str | Span) -> Line:
    """A line of its parts; text without a tone is plain."""
    return tuple((part, Tone.PLAIN) if isinstance(part, str) else part for part in parts)


def faint(text: str) -> Span:
    """A span that stays in the background."""
    return text, Tone.FAINT


def strong(text: str) -> Span:
    """A span that stands out."""
    return text, Tone.STRONG


def plain(spans: Line) -> str:
    """The text of a line."""
    return "".join(text for text, _ in spans)


def visible(text: str) -> str:
    """The text without anything that a terminal would obey; a tab becomes blanks."""
    if text.isprintable():
        return text
    bare = _ESCAPES.sub("", text.expandtabs(4))
    return bare if bare.isprintable() else "".join(char if char.isprintable() else "\N{MIDDLE DOT}" for char in bare)


def wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """The lines, broken between words to fit; what is broken off is indented as its line is."""
    for spans in lines:
        if len(plain(spans)) <= width:
            yield spans
        else:
            yield from _broken(spans, width)


def _broken(spans: Line, width: int) -> Iterator[Line]:
    text = plain(spans)
    margin = min(len(text) - len(text.lstrip()) + 2, width // 2)
    begin, room = 0, width
    while begin < len(text):
        end = _end(text, begin, room)
        piece = _cut(spans, begin, end)
        yield piece if begin == 0 else ((" " * margin, Tone.PLAIN), *piece)
        begin = end + 1 if text[end : end + 1] == " " else end
        room = max(1, width - margin)


def _end(text: str, begin: int, room: int) -> int:
    """Where the piece that starts at `begin` ends: before the last blank that fits, if there is one."""
    if len(text) - begin <= room:
        return len(text)
    indent = begin + len(text[begin:]) - len(text[begin:].lstrip())
    blank = text.rfind(" ", indent + 1, begin + room + 1)
    return blank if blank > indent else begin + room


def _cut(spans: Line, begin: int, end: int) -> Line:
    found, position = [], 0
    for text, tone in spans:
        part = text[max(0, begin - position) : max(0, end - position)]
        position += len(text)
        if part:
            found.append((part, tone))
    return tuple(found)


def marked(spans: Line, pattern: re.Pattern[str] | None) -> Line:
    """The line with everything that the pattern finds in the tone FOUND."""
    if pattern is None:
        return spans
    found: list[Span] = []
    for text, tone in spans:
        position = 0
        for match in pattern.finditer(text):
            if match.end() > match.start():
                found += [(text[position : match.start()], tone), (match.group(), Tone.FOUND)]
                position = match.end()
        found.append((text[position:], tone))
    return tuple(span for span in found if span[0]) or spans


_LEVEL = re.compile(
    r"\b(?:(ERROR|CRITICAL|FATAL|PANIC|Traceback)|(WARN(?:ING)?))\b"
    r"|\blevel\b['\"]?\s*[:=]\s*['\"]?(?:(error|critical|fatal|panic)|(warn))"
)
_LEVEL_WITHIN = 90


def level_tone(text: str) -> Tone:
    """The tone of a log line by the level that stands near its beginning."""
    found = _LEVEL.search(text, 0, _LEVEL_WITHIN)
    if found is None:
        return Tone.PLAIN
    return Tone.ERROR if found[1] or found[3] else Tone.WARNING
