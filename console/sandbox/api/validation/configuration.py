"""Rules for ConfigMaps and Secrets (`pkg/apis/core/validation`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from console.sandbox.api.errors import FieldError, forbidden_field, invalid, required, too_long
from console.sandbox.api.resources import Object
from console.sandbox.api.validation import names
from console.sandbox.api.validation.metadata import IMMUTABLE

LARGEST = 1024 * 1024
_NEEDED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_FIXED = "field is immutable when `immutable` is set"


def config_map(obj: Object) -> Iterator[FieldError]:
    """A ConfigMap."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for field, values in (("data", data), ("binaryData", binary)):
        for key in values:
            yield from (invalid(f"{field}[{key}]", key, why) for why in names.config_key(key))
    for key in data.keys() & binary.keys():
        yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    if (
        sum(len(each.encode()) for each in data.values()) + sum(len(each) * 3 // 4 for each in binary.values())
        > LARGEST
    ):
        yield too_long("", LARGEST)


def immutable(new: Object, old: Object) -> Iterator[FieldError]:
    """Nothing of an immutable one changes."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield forbidden_field("immutable", _FIXED)
    for field in ("data", "binaryData"):
        if new.get(field) != old.get(field):
            yield forbidden_field(field, _FIXED)


def secret(obj: Object) -> Iterator[FieldError]:
    """A Secret, with the keys that its type needs."""
    data = obj.get("data") or {}
    for key in data:
        yield from (invalid(f"data[{key}]", key, why) for why in names.config_key(key))
    if sum(len(each) * 3 // 4 for each in data.values()) > LARGEST:
        yield too_long("data", LARGEST)
    kind = obj.get("type", "")
    for key in _NEEDED.get(kind, ()):
        if key not in data:
            yield required(f"data[{key}]")
        elif kind.startswith("kubernetes.io/dockerc"):
            yield from _is_json(data[key], f"data[{key}]")
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield required("data[username]")
        yield required("data[password]")


def _is_json(encoded: str, path: str) -> Iterator[FieldError]:
    try:
        json.loads(base64.b64decode(encoded))
    except ValueError:
        yield invalid(path, "<secret contents redacted>", "invalid character in the JSON document")


def secret_update(new: Object, old: Object) -> Iterator[FieldError]:
    """A Secret keeps its type; an immutable one keeps everything."""
    if new.get("type") != old.get("type"):
        yield invalid("type", new.get("type"), IMMUTABLE)
    yield from immutable(new, old)
