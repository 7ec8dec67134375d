"""Tables: what `kubectl get` prints, computed by the server (`meta.k8s.io/v1 Table`)."""

from __future__ import annotations

import re
from typing import Any

from console.sandbox.api import columns, served
from console.sandbox.api.resources import Object, Resource

_ACCEPT = re.compile(r"as=Table;\s*(?:v=(?P<version>\w+);\s*)?g=meta\.k8s\.io|as=Table;.*?v=(?P<other>\w+)")


def wanted(accept: str) -> str:
    """The version of Table that an `Accept` header asks for first, or empty for none."""
    first = accept.partition(",")[0]
    found = _ACCEPT.search(first)
    return (found["version"] or found["other"] or "v1") if found else ""


def render(
    kind: Resource,
    objects: list[Object],
    *,
    include: str = "Metadata",
    version: str = "v1",
    metadata: Object | None = None,
) -> Object:
    """The table of some objects of a kind; each row carries its object's metadata (or the object, or nothing)."""
    definitions, row = columns.of(kind.name)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata or {},
        "columnDefinitions": definitions,
        "rows": [_row(row(served.inward(kind, each)), each, include, version) for each in objects],
    }


def _row(cells: list[Any], obj: Object, include: str, version: str) -> Object:
    if include == "None":
        return {"cells": cells}
    if include == "Object":
        return {"cells": cells, "object": obj}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}
    return {"cells": cells, "object": partial}
