"""Events about objects, counted up when they repeat, as `client-go/tools/record` does."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.resources import Object
from console.sandbox.store import Key

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery

_REMEMBERED = 4096


class EventRecorder:
    """Writes core/v1 Events. Knows the last few thousand, so that a repetition counts up instead of adding one.

    Args:
        machinery: where the Events go.
    """

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery
        self._names: OrderedDict[str, Key] = OrderedDict()

    def record(self, about: Object, *, type: str, reason: str, message: str, source: str) -> None:
        """Adds an Event, or counts the same one up. An object whose namespace is going gets none."""
        event = _event(about, type, reason, message, source)
        same = _identity(event)
        known = self._names.get(same)
        if known and self._machinery.store.get(known):
            self._machinery.mutate("events", known.namespace, known.name, _count_up)
        else:
            self._create(same, event)
        self._names.move_to_end(same) if same in self._names else None

    def _create(self, same: str, event: Object) -> None:
        try:
            self._machinery.create("events", event)
        except StatusError as error:
            if error.code not in (403, 404):
                raise
            return
        self._names[same] = Key("events", event["metadata"]["namespace"], event["metadata"]["name"])
        if len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)

    def expire(self, age: timedelta, most: int) -> bool:
        """Removes Events whose last occurrence is older than `age`, at most so many; whether there may be more."""
        limit = times.time(times.now() - age)
        entries = self._machinery.store.entries("events")
        old = list(islice((each for each in entries if _last(each.raw) < limit), most))
        for entry in old:
            self._machinery.delete(*entry.key)
        return len(old) == most


class _Born(msgspec.Struct, rename="camel"):
    creation_timestamp: str


class _Moments(msgspec.Struct, rename="camel"):
    metadata: _Born
    last_timestamp: str | None = None
    event_time: str | None = None


_decode_moments = msgspec.json.Decoder(_Moments).decode


def _last(raw: bytes) -> str:
    """When an Event happened last; reads no more than that, as there may be tens of thousands."""
    found = _decode_moments(raw)
    return found.last_timestamp or found.event_time or found.metadata.creation_timestamp


def _identity(event: Object) -> str:
    about = event["involvedObject"]
    parts = (
        about["uid"],
        event["type"],
        event["reason"],
        event["message"],
        str(event["source"]),
        about.get("fieldPath"),
    )
    return hashlib.sha1("\0".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def _event(about: Object, type: str, reason: str, message: str, source: str) -> Object:
    metadata = about["metadata"]
    component, _, host = source.partition(", ")
    involved = {
        "kind": about["kind"],
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "apiVersion": about["apiVersion"],
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": about.get("fieldPath"),
    }
    moment = times.now()
    stamp = times.time(moment)
    namespace = metadata.get("namespace") or "default"
    return {
        "metadata": {"name": f"{metadata['name']}.{int(moment.timestamp() * 1e9):x}", "namespace": namespace},
        "involvedObject": {key: value for key, value in involved.items() if value},
        "reason": reason,
        "message": message[:1024],
        "source": {"component": component} | ({"host": host} if host else {}),
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "type": type,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": host,
    }


def _count_up(event: Object) -> None:
    event["count"] = event.get("count", 1) + 1
    event["lastTimestamp"] = times.time()
