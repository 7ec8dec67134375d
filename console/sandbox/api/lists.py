"""Lists: selectors, versions, pages that stay consistent while objects change, and tables."""

from __future__ import annotations

import base64
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from aiohttp import web

from console.sandbox.api import forms, requests, served, table
from console.sandbox.api.context import Context
from console.sandbox.api.errors import StatusError, bad_request, expired, forbidden_field
from console.sandbox.api.resources import Resource
from console.sandbox.api.selectors import FieldSelector, Selector
from console.sandbox.store import Entry, Expired, encode

_KEPT_PAGES = 64
_TOKEN = re.compile(r"[\w-]{16}")


@dataclass(frozen=True, slots=True)
class Match:
    """The request's selectors and name, on stored entries."""

    labels: Selector
    fields: FieldSelector

    @classmethod
    def of(cls, context: Context) -> Match:
        """From the query.

        Raises:
            StatusError: 400, not a selector.
        """
        fields = context.query.get("fieldSelector", "")
        return cls(
            Selector.parse(context.query.get("labelSelector", "")), FieldSelector.parse(context.info.resource, fields)
        )

    @property
    def everything(self) -> bool:
        """No selector at all."""
        return not (self.labels.requirements or self.fields.terms)

    def __call__(self, entry: Entry) -> bool:
        """Whether the object is wanted."""
        if not self.labels.matches(entry.labels):
            return False
        return not self.fields.terms or self.fields.matches(entry.object)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    version: int
    rest: list[Entry]


class Pages:
    """What further pages of a list will be taken from: the entries as they were at the first page.

    Only the last few lists are kept; the token of an older one is told 410, as after a compaction.
    """

    def __init__(self) -> None:
        self._snapshots: OrderedDict[str, _Snapshot] = OrderedDict()

    def keep(self, version: int, rest: list[Entry]) -> str:
        """Keeps the rest of a list; returns the token for it."""
        token = base64.urlsafe_b64encode(secrets.token_bytes(12)).decode()
        self._snapshots[token] = _Snapshot(version, rest)
        while len(self._snapshots) > _KEPT_PAGES:
            self._snapshots.popitem(last=False)
        return token

    def take(self, token: str) -> tuple[int, list[Entry]]:
        """The version and rest behind a token; a token can be used again.

        Raises:
            StatusError: 400, it is no token; 410, it is not kept any more.
        """
        if not _TOKEN.fullmatch(token):
            raise bad_request("invalid continue token: continue key is not valid")
        snapshot = self._snapshots.get(token)
        if not snapshot:
            raise expired("The provided continue parameter is too old to display a consistent list result.")
        return snapshot.version, snapshot.rest


def list_objects(context: Context, kind: Resource, pages: Pages) -> web.Response:
    """Answers a list request.

    Raises:
        StatusError: 400 selector or parameters, 410 version or page too old.
    """
    limit = requests.number(context.query, "limit") or 0
    version, entries = _entries(context, kind, pages)
    metadata: dict[str, object] = {"resourceVersion": str(version)}
    if 0 < limit < len(entries):
        metadata |= {"continue": pages.keep(version, entries[limit:]), "remainingItemCount": len(entries) - limit}
        entries = entries[:limit]
    if wanted := forms.partial(context.accept):
        partial = [forms.metadata_of(served.outward(kind, each.object), wanted) for each in entries]
        shown = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{wanted}", "metadata": metadata}
        return context.answer(shown | {"items": partial})
    if wanted := table.wanted(context.accept):
        objects = [served.outward(kind, each.object) for each in entries]
        include = context.query.get("includeObject", "Metadata")
        return context.answer(table.render(kind, objects, include=include, version=wanted, metadata=metadata))
    items = b",".join(served.item(kind, each) for each in entries)
    head = encode({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata})
    return context.raw(head[:-1] + b',"items":[' + items + b"]}")


def _entries(context: Context, kind: Resource, pages: Pages) -> tuple[int, list[Entry]]:
    if token := context.query.get("continue", ""):
        return pages.take(token)
    store = context.machinery.store
    version = _version(context, store.version)
    match = Match.of(context)
    try:
        entries = store.entries_at(version, kind.name, context.info.namespace if kind.namespaced else "")
    except Expired as error:
        raise expired(f"The resourceVersion for the provided list is {error}") from None
    return version, entries if match.everything else [each for each in entries if match(each)]


def _version(context: Context, current: int) -> int:
    """The version that is listed: `resourceVersion` with its `resourceVersionMatch` (https://kubernetes.io/docs/reference/using-api/api-concepts)."""
    how = context.query.get("resourceVersionMatch", "")
    asked = requests.number(context.query, "resourceVersion")
    if how and asked is None:
        why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise requests.invalid_options("list", forbidden_field("resourceVersionMatch", why))
    if asked is None:
        return current
    if asked > current:
        message = f"Timeout: Too large resource version: {asked}, current: {current}"
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise StatusError(504, "Timeout", message, {"retryAfterSeconds": 1, "causes": [cause]})
    return asked if how == "Exact" else current
