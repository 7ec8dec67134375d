"""Writing the status of an object, and its conditions."""

from __future__ import annotations

from collections.abc import Sequence

from console.sandbox.api import times
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.store import Key


def set_status(machinery: Machinery, key: Key, status: Object) -> None:
    """Replaces an object's status; nothing is written when it is the same already, nor when the object is gone."""

    def change(obj: Object) -> None:
        obj["status"] = status

    if machinery.store.get(key):
        machinery.mutate(*key, change, subresource="status")


def condition(type: str, status: bool | str, reason: str, message: str) -> Object:
    """A condition as of now; its transition time is settled by `merge`."""
    text = status if isinstance(status, str) else str(status)
    return {"type": type, "status": text, "reason": reason, "message": message}


def find(conditions: Sequence[Object] | None, type: str) -> Object | None:
    """The condition of a type."""
    return next((each for each in conditions or () if each["type"] == type), None)


def merge(conditions: Sequence[Object] | None, *changed: Object) -> list[Object]:
    """Conditions with some replaced; `lastTransitionTime` moves only when the status does."""
    result = list(conditions or ())
    for each in changed:
        old = find(result, each["type"])
        same = old is not None and old["status"] == each["status"]
        since = old["lastTransitionTime"] if old and same else times.time()
        new = {"lastTransitionTime": since} | each
        result = [new if other is old else other for other in result] if old else [*result, new]
    return result
