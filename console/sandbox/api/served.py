"""The kinds as the API serves them: all that are stored, and `events.k8s.io/v1`, another form of the same Events."""

from __future__ import annotations

from console.sandbox.api.errors import no_such_path
from console.sandbox.api.resources import RESOURCES, Object, Resource
from console.sandbox.store import Change, Entry, encode

NEW_EVENTS = Resource("events", "Event", "events.k8s.io", short=("ev",))

_BY_PATH = {(each.group, each.version, each.name): each for each in (*RESOURCES.values(), NEW_EVENTS)}

_OLD_TO_NEW = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_NEW_TO_OLD = {new: old for old, new in _OLD_TO_NEW.items()}


def find(group: str, version: str, resource: str) -> Resource:
    """The kind behind a path.

    Raises:
        StatusError: 404, there is none.
    """
    found = _BY_PATH.get((group, version, resource))
    if not found:
        raise no_such_path()
    return found


def everything() -> list[Resource]:
    """Every kind that is served."""
    return list(_BY_PATH.values())


def outward(kind: Resource, obj: Object) -> Object:
    """A stored object in the form of the kind that was asked for."""
    if kind is not NEW_EVENTS:
        return obj
    renamed = {_OLD_TO_NEW.get(key, key): value for key, value in obj.items()}
    return renamed | {"apiVersion": kind.api_version}


def inward(kind: Resource, obj: Object) -> Object:
    """An object as the client sent it, in the form that is stored."""
    if kind is not NEW_EVENTS:
        return obj
    renamed = {_NEW_TO_OLD.get(key, key): value for key, value in obj.items()}
    return renamed | {"apiVersion": "v1"}


def body(kind: Resource, entry: Entry) -> bytes:
    """A stored object's JSON; without decoding it where the stored form is the one asked for."""
    return entry.raw if kind is not NEW_EVENTS else encode(outward(kind, entry.object))


def item(kind: Resource, entry: Entry) -> bytes:
    """The same without kind and apiVersion, as the items of a list are. The store writes these two first."""
    head = len(encode({"apiVersion": kind.api_version, "kind": kind.kind})) - 1
    return b"{" + body(kind, entry)[head + 1 :]


def change(kind: Resource, one: Change) -> Object:
    """The object of a change, in the form of the kind that was asked for."""
    return outward(kind, one.object)
