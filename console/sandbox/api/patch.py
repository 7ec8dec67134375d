"""The three patches that say what to change: JSON patch, merge patch, strategic merge patch.

RFC 6902, RFC 7386, and Kubernetes' "Strategic merge patch" (sig-api-machinery/strategic-merge-patch.md).
"""

from __future__ import annotations

from typing import Any

from console.sandbox.api import schema
from console.sandbox.api.errors import StatusError, bad_request
from console.sandbox.api.resources import Object
from console.sandbox.api.schema import ANY, Node
from console.sandbox.store import copy

# -- JSON patch


def json_patch(obj: Object, operations: Any) -> Object:
    """Applies the operations in order.

    Raises:
        StatusError: 400 not a patch; 422 a path is not there, or a test failed.
    """
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result: Any = copy(obj)
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError):
            message = "the server rejected our request due to an error in our request"
            raise StatusError(422, "Invalid", message, {}) from None
    if not isinstance(result, dict):
        raise bad_request("the patched object is not an object")
    return result


def _operate(document: Any, operation: Object) -> Any:
    kind, path = operation["op"], _pointer(operation["path"])
    if kind in ("add", "replace"):
        return _place(document, path, operation["value"], replace=kind == "replace")
    if kind == "remove":
        return _take(document, path)[0]
    if kind in ("move", "copy"):
        source = _pointer(operation["from"])
        rest, value = (
            _take(document, source) if kind == "move" else (document, copy({"v": _find(document, source)})["v"])
        )
        return _place(rest, path, value, replace=False)
    if kind == "test":
        if _find(document, path) != operation.get("value"):
            raise ValueError(f"testing value {operation['path']} failed")
        return document
    raise ValueError(f"unexpected kind: {kind}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(f"invalid path: {text}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _find(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _place(document: Any, path: list[str], value: Any, *, replace: bool) -> Any:
    if not path:
        return value
    parent, last = _find(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        if replace:
            parent[int(last)] = value
        elif last == "-":
            parent.append(value)
        elif 0 <= int(last) <= len(parent):
            parent.insert(int(last), value)
        else:
            raise IndexError(f"index {last} is out of bounds")
    else:
        if replace:
            parent[last]
        parent[last] = value
    return document


def _take(document: Any, path: list[str]) -> tuple[Any, Any]:
    parent, last = _find(document, path[:-1]), path[-1]
    value = parent.pop(int(last) if isinstance(parent, list) else last)
    return document, value


# -- merge patch


def merge_patch(value: Any, patch: Any) -> Any:
    """RFC 7386: objects merge key by key, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, each in patch.items():
        if each is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), each)
    return result


# -- strategic merge patch

_ORDER, _DELETE_PRIMITIVES, _RETAIN = "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys"


def strategic_patch(node: Node, value: Any, patch: Object) -> Object:
    """Merges as the schema says: lists by their merge key, with the `$` directives.

    Raises:
        StatusError: 400, a directive is not known, or an item lacks its merge key.
    """
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: each for key, each in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type found: {directive}")
    result: Object = dict(value) if isinstance(value, dict) else {}
    if _RETAIN in patch:
        result = {key: each for key, each in result.items() if key in patch[_RETAIN]}
    for key, each in patch.items():
        if key.startswith(_DELETE_PRIMITIVES):
            name = key.removeprefix(_DELETE_PRIMITIVES)
            result[name] = [item for item in result.get(name, ()) if item not in each]
        elif key.startswith(_ORDER):
            name = key.removeprefix(_ORDER)
            if name not in patch and isinstance(result.get(name), list):
                result[name] = _arrange(schema.child(node, name) or ANY, result[name], result[name], each)
        elif not key.startswith("$"):
            _merge_field(schema.child(node, key) or ANY, result, key, each, patch.get(_ORDER + key))
    return result


def _merge_field(node: Node, result: Object, key: str, patch: Any, order: list[Any] | None) -> None:
    current = result.get(key)
    if patch is None:
        result.pop(key, None)
    elif isinstance(patch, dict) and node.kind in ("struct", "map", "any"):
        result[key] = strategic_patch(node, current, patch)
    elif isinstance(patch, list) and "merge" in node.strategies and node.item:
        merged = _merge_list(node, list(current or ()), patch)
        result[key] = _arrange(node, merged, list(current or ()), patch if order is None else order)
    else:
        result[key] = patch


def _merge_list(node: Node, items: list[Any], patch: list[Any]) -> list[Any]:
    if not node.merge_key:
        return items + [each for each in patch if each not in items]
    key = node.merge_key
    if any(each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if "$patch" not in each]
    for each in patch:
        if key not in each:
            shown = " ".join(f"{name}:{value}" for name, value in sorted(each.items()))
            message = f"map: map[{shown}] does not contain declared merge key: {key}"
            raise StatusError(500, "InternalError", message)
        at = next((n for n, item in enumerate(items) if item.get(key) == each[key]), None)
        if each.get("$patch") == "delete":
            items = [item for item in items if item.get(key) != each[key]]
        elif at is None:
            items = [*items, strategic_patch(node.item or ANY, {}, each)]
        else:
            items = [*items[:at], strategic_patch(node.item or ANY, items[at], each), *items[at + 1 :]]
    return items


def _arrange(node: Node, items: list[Any], before: list[Any], order: list[Any]) -> list[Any]:
    """The patch's items in the patch's order, merged with those that only the server has, in the server's order.

    (`mergeSortedSlice` of `k8s.io/apimachinery/pkg/util/strategicpatch`)
    """
    named = [_identity(node, each) for each in order]
    server = [_identity(node, each) for each in before]
    right = [each for each in items if _identity(node, each) in named]
    right.sort(key=lambda each: named.index(_identity(node, each)))
    left = [each for each in items if _identity(node, each) not in named]
    arranged: list[Any] = []
    while left and right:
        first, second = _identity(node, left[0]), _identity(node, right[0])
        known = first in server and second in server
        arranged.append((left if known and server.index(first) < server.index(second) else right).pop(0))
    return arranged + left + right


def _identity(node: Node, item: Any) -> Any:
    return item.get(node.merge_key) if isinstance(item, dict) and node.merge_key else item
