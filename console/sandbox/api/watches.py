"""Watches over HTTP: a line of JSON for each change, bookmarks, an error line when the history has gone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from aiohttp import web

from console.sandbox.api import forms, requests, served, table
from console.sandbox.api.context import Context
from console.sandbox.api.errors import StatusError, forbidden_field
from console.sandbox.api.lists import Match
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.watching import Watch
from console.sandbox.store import Change, encode

BOOKMARK_EVERY = 60.0
_INITIAL_END = "k8s.io/initial-events-end"
Render = Callable[[str, Change], bytes]


async def watch(context: Context, kind: Resource) -> web.StreamResponse:
    """Streams changes until the client leaves, `timeoutSeconds` have passed, or the version asked for is gone.

    Raises:
        StatusError: 400 selector.
    """
    match = Match.of(context)
    since = requests.number(context.query, "resourceVersion") or None
    initial = _initial(context)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    namespace = context.info.namespace if kind.namespaced else ""
    try:
        stream = Watch(context.machinery.store, kind.name, namespace, since=None if initial else since)
    except StatusError as error:
        await response.prepare(context.request)
        await response.write(_line("ERROR", error.status()))
        return response
    with stream:
        await response.prepare(context.request)
        await _Stream(context, kind, match, response).run(stream, initial=initial)
    return response


def _initial(context: Context) -> bool:
    """Whether the state is to come first, and where it ends be told."""
    if "sendInitialEvents" not in context.query:
        return False
    if context.query.get("resourceVersionMatch") != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise requests.invalid_options("list", forbidden_field("resourceVersionMatch", why))
    return requests.flag(context.query, "sendInitialEvents")


class _Stream:
    def __init__(self, context: Context, kind: Resource, match: Match, response: web.StreamResponse) -> None:
        self._context = context
        self._kind = kind
        self._match = match
        self._response = response
        self._bookmarks = requests.flag(context.query, "allowWatchBookmarks")
        self._table = table.wanted(context.accept)
        self._partial = forms.partial(context.accept)

    async def run(self, stream: Watch, *, initial: bool) -> None:
        seconds = requests.number(self._context.query, "timeoutSeconds") or random.randint(1800, 3600)  # noqa: S311
        try:
            async with asyncio.timeout(seconds):
                await self._send(stream.pending())
                if initial:
                    await self._bookmark({_INITIAL_END: "true"})
                while not stream.closed:
                    await self._next(stream)
        except TimeoutError:
            if self._bookmarks:
                await self._bookmark()
        except StatusError as error:
            await self._response.write(_line("ERROR", error.status()))

    async def _next(self, stream: Watch) -> None:
        try:
            async with asyncio.timeout(BOOKMARK_EVERY):
                first = await anext(stream)
        except TimeoutError:
            if self._bookmarks:
                await self._bookmark()
        except StopAsyncIteration:
            return
        else:
            await self._send([first, *stream.pending()])

    async def _send(self, changes: list[Change]) -> None:
        lines = b"".join(filter(None, map(self._line, changes)))
        if lines:
            await self._response.write(lines)

    def _line(self, change: Change) -> bytes:
        now = self._match.everything or self._match(change.entry)
        if change.type == "MODIFIED" and not self._match.everything and change.previous:
            before = self._match(change.previous)
            if before and not now:
                return self._render("DELETED", change)
            if now and not before:
                return self._render("ADDED", change)
        return self._render(change.type, change) if now else b""

    def _render(self, type: str, change: Change) -> bytes:
        if self._table:
            include = self._context.query.get("includeObject", "Metadata")
            objects = [served.change(self._kind, change)]
            metadata = {"resourceVersion": str(change.resource_version)}
            return _line(
                type, table.render(self._kind, objects, include=include, version=self._table, metadata=metadata)
            )
        if self._partial:
            return _line(type, forms.metadata_of(served.change(self._kind, change), self._partial))
        return b'{"type":"' + type.encode() + b'","object":' + served.body(self._kind, change.entry) + b"}\n"

    async def _bookmark(self, annotations: dict[str, str] | None = None) -> None:
        metadata: Object = {"resourceVersion": str(self._context.machinery.store.version)}
        if annotations:
            metadata["annotations"] = annotations
        head = {"kind": self._kind.kind, "apiVersion": self._kind.api_version, "metadata": metadata}
        if self._table:
            head = table.render(self._kind, [], version=self._table, metadata=metadata)
        if self._partial:
            head = forms.metadata_of(head, self._partial)
        await self._response.write(_line("BOOKMARK", head))


def _line(type: str, obj: Object) -> bytes:
    return encode({"type": type, "object": obj}) + b"\n"
