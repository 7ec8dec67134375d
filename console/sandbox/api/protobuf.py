"""Request bodies in protobuf, which typed Go clients (`kubectl create`, `drain`, `auth can-i`) send without asking.

The envelope is `k8s`, a zero byte and a runtime.Unknown (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).
Answers are JSON, which the same clients accept.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from console.sandbox.api import schema, times
from console.sandbox.api.errors import bad_request
from console.sandbox.api.resources import Object
from console.sandbox.api.schema import ANY, Node

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_Value = int | bytes


def decode(body: bytes) -> Object:
    """The object in a request's body, as the JSON form of it would be.

    Raises:
        StatusError: 400, it cannot be read, or is of a kind that is not known.
    """
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        head = {number: _text(value) for number, value in _fields(_bytes(envelope[1]))}
        group, _, version = head[1].rpartition("/")
        node = schema.root(group, version, head[2])
        return {"apiVersion": head[1], "kind": head[2]} | _message(node, _bytes(envelope.get(2, b"")))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise bad_request(f"error decoding the protobuf body: {type(error).__name__}: {error}") from None


@cache
def _numbers() -> dict[str, dict[str, str]]:
    packed = (files("console.sandbox.api") / "field-numbers.json.gz").read_bytes()
    found: dict[str, dict[str, str]] = msgspec.json.decode(gzip.decompress(packed))
    return found


def _struct(name: str) -> str:
    """`io.k8s.api.core.v1.PodSpec` -> `core.v1.PodSpec`."""
    return ".".join(name.rsplit(".", 3)[-3:])


# -- the wire


def _fields(data: bytes) -> Iterator[tuple[int, _Value]]:
    """Numbers and raw values (https://protobuf.dev/programming-guides/encoding)."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if size is None:
            if kind != 2:
                raise ValueError(f"wire type {kind}")
            size, at = _varint(data, at)
        if at + size > len(data):
            raise ValueError("unexpected end")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _bytes(value: _Value) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a number where bytes are expected")
    return value


def _text(value: _Value) -> str:
    return _bytes(value).decode()


def _signed(value: _Value) -> int:
    if not isinstance(value, int):
        raise TypeError("bytes where a number is expected")
    return value - (1 << 64) if value >= 1 << 63 else value


# -- messages


def _message(node: Node, data: bytes, struct: str = "") -> Object:
    """A struct. `struct` names an inlined one, whose fields lie in the node of the struct around it."""
    numbers = _numbers()[struct or _struct(node.name)]
    result: Object = {}
    for number, value in _fields(data):
        name = numbers.get(str(number), "")
        if name.startswith("="):
            result |= _message(node, _bytes(value), name[1:])
        elif name:
            _field(node, result, name, value)
    return result


def _field(node: Node, result: Object, name: str, value: _Value) -> None:
    key = name.rstrip("?")
    inside = schema.child(node, key) or ANY
    if inside.kind == "list":
        result.setdefault(key, []).append(_value(inside.item or ANY, value))
    elif inside.kind == "map":
        entry = dict(_fields(_bytes(value)))
        result.setdefault(key, {})[_text(entry.get(1, b""))] = _map_value(inside.item or ANY, entry.get(2))
    else:
        found = _value(inside, value)
        if found is not None and not (name.endswith("?") and found in ("", 0, False)):
            result[key] = found


def _map_value(node: Node, value: _Value | None) -> Any:
    if node.kind == "list":
        return [_value(node.item or ANY, each) for _, each in _fields(_bytes(value or b""))]
    if value is None:
        return "" if node.kind == "string" else None
    return _value(node, value)


def _value(node: Node, value: _Value) -> Any:
    if node.kind == "struct":
        return _message(node, _bytes(value))
    if node.kind == "quantity":
        return _text(dict(_fields(_bytes(value))).get(1, b"0"))
    if node.kind == "int-or-string":
        parts = dict(_fields(_bytes(value)))
        return _text(parts.get(3, b"")) if parts.get(1) else _signed(parts.get(2, 0))
    if node.kind == "any":
        raw = _bytes(dict(_fields(_bytes(value))).get(1, b""))
        return json.loads(raw) if raw else None
    if node.kind == "boolean":
        return bool(value)
    if node.kind == "integer":
        return _signed(value)
    return _moment(node, value) if node.format == "date-time" else _string(node, value)


def _string(node: Node, value: _Value) -> str:
    return base64.b64encode(_bytes(value)).decode() if node.format == "byte" else _text(value)


def _moment(node: Node, value: _Value) -> str | None:
    parts = dict(_fields(_bytes(value)))
    seconds, nanoseconds = _signed(parts.get(1, 0)), _signed(parts.get(2, 0))
    if not parts:
        return None
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
    return times.micro_time(moment) if node.name == _META + "MicroTime" else times.time(moment)
