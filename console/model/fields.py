"""Fields of objects by path, list items by what identifies them: `spec.template.spec.containers[backend].image`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

Path = tuple[str, ...]
"""Steps to a field: keys, and for list items `[backend]` or `[0]`."""


class Missing(Enum):
    """The value of a field that is not there; null is a value."""

    MISSING = ""


MISSING = Missing.MISSING

# x-kubernetes-list-map-keys and patch merge keys of the API's schemas, by the name of the list.
_KEYS = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "env", "volumes"), ("name",)),
    **dict.fromkeys(("imagePullSecrets", "secrets"), ("name",)),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
}
_CONFLICT_KEY = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs; `before` or `after` is MISSING where it is not there."""

    path: Path
    before: object
    after: object


def path_text(path: Path) -> str:
    """The path as people read it."""
    return "".join(step if step.startswith("[") else f".{step}" for step in path).lstrip(".")


def conflict_text(field: str) -> str:
    """A field as the API server names it in a conflict, `containers[name="backend"]`, in the words of `path_text`."""

    def values(found: re.Match[str]) -> str:
        parts = [part.rpartition("=")[2].strip('"') for part in found[1].split(",")]
        return f"[{'/'.join(parts)}]"

    return _CONFLICT_KEY.sub(values, field).lstrip(".")


def covers(field: str, other: str) -> bool:
    """True if one of the two fields, as text, lies in the other or is the same."""
    shorter, longer = sorted((field, other), key=len)
    return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))


def differences(before: object, after: object, path: Path = ()) -> Iterator[Difference]:
    """Every field that differs. A part that is on one side only is one difference, with the whole part as its value."""
    if before == after:
        return
    old, new = _children(path, before), _children(path, after)
    if old is None or new is None or not _same_shape(before, after, old, new):
        yield Difference(path, before, after)
        return
    for step in {**old, **new}:
        yield from differences(old.get(step, MISSING), new.get(step, MISSING), (*path, step))
    shared = [step for step in old if step in new]
    if isinstance(after, list) and shared != [step for step in new if step in old]:
        yield Difference((*path, "[order]"), list(old), list(new))


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every single value below a part; lists of plain values, and empty parts, are single values."""
    children = _children(path, value)
    if not children:
        yield path, value
        return
    for step, child in children.items():
        yield from leaves(child, (*path, step))


def lookup(value: object, path: Path) -> object:
    """The value at a path, MISSING if it is not there."""
    done: Path = ()
    for step in path:
        children = _children(done, value)
        if children is None or step not in children:
            return MISSING
        value, done = children[step], (*done, step)
    return value


def concrete(value: object, path: Path) -> tuple[str | int, ...] | None:
    """The same path by keys and indices, as it leads through this very value; None where it does not."""
    found: list[str | int] = []
    done: Path = ()
    for step in path:
        children = _children(done, value)
        if children is None or step not in children:
            return None
        found.append(list(children).index(step) if isinstance(value, list) else step)
        value, done = children[step], (*done, step)
    return tuple(found)


def _children(path: Path, value: object) -> dict[str, object] | None:
    """The parts of a value by the step that leads to each; None for plain values and lists of them."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return dict(zip(_identities(path[-1] if path else "", value), value, strict=True))
    return None


def _identities(name: str, items: Sequence[dict[str, object]]) -> list[str]:
    found = [_identity(name, item) for item in items]
    unique = len(set(found)) == len(found) and "" not in found
    return [f"[{each}]" for each in found] if unique else [f"[{index}]" for index in range(len(items))]


def _identity(name: str, item: dict[str, object]) -> str:
    """What identifies an item of a list of that name; "" if nothing does."""
    if name == "ports":
        port = item.get("containerPort", item.get("port", ""))
        return f"{port}/{item.get('protocol', 'TCP')}"
    values = [str(item.get(key, "")) for key in _KEYS.get(name, ())]
    return "/".join(values) if all(values) else ""


def _same_shape(before: object, after: object, old: dict[str, object], new: dict[str, object]) -> bool:
    """Lists can be compared item by item if their items are identified, or if there are as many."""
    if isinstance(before, dict) or isinstance(after, dict):
        return isinstance(before, dict) and isinstance(after, dict)
    counted = any(step[1:-1].isdigit() for step in (*old, *new))
    return not counted or len(old) == len(new)


def put(value: object, path: Path, new: object) -> None:
    """Sets the field at a path in place, or removes it where `new` is MISSING; nothing if its parent is not there."""
    done: Path = ()
    for step in path[:-1]:
        children = _children(done, value)
        if children is None or step not in children:
            return
        value, done = children[step], (*done, step)
    children = _children(done, value) or {}
    if isinstance(value, dict):
        value.pop(path[-1], None)
        value |= {} if new is MISSING else {path[-1]: new}
    elif isinstance(value, list) and path[-1] in children:
        index = list(children).index(path[-1])
        value[index : index + 1] = [] if new is MISSING else [new]
