"""Sets of fields, as server-side apply thinks of an object: every leaf has a path, and so has a list's every item.

A path is a tuple of elements in the notation of FieldsV1: `f:name`, `k:{"name":"web"}`, `v:"value"`
(https://kubernetes.io/docs/reference/using-api/server-side-apply and sigs.k8s.io/structured-merge-diff).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from console.sandbox.api import schema
from console.sandbox.api.resources import Object
from console.sandbox.api.schema import ANY, KEY_DEFAULTS, Node
from console.sandbox.store import encode

Path = tuple[str, ...]
Fields = frozenset[Path]

_SYSTEM_METADATA = (
    "name namespace creationTimestamp selfLink uid generation managedFields resourceVersion "
    "deletionTimestamp deletionGracePeriodSeconds"
)
_NOBODYS = {("f:apiVersion",), ("f:kind",), ("f:metadata",)} | {
    ("f:metadata", f"f:{name}") for name in _SYSTEM_METADATA.split()
}
ITEM = object()
"""Stands for the existence of a list item, as the value of its path."""


def leaves(node: Node, obj: Object) -> dict[Path, Any]:
    """The paths of an object that can be owned, with the value of each."""
    found = dict(_walk(node, obj, ()))
    return {path: value for path, value in found.items() if path not in _NOBODYS}


def _walk(node: Node, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and node.kind in ("struct", "map") and not node.atomic:
        for key, each in value.items():
            yield from _walk(schema.child(node, key) or ANY, each, (*path, f"f:{key}"))
    elif isinstance(value, list) and node.kind == "list" and node.list_type != "atomic":
        for each in value:
            here = (*path, element(node, each))
            yield here, ITEM
            if node.list_type == "map":
                yield from _walk(node.item or ANY, each, here)
    elif path:
        yield path, value


def element(node: Node, item: Any) -> str:
    """The path element of a list's item."""
    if node.list_type == "set":
        return f"v:{_compact(item)}"
    keys = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in sorted(node.keys)}
    return f"k:{_compact({key: value for key, value in keys.items() if value is not None})}"


def _compact(value: Any) -> str:
    return encode(value).decode()


def to_fields_v1(paths: Iterable[Path]) -> Object:
    """The nested form that `managedFields` holds."""
    root: Object = {}
    for path in sorted(paths):
        here = root
        for part in path:
            here = here.setdefault(part, {})
        here["."] = {}
    return _without_leaf_dots(root)


def _without_leaf_dots(tree: Object) -> Object:
    if set(tree) == {"."}:
        return {}
    return {key: _without_leaf_dots(each) for key, each in tree.items()}


def from_fields_v1(tree: Object) -> Fields:
    """The set behind the nested form."""
    return frozenset(_paths(tree, ()))


def _paths(tree: Object, path: Path) -> Iterator[Path]:
    for key, inside in tree.items():
        if key == ".":
            yield path
        elif inside:
            yield from _paths(inside, (*path, key))
        else:
            yield (*path, key)


def text(path: Path) -> str:
    """A path for people: `.spec.template.spec.containers[name="web"].image`."""
    return "".join(_element_text(each) for each in path)


def _element_text(part: str) -> str:
    kind, _, rest = part.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        keys = ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items())
        return f"[{keys}]"
    return f"[={rest}]"
