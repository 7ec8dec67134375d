"""What Kubernetes' own definitions say of an object: unknown fields, wrong types, what is missing; how lists merge.

Offline, against one version of the API (the definitions of kubernetes.io's OpenAPI, stripped). Fields that only newer
versions know would be told as unknown, so the version is the newest that is widely run.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

VERSION = "1.34"
Path = tuple[str | int, ...]
_QUANTITY = re.compile(r"[+-]?(\d+|\d+\.\d*|\.\d+)([eE][+-]?\d+|[EPTGMk]i?|Ki|[mun])?")
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "int-or-string": "a whole number or text",
    "quantity": "an amount like 500m, 2 or 64Mi",
    "map": "a mapping",
    "list": "a list",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in an object. `at_key`: the name of the field is wrong, not its value."""

    path: Path
    message: str
    offending: str = ""
    expected: str = ""
    nearest: str = ""
    at_key: bool = False


@cache
def _schema() -> dict[str, Any]:
    packed = (files("console") / "schema" / f"kubernetes-{VERSION}.json.gz").read_bytes()
    found: dict[str, Any] = msgspec.json.decode(gzip.decompress(packed))
    return found


def known(api_version: str, kind: str) -> bool:
    """Whether the definitions have this kind; others come by CustomResourceDefinition."""
    return f"{api_version}/{kind}" in _schema()["kinds"]


def nearest_kind(api_version: str, kind: str) -> tuple[str, str] | None:
    """The apiVersion and kind that may be meant where the group is Kubernetes' own; None for anybody else's."""
    kinds = {name.rpartition("/")[2]: name.rpartition("/")[0] for name in _schema()["kinds"]}
    if "." in api_version.partition("/")[0] and not api_version.partition("/")[0].endswith(".k8s.io"):
        return None
    if kind in kinds:
        return kinds[kind], kind
    close = get_close_matches(kind, kinds, n=1)
    return (kinds[close[0]], close[0]) if close else None


def root(api_version: str, kind: str) -> Any:
    """The type of a kind."""
    return {"ref": _schema()["kinds"][f"{api_version}/{kind}"]}


def field_type(kind: Any, name: str) -> Any:
    """The type of a field, None if there is no such field."""
    if isinstance(kind, dict) and "ref" in kind:
        return _schema()["definitions"][kind["ref"]]["fields"].get(name)
    return kind["map"] if isinstance(kind, dict) and "map" in kind else "any"


def faults(body: Any, kind: Any, path: Path = ()) -> Iterator[Fault]:
    """Everything that is wrong in a value of that type. Null stands for *not given*, as in the API."""
    if body is None or kind == "any":
        return
    if isinstance(kind, str):
        if not _fits(body, kind):
            yield _wrong(path, body, kind)
    elif "ref" in kind:
        yield from _struct_faults(body, _schema()["definitions"][kind["ref"]], path)
    elif "list" in kind:
        yield from _list_faults(body, kind["list"], path)
    elif not isinstance(body, dict):
        yield _wrong(path, body, "map")
    else:
        for name, value in body.items():
            yield from faults(value, kind["map"], (*path, name))


def _struct_faults(body: Any, definition: dict[str, Any], path: Path) -> Iterator[Fault]:
    if not isinstance(body, dict):
        yield _wrong(path, body, "map")
        return
    fields = definition["fields"]
    for name, value in body.items():
        if name in fields:
            yield from faults(value, fields[name], (*path, name))
        elif fields:
            close = get_close_matches(str(name), fields, n=1)
            yield Fault(
                (*path, name), f"unknown field {name!r}{_inside(path)}", nearest=close[0] if close else "", at_key=True
            )
    missing = [name for name in definition["required"] if body.get(name) is None]
    for name in missing:
        yield Fault(path, f"{_place(path)} lacks the field {name!r}", at_key=True)


def _list_faults(body: Any, item: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(body, list):
        yield _wrong(path, body, "list")
        return
    for index, value in enumerate(body):
        yield from faults(value, item, (*path, index))


def _fits(value: Any, kind: str) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "quantity":
        text = isinstance(value, str) and _QUANTITY.fullmatch(value)
        return bool(text) or whole or isinstance(value, float)
    checks = {
        "string": isinstance(value, str),
        "integer": whole or (isinstance(value, float) and value.is_integer()),
        "number": whole or isinstance(value, float),
        "boolean": isinstance(value, bool),
        "int-or-string": whole or isinstance(value, str),
    }
    return checks.get(kind, True)


def _wrong(path: Path, value: Any, kind: str) -> Fault:
    found = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else _as_written(value)
    expected = _WORDS[kind]
    if kind == "string" and not isinstance(value, dict | list):
        expected = 'text: write it in quotes, "' + _as_written(value) + '"'
    return Fault(path, f"{_place(path)} has a value of the wrong type", offending=found, expected=expected)


def _as_written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _place(path: Path) -> str:
    names = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(names).lstrip(".") or "the object"


def _inside(path: Path) -> str:
    return f" in {_place(path)}" if path else ""
