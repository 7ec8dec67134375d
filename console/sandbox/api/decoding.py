"""From what a client sent to an object of its kind: types checked, unknown fields reported and dropped, nulls left out.

Texts are those of Kubernetes' decoder (Go's `encoding/json` and `sigs.k8s.io/json` in strict mode).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from console.sandbox.api import protobuf, quantity, schema
from console.sandbox.api.errors import StatusError, bad_request
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.schema import Node

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_EMPTY = object()
_PYTHON = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}
_GO = {"boolean": "bool", "integer": "int64", "number": "float64", "string": "string"}


@dataclass(slots=True)
class _Pass:
    """One walk over an object: what it found unknown."""

    unknown: list[str] = field(default_factory=list)

    def value(self, node: Node, value: Any, path: str, owner: str) -> Any:
        if node.kind == "any":
            return value
        if node.kind == "struct":
            return self._struct(node, _expect(dict, node, value, path, owner), path)
        if node.kind == "map" and node.item:
            item = node.item
            given = _expect(dict, node, value, path, owner)
            kept = {key: self._map_value(item, each, path, owner) for key, each in given.items()}
            return kept or _EMPTY
        if node.kind == "list" and node.item:
            item = node.item
            given = _expect(list, node, value, path, owner)
            return [self.value(item, each, f"{path}[{n}]", owner) for n, each in enumerate(given)] or _EMPTY
        return _scalar(node, value, path, owner)

    def _map_value(self, item: Node, value: Any, path: str, owner: str) -> Any:
        if value is None:
            return "" if item.kind == "string" else value
        kept = self.value(item, value, path, owner)
        return {} if kept is _EMPTY and item.kind == "map" else [] if kept is _EMPTY else kept

    def _struct(self, node: Node, value: Object, path: str) -> Object:
        kept = {}
        for key, each in value.items():
            inside = schema.child(node, key)
            where = f"{path}.{key}" if path else key
            if inside is None:
                self.unknown.append(where)
            elif each is not None:
                converted = self.value(inside, each, where, schema.short_name(node.name).rpartition(".")[2])
                if converted is not _EMPTY:
                    kept[key] = converted
        return kept


def _expect(kind: type, node: Node, value: Any, path: str, owner: str) -> Any:
    if not isinstance(value, kind):
        raise _mismatch(node, value, path, owner)
    return value


def _scalar(node: Node, value: Any, path: str, owner: str) -> Any:
    if node.kind == "quantity":
        return _quantity(node, value, path, owner)
    if node.kind == "int-or-string":
        right = isinstance(value, (int, str)) and not isinstance(value, bool)
    else:
        right = isinstance(value, _PYTHON[node.kind]) and (node.kind == "boolean") == isinstance(value, bool)  # type: ignore[arg-type]
    if not right:
        raise _mismatch(node, value, path, owner)
    if node.format == "byte" and not _BASE64.fullmatch(value):
        wrong = next((n for n, each in enumerate(value) if not (each.isalnum() or each in "+/")), len(value))
        raise _Mismatch(f"illegal base64 data at input byte {wrong}")
    return value


def _quantity(node: Node, value: Any, path: str, owner: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _mismatch(node, value, path, owner)
    try:
        return quantity.canonical(value)
    except ValueError as error:
        raise _Mismatch(str(error)) from None


class _Mismatch(Exception):  # noqa: N818 - becomes a StatusError that names the kind
    pass


def _mismatch(node: Node, value: Any, path: str, owner: str) -> _Mismatch:
    plain = "".join(part.partition("]")[2] if "]" in part else part for part in path.split("["))
    return _Mismatch(
        f"json: cannot unmarshal {_json_type(value)} into Go struct field {owner}.{plain} of type {_go(node)}"
    )


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float):
        return f"number {value}"
    return {str: "string", int: "number", dict: "object", list: "array"}.get(type(value), "null")


def _go(node: Node) -> str:
    if node.kind == "list" and node.item:
        return f"[]{_go(node.item)}"
    if node.kind == "map" and node.item:
        return f"map[string]{_go(node.item)}"
    if node.kind in ("struct", "quantity"):
        return schema.short_name(node.name)
    return "intstr.IntOrString" if node.kind == "int-or-string" else _GO_FORMATS.get(node.format, _GO[node.kind])


_GO_FORMATS = {"int32": "int32", "int64": "int64", "date-time": "v1.Time"}


def parse_body(body: bytes, content_type: str) -> Any:
    """The object in a request: JSON, YAML or protobuf.

    Raises:
        StatusError: 400, it is none of them.
    """
    if content_type == protobuf.CONTENT_TYPE:
        return protobuf.decode(body)
    try:
        if "yaml" in content_type:
            return _plain(_LOADER(body).get_single_data())
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise bad_request(f"error decoding the body: {error}") from None


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _plain(value: Any) -> Any:
    """YAML's dates and non-string keys as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def decode(kind: Resource, obj: Any, *, strictness: str = "Ignore") -> tuple[Object, list[str]]:
    """The object as its kind knows it, and warnings about what was dropped.

    Args:
        kind: the kind that the request's path names.
        obj: what the client sent.
        strictness: the query's `fieldValidation`: `Strict`, `Warn` or `Ignore`.

    Raises:
        StatusError: 400, of another kind, wrong types, or unknown fields with `Strict`.
    """
    return decode_as(kind.group, kind.version, kind.kind, obj, strictness=strictness)


def decode_as(group: str, version: str, kind: str, obj: Any, *, strictness: str = "Ignore") -> tuple[Object, list[str]]:
    """As `decode`, for a kind that is not stored, such as Scale or Eviction."""
    api_version = f"{group}/{version}" if group else version
    if not isinstance(obj, dict):
        raise bad_request("couldn't get version/kind; json parse error: the body is not an object")
    given = (obj.get("apiVersion") or api_version, obj.get("kind") or kind)
    if given != (api_version, kind):
        raise _cannot(kind, given[0].rpartition("/")[2], f"it is a {given[1]} of {given[0]}", found=given[1])
    walk = _Pass()
    try:
        decoded: Object = walk.value(schema.root(group, version, kind), obj, "", kind)
    except _Mismatch as error:
        raise _cannot(kind, version, str(error)) from None
    problems = [f'unknown field "{path}"' for path in walk.unknown]
    if problems and strictness == "Strict":
        raise _cannot(kind, version, f"strict decoding error: {', '.join(problems)}")
    head = {"apiVersion": api_version, "kind": kind}
    return head | {key: value for key, value in decoded.items() if key not in head}, (
        problems if strictness == "Warn" else []
    )


def _cannot(kind: str, version: str, why: str, *, found: str = "") -> StatusError:
    return bad_request(f'{found or kind} in version "{version}" cannot be handled as a {kind}: {why}')
