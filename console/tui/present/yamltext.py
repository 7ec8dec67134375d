"""An object as YAML to read: keys and values in tones. Written here, for the console never needs to read it back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from console.tui.present.lines import Line, Tone, line

# Text that YAML would read as something else (yaml.org, 1.1 and 1.2).
_NOT_PLAIN = re.compile(
    r"|[-+.]?\d[\d_.:eExXoa-fA-F+-]*|true|false|yes|no|on|off|y|n|null|~"
    r"|[-?:,\[\]{}#&*!|>'\"%@`\s].*|.*(: | #|[\s:]$).*",
    re.IGNORECASE | re.DOTALL,
)


def yaml_lines(value: object, depth: int = 0) -> Iterator[Line]:
    """The lines of a JSON value."""
    margin = "  " * depth
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _entry(margin, _scalar(str(key)), each, depth)
    elif isinstance(value, list) and value:
        for each in value:
            yield from _item(margin, each, depth)
    else:
        yield line(margin, _toned(value))


def _entry(margin: str, key: str, value: object, depth: int) -> Iterator[Line]:
    name = (f"{margin}{key}:", Tone.ACCENT)
    if isinstance(value, str) and "\n" in value:
        yield line(name, f" |{'' if value.endswith(chr(10)) else '-'}")
        yield from (line(f"{margin}  {each}") for each in value.splitlines())
    elif isinstance(value, dict | list) and value:
        yield line(name)
        yield from yaml_lines(value, depth + (1 if isinstance(value, dict) else 0))
    else:
        yield line(name, " ", _toned(value))


def _item(margin: str, value: object, depth: int) -> Iterator[Line]:
    """An item's first line takes the place of its indentation."""
    first, *rest = yaml_lines(value, depth + 1)
    (text, tone), *spans = first
    yield (f"{margin}- ", Tone.FAINT), (text[len(margin) + 2 :], tone), *spans
    yield from rest


def _toned(value: object) -> tuple[str, Tone]:
    if isinstance(value, str):
        return _scalar(value), Tone.PLAIN
    return json.dumps(value), Tone.WARNING if isinstance(value, bool | int | float) else Tone.FAINT


def _scalar(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _NOT_PLAIN.fullmatch(text) else text
