"""What the cells of many kinds have in common."""

from __future__ import annotations

from typing import Any

from console.sandbox.api.durations import age
from console.sandbox.api.resources import Object

Row = list[Any]
NONE = "<none>"


def name_of(obj: Object) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def age_of(obj: Object) -> str:
    """How long it has been there."""
    return age(obj["metadata"].get("creationTimestamp"))


def status_of(obj: Object) -> Object:
    """The status; empty when there is none."""
    found: Object = obj.get("status") or {}
    return found


def spec_of(obj: Object) -> Object:
    """The spec; empty when there is none."""
    found: Object = obj.get("spec") or {}
    return found


def plain(obj: Object) -> Row:
    """Name and age, for kinds without columns of their own."""
    return [name_of(obj), age_of(obj)]
