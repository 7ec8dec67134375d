"""Edits of ConfigMaps and Secrets: what may be written, what looks wrong, and what somebody else wrote meanwhile.

Rules of keys and sizes: kubernetes.io, "ConfigMaps" and "Secrets"; `apimachinery/pkg/util/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.model.configuration import plain_value, values_of
from console.model.errors import EditConflictError, UsageError
from console.model.plan import ObjectRef
from console.model.redaction import MASK
from console.model.stack import JSON

MOST_BYTES = 1 << 20
"""All values of an object together."""
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_SHAPES = {
    "a number": re.compile(r"[-+]?\d+(\.\d+)?"),
    "a truth value": re.compile(r"true|false|yes|no|on|off", re.IGNORECASE),
    "a URL": re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE),
}
Values = Mapping[str, str | None]
"""What an edit writes, by key; None for a key that goes."""


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """A key that two changed: as it was when the edit began, as somebody else left it, as the edit has it.

    None where the key is not there. Values of Secrets are masked.
    """

    key: str
    base: str | None
    theirs: str | None
    mine: str | None


def refuse_invalid(ref: ObjectRef, before: JSON, values: Values) -> None:
    """Refuses what the API server would not take.

    Args:
        ref: what is edited.
        before: the object as it is.
        values: what is written.

    Raises:
        UsageError: with every problem.
    """
    problems = [*_wrong_keys(values, before.get("binaryData") or {}), *_too_large(ref, before, values)]
    if before.get("immutable"):
        problems.append("it is immutable: make another one, and let its readers name that")
    if problems:
        raise UsageError(f"{ref} cannot be like that", why="; ".join(problems))


def _wrong_keys(values: Values, binary: Mapping[str, str]) -> Iterator[str]:
    for key in values:
        if not _KEY.fullmatch(key) or key == "." or key.startswith(".."):
            yield f"{key!r} is no key: letters, digits, '-', '_' and '.', at most 253 of them, not '..' at the start"
        elif key in binary:
            yield f"{key} holds bytes, which cannot be edited here"


def _too_large(ref: ObjectRef, before: JSON, values: Values) -> Iterator[str]:
    after = edited(values_of(before), values)
    size = sum(len(plain_value(ref, value)) for value in after.values())
    size += sum(len(value) * 3 // 4 for value in (before.get("binaryData") or {}).values())
    if size > MOST_BYTES:
        yield f"it would hold {size} bytes, and may hold {MOST_BYTES}"


def edited(before: Mapping[str, str], values: Values) -> dict[str, str]:
    """The values after an edit."""
    merged = {**before, **values}
    return {key: value for key, value in merged.items() if value is not None}


def refuse_conflicts(ref: ObjectRef, base: Mapping[str, str], theirs: Mapping[str, str], values: Values) -> None:
    """Refuses an edit of keys that somebody else changed meanwhile. What is left alone may have been changed.

    Args:
        ref: what is edited.
        base: what it was made from.
        theirs: what is live now.
        values: what is written.

    Raises:
        EditConflictError: with the three ways of every such key.
    """
    ways = tuple(
        ThreeWay(key, *_masked(ref, base.get(key), theirs.get(key), mine))
        for key, mine in values.items()
        if theirs.get(key) not in {base.get(key), mine}
    )
    if ways:
        raise EditConflictError(str(ref), ways)


def _masked(ref: ObjectRef, *values: str | None) -> Iterable[str | None]:
    return values if ref.kind != "Secret" else (None if value is None else MASK for value in values)


def odd_shapes(ref: ObjectRef, history: Sequence[Mapping[str, str]], values: Values) -> tuple[str, ...]:
    """Warnings of values that look otherwise than all that the key ever had; no value is told.

    Args:
        ref: what is edited.
        history: the values that it has, and had in earlier releases.
        values: what is written.
    """
    warnings = []
    for key, value in values.items():
        earlier = {_shape(_text(ref, each[key])) for each in history if each.get(key)}
        if value is not None and len(earlier) == 1 and (was := earlier.pop()) and _shape(_text(ref, value)) != was:
            warnings.append(f"{ref} {key} has always been {was}, and is none now")
    return tuple(warnings)


def _text(ref: ObjectRef, value: str) -> str:
    return plain_value(ref, value).decode(errors="replace").strip()


def _shape(text: str) -> str:
    """The shape of a value, empty for a text of no special one."""
    return next((name for name, pattern in _SHAPES.items() if pattern.fullmatch(text)), "")
