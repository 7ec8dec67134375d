"""ConfigMaps and Secrets as lines for people and as JSON; no value of a Secret is in either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from console.cli.style import Style, table
from console.model.configuration import Configuration, Reading, Way
from console.model.editing import ThreeWay
from console.model.redaction import MASK

_LONGEST = 40
_TAKES = {
    Way.ENVIRONMENT: "new pods",
    Way.FILE: "by itself",
    Way.FIXED_FILE: "new pods",
}


def lines(found: Sequence[Configuration], style: Style) -> list[str]:
    """Every key: its value, who reads it, and what a change of it takes."""
    told: list[str] = []
    for each in found:
        told += ["", *_head(each, style)] if told else _head(each, style)
        rows = [row for key in _keys(each) for row in _rows(each, key)]
        told += [f"  {line}" for line in table(("KEY", "VALUE", "READ BY", "AS", "TAKES"), rows)] if rows else []
        told += [f"  {line}" for line in _notes(each, style)]
    return told or ["neither ConfigMaps nor Secrets"]


def _head(each: Configuration, style: Style) -> list[str]:
    return [style.paint("strong", f"{each.ref}") + (f"  of {each.service}" if each.service else "")]


def _keys(each: Configuration) -> list[str]:
    return list({**each.released, **(each.live or {})})


def _rows(each: Configuration, key: str) -> Iterator[tuple[str, str, str, str, str]]:
    value = _value(each, (each.live if each.live is not None else each.released).get(key))
    readings = each.read(key)
    for index, reading in enumerate(readings):
        first = (key, _short(value)) if not index else ("", "")
        yield *first, f"{reading.workload} {reading.container}", _as(reading), _TAKES[reading.way]
    if not readings:
        yield key, _short(value), "-", "", ""


def _as(reading: Reading) -> str:
    return f"${reading.name}" if reading.way is Way.ENVIRONMENT else reading.name or "a file (subPathExpr)"


def _notes(each: Configuration, style: Style) -> Iterator[str]:
    if each.live is None:
        yield style.paint("warning", "it is not there, or may not be read: these are the values of the last release")
    if each.others:
        yield f"read as a whole by {', '.join(each.others)}"
    if each.unused:
        yield f"no container of the stack reads {', '.join(each.unused)}"
    for key in each.drift:
        by = ", ".join(f"{one.manager} at {one.at}" for one in each.foreign if one.key == key) or "somebody else"
        yield style.paint("warning", f"{key} is not as the last release has it: changed by {by}")


def diff_lines(found: Sequence[Configuration], style: Style) -> list[str]:
    """What is live otherwise than in the last release."""
    told: list[str] = []
    for each in (each for each in found if each.drift):
        told += _head(each, style)
        for key in each.drift:
            for sign, meaning, values in (("-", "error", each.released), ("+", "good", each.live or {})):
                if (value := _value(each, values.get(key))) is not None:
                    told += [style.paint(meaning, f"  {sign} {key}: {line}") for line in value.split("\n")]
    return told or ["everything is as the last release has it"]


def conflict_lines(ways: Sequence[ThreeWay], style: Style) -> list[str]:
    """Three ways of every key that two changed."""
    told = ["", "changed by somebody else meanwhile:"]
    for way in ways:
        told.append(style.paint("strong", f"  {way.key}"))
        for name, value in (("it was", way.base), ("theirs", way.theirs), ("yours", way.mine)):
            told.append(f"    {name:<7} {'(not there)' if value is None else value}")
    return told


def document(found: Sequence[Configuration]) -> dict[str, Any]:
    """The same as JSON."""
    return {"configuration": [_plain(each) for each in found]}


def _plain(each: Configuration) -> dict[str, Any]:
    keys = {
        key: {
            "value": _value(each, (each.live or {}).get(key)),
            "released": _value(each, each.released.get(key)),
            "drift": key in each.drift,
            "readings": [_reading(reading) for reading in each.read(key)],
        }
        for key in _keys(each)
    }
    return {
        "object": str(each.ref),
        "namespace": each.ref.namespace,
        "service": each.service,
        "resource_version": each.version,
        "there": each.live is not None,
        "keys": keys,
        "binary_keys": each.binary,
        "unused": each.unused,
        "read_as_a_whole_by": each.others,
        "changed_by": each.foreign,
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "service": reading.service,
        "workload": str(reading.workload),
        "container": reading.container,
        "way": reading.way,
        "name": reading.name,
        "needs_new_pods": reading.way.restarts,
    }


def _value(each: Configuration, value: str | None) -> str | None:
    return MASK if each.secret and value is not None else value


def _short(value: str | None) -> str:
    if value is None:
        return "(gone)"
    first, newline, _ = value.partition("\n")
    return f"{first[:_LONGEST]}…" if newline or len(first) > _LONGEST else first
