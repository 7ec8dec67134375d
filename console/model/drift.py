"""What in the cluster differs from the last release, by whom, and since when (kubernetes.io, "Server-Side Apply")."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from console.model.diff import field_changes, object_differences
from console.model.fields import MISSING, Path, lookup, path_text
from console.model.gathered import ObjectState
from console.model.plan import ObjectRef
from console.model.stack import FIELD_MANAGER, JSON

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Drift:
    """A field that is not as the last release has it.

    `released` and `live` are text for people, masked; `path` is empty where the whole object is gone or too much.
    `manager` owns the live value, empty where nobody says so; `since` is in seconds since the epoch. `was` and `now`
    are the values themselves where they are plain and no secret, None elsewhere.
    """

    ref: ObjectRef
    service: str
    path: Path
    released: str
    live: str
    manager: str = ""
    since: float | None = None
    was: str | int | float | bool | None = None
    now: str | int | float | bool | None = None

    @property
    def field(self) -> str:
        """The path as people read it."""
        return path_text(self.path)


def drifts(state: ObjectState, written: JSON | None, redact: Redact) -> Iterator[Drift]:
    """Where a live object differs from what was released of it; what the files say by now as well is no drift.

    Args:
        state: `result` is what the release would make of the object.
        written: the object as the files have it, None if they do not.
        redact: masks sensitive values.
    """
    declared = state.declared
    if state.live is None:
        yield Drift(declared.ref, declared.service, (), "there", "gone")
        return
    for difference in object_differences(declared.body, state.live, state.result):
        if difference.before is not MISSING and lookup(written or {}, difference.path) == difference.before:
            continue
        manager, since = owner(state.live, difference.path)
        for told in field_changes(difference, declared.sensitive, redact):
            was, now = (_plain(each, declared.sensitive) for each in (difference.after, difference.before))
            path = difference.path
            yield Drift(declared.ref, declared.service, path, told.after, told.before, manager, since, was, now)


def owner(live: JSON, path: Path) -> tuple[str, float | None]:
    """Who else set a field last, and when; nothing where no manager but ours has it."""
    found = [
        (str(entry.get("time") or ""), str(entry.get("manager", "")))
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("manager") != FIELD_MANAGER and _has(entry.get("fieldsV1") or {}, path)
    ]
    if not found:
        return "", None
    time, manager = max(found)
    return manager, datetime.fromisoformat(time).timestamp() if time else None


def _has(fields: Mapping[str, JSON], path: Path) -> bool:
    """Whether a set of fields has that one, or a part that it lies in."""
    for step in path:
        if step == "[order]":
            return True
        key = next((key for key in fields if _leads(key, step)), None)
        if key is None:
            return False
        fields = fields[key]
        if not fields:
            return True
    return True


def _leads(key: str, step: str) -> bool:
    kind, _, rest = key.partition(":")
    if not step.startswith("["):
        return key == f"f:{step}"
    if kind != "k":
        return kind == "i" and step == f"[{rest}]"
    values = {str(each) for each in json.loads(rest).values()}
    return set(step[1:-1].split("/")) <= values or values <= set(step[1:-1].split("/"))


def _plain(value: object, sensitive: bool) -> str | int | float | bool | None:
    if sensitive or value is MISSING or not isinstance(value, str | int | float | bool):
        return None
    return value
