"""List, then stream, until anything ends it. The outer loop, its back-off and relisting belong to the engine.

Nothing is missed and nothing is told twice: the stream starts at the version that the list was read at (kubernetes.io,
"Efficient detection of changes"). A version that is gone (410) is just an end: the next list starts afresh.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from console.adapters.kubernetes import translate, wire
from console.adapters.kubernetes.failures import Call, decoded, read_status, refused
from console.adapters.kubernetes.resources import EVENTS, PODS, WORKLOADS, Resource
from console.adapters.kubernetes.transport import Transport
from console.model.errors import ConflictError
from console.model.events import (
    EventObserved,
    Fact,
    PodGone,
    PodObserved,
    Relisted,
    WatchBeat,
    WorkloadGone,
    WorkloadObserved,
)

PAGE = 500
# API servers send bookmarks about every minute: a watch without one for so long is dead, though others get answers.
SILENCE = 100.0

T = TypeVar("T", wire.Pod, wire.Workload, wire.Event)


class ListMeta(Struct, rename="camel"):
    """Where a list was read, and the token of its next page."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(Struct, Generic[T]):
    """A page of a list."""

    metadata: ListMeta
    items: list[T]


class Change(Struct, Generic[T]):
    """A line of a watch. With type ERROR the object is a Status, which is read from the line again."""

    type: str
    object: T


class Failure(Struct):
    """A line of a watch that says why it ends."""

    object: msgspec.Raw


_FAILURES = msgspec.json.Decoder(Failure)


@dataclass(frozen=True, slots=True)
class Watched(Generic[T]):
    """How one resource is decoded, and what its changes mean."""

    resource: Resource
    pages: msgspec.json.Decoder[Page[T]]
    changes: msgspec.json.Decoder[Change[T]]
    observed: Callable[[T], Fact]
    gone: Callable[[str], Fact | None]


def _watched(
    resource: Resource, kind: Any, observed: Callable[[Any], Fact], gone: Callable[[str], Any]
) -> Watched[Any]:
    pages, changes = msgspec.json.Decoder(Page[kind]), msgspec.json.Decoder(Change[kind])
    return Watched(resource, pages, changes, observed, gone)


def _workload(kind: str, source: wire.Workload) -> Fact:
    return WorkloadObserved(translate.workload(kind, source))


WATCHED = {
    watched.resource.plural: watched
    for watched in (
        _watched(PODS, wire.Pod, lambda source: PodObserved(translate.pod(source)), PodGone),
        _watched(EVENTS, wire.Event, lambda source: EventObserved(translate.event(source)), lambda uid: None),
        *(_watched(each, wire.Workload, partial(_workload, each.kind), WorkloadGone) for each in WORKLOADS),
    )
}


async def watch(transport: Transport, resource: str, namespace: str) -> AsyncIterator[Fact]:
    """Every fact about a resource of a namespace: what is there, `Relisted`, then each change, until the stream ends.

    Args:
        transport: how the cluster is reached.
        resource: "pods", "events", "deployments", "statefulsets", "daemonsets", "replicasets" or "jobs".
        namespace: the namespace to watch.

    Raises:
        DeniedError: the right to list or watch is missing.
        UnreachableError: the API server did not answer, or the stream broke.
    """
    watched = WATCHED[resource]
    uids: set[str] = set()
    version = token = ""
    while True:
        try:
            body = await transport.send(_list_call(watched.resource, namespace, token))
        except ConflictError:
            # 410: the pages of a list that takes minutes are dropped. As with a stream: an end, and a list afresh.
            return
        page = decoded(watched.pages, body, transport.server)
        for item in page.items:
            uids.add(item.metadata.uid)
            yield watched.observed(item)
        # Later pages are of the first one's version, so that is where the stream goes on.
        version = version or page.metadata.resource_version
        token = page.metadata.continue_
        if not token:
            break
    yield Relisted(resource, frozenset(uids), time.time())
    async for fact in _stream(transport, watched, namespace, version):
        yield fact


async def _stream(transport: Transport, watched: Watched[T], namespace: str, version: str) -> AsyncIterator[Fact]:
    resource = watched.resource.plural
    query = (("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version))
    call = _call("watch", watched.resource, namespace, query)
    async with transport.stream(call, SILENCE) as body:
        async for line in _lines(body):
            change = _decode(watched, line, transport, call)
            if change is None:
                return
            if change.type == "BOOKMARK":
                yield WatchBeat(resource, time.time())
            elif change.type != "DELETED":
                yield watched.observed(change.object)
            elif (fact := watched.gone(change.object.metadata.uid)) is not None:
                yield fact


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines; what a broken connection left of one is the last."""
    parts: list[bytes] = []
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        parts.append(first)
        for line in others:
            yield b"".join(parts)
            parts = [line]
    if any(parts):
        yield b"".join(parts)


def _decode(watched: Watched[T], line: bytes, transport: Transport, call: Call) -> Change[T] | None:
    """A line's change; None when the server says that the version is gone.

    Raises:
        ConsoleError: the server says why it ends the watch; UnreachableError when the line is cut or no JSON.
    """
    # The type stands first on the line: the API server is written in Go, which keeps the order of fields.
    if b'"ERROR"' not in line[:32]:
        return decoded(watched.changes, line, transport.server)
    status = read_status(bytes(decoded(_FAILURES, line, transport.server).object), 500)
    if status.code == 410:
        return None
    raise refused(call, transport.server, status, status.code)


def _list_call(resource: Resource, namespace: str, token: str) -> Call:
    query = (("limit", str(PAGE)),) + ((("continue", token),) if token else ())
    return _call("list", resource, namespace, query)


def _call(verb: str, resource: Resource, namespace: str, query: tuple[tuple[str, str], ...]) -> Call:
    right = f"{verb} {resource.plural} in {namespace}"
    # A pause that the server asks for is made by whoever shows how old the view is by then.
    return Call("GET", resource.path(namespace), right, f"{resource.plural} in {namespace}", query, attempts=1)
