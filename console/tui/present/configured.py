"""The configuration panel: every key with its value, who reads it, what a change takes; Secrets stay hidden."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from console.model.configuration import Configuration, Reading, Way
from console.model.redaction import MASK
from console.model.wording import number
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Tone, faint, line, strong

COLUMNS = (
    Column("", 1),
    Column("KEY", 18, flexible=True, longest=34),
    Column("VALUE", 14, flexible=True, longest=60),
    Column("TAKES", 9),
    Column("OBJECT", 18, drop=1, longest=40),
)
Edits = Mapping[str, str | None]
"""Values by key as they are to be, None for a key that goes; those of a Secret in base64."""


def key_cells(each: Configuration, key: str, edits: Edits, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The row of a key: whether it was edited, its value, what a change takes, and where it stands."""
    changed = key in edits
    gone = changed and edits[key] is None
    value = edits[key] if changed else (each.live or each.released).get(key)
    tone = Tone.ERROR if gone else Tone.WARNING if changed else Tone.PLAIN
    return (
        ("-" if gone else "~" if changed else "", tone),
        (key, Tone.PLAIN),
        (_short(each, value, glyphs), tone),
        (takes(each.read(key)), Tone.FAINT),
        (str(each.ref), Tone.FAINT),
    )


def takes(readings: tuple[Reading, ...]) -> str:
    """What it takes until a change is seen by all who read it."""
    if not readings:
        return "unread"
    return "restart" if any(each.way.restarts for each in readings) else "itself"


def _short(each: Configuration, value: str | None, glyphs: Glyphs) -> str:
    if value is None:
        return ""
    if each.secret:
        return MASK
    first, *rest = value.splitlines() or [""]
    return f"{first} {glyphs.ellipsis} {number(len(rest), 'line')} more" if rest else first


def key_lines(each: Configuration, key: str, edits: Edits, glyphs: Glyphs) -> list[Line]:
    """What there is to know about a key: its edit as a diff, who reads it and how, who else owns or changed it."""
    lines = [line(strong(key), faint(f"  {each.ref}"))]
    if key in edits:
        lines += _edit(each, key, edits[key])
    for reading in each.read(key):
        lines.append(line(faint("  read by   "), f"{reading.service} {reading.container}  ", faint(_way(reading))))
    if not each.read(key):
        lines.append(line((f"{glyphs.warning} ", Tone.WARNING), "no container of the stack reads it"))
    for foreign in (foreign for foreign in each.foreign if foreign.key == key):
        lines.append(line(faint("  changed   "), f"by {foreign.manager}", faint(f"  {foreign.at}")))
    if key in each.drift:
        released = each.released.get(key)
        told = MASK if each.secret and released else "not there" if released is None else released
        lines.append(line((f"{glyphs.warning} ", Tone.WARNING), "other than in the last release: ", faint(told)))
    return lines


def _way(reading: Reading) -> str:
    if reading.way is Way.ENVIRONMENT:
        return f"${reading.name}, needs a restart"
    kept = "needs a restart" if reading.way.restarts else "taken up by itself"
    return f"{reading.name or 'a file'}, {kept}"


def _edit(each: Configuration, key: str, wanted: str | None) -> Iterator[Line]:
    before = (each.live or {}).get(key)
    if each.secret:
        yield line((f"  {MASK} ", Tone.ERROR), ("goes" if wanted is None else "another value", Tone.GOOD))
        return
    old, new = (before or "").splitlines(), (wanted or "").splitlines()
    for text in difflib.unified_diff(old, new, lineterm="", n=1):
        if not text.startswith(("---", "+++", "@@")):
            tone = {"-": Tone.ERROR, "+": Tone.GOOD}.get(text[:1], Tone.FAINT)
            yield line((f"  {text[:1]} {text[1:]}", tone))
