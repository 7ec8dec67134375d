"""The shape of every kind, from Kubernetes' own definitions: which fields there are, and how lists and maps merge."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from console.sandbox.api.resources import Resource

_PREFIX = "#/components/schemas/"
_OPAQUE = {"io.k8s.apimachinery.pkg.runtime.RawExtension", "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"}
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"

KEY_DEFAULTS = {"protocol": "TCP"}
"""What a key of a map-like list is when an item leaves it out (the definitions carry no defaults)."""


@dataclass(slots=True, eq=False)
class Node:
    """The schema of one value.

    Attributes:
        kind: `struct`, `map`, `list`, `any`, or a scalar: `string`, `integer`, `number`, `boolean`, `int-or-string`,
            `quantity`.
        name: the definition that this is, of a struct; empty where there is none.
        item: of a list or map.
        list_type: `atomic`, `set` or `map`, for server-side apply.
        keys: the fields that identify an item of a `map` list.
        merge_key: what strategic merge patch identifies items by; empty: the list is replaced.
        strategies: of strategic merge patch: `merge`, `retainKeys`, `replace`.
        atomic: owned and replaced as a whole.
        format: of a scalar: `int32`, `byte`, `date-time`.
    """

    kind: str
    name: str = ""
    item: Node | None = None
    list_type: str = "atomic"
    keys: tuple[str, ...] = ()
    merge_key: str = ""
    strategies: tuple[str, ...] = ()
    atomic: bool = False
    format: str = ""


ANY = Node("any", atomic=True)


@cache
def definitions() -> dict[str, Any]:
    """The definitions by name, in the form of OpenAPI v3's `components/schemas`."""
    packed = (files("console.sandbox.api") / "definitions.json.gz").read_bytes()
    found: dict[str, Any] = msgspec.json.decode(gzip.decompress(packed))
    return found


@cache
def _kinds() -> dict[tuple[str, str, str], str]:
    return {
        (each["group"], each["version"], each["kind"]): name
        for name, definition in definitions().items()
        for each in definition.get("x-kubernetes-group-version-kind", ())
    }


def name_of(group: str, version: str, kind: str) -> str:
    """The definition of a kind, `io.k8s.api.apps.v1.Deployment`; empty when there is none."""
    return _kinds().get((group, version, kind), "")


@cache
def _named(name: str) -> Node:
    if name in _OPAQUE:
        return ANY
    if name == QUANTITY:
        return Node("quantity", name)
    definition = definitions()[name]
    if "properties" not in definition:
        return _inline(definition, name)
    return Node("struct", name, atomic=definition.get("x-kubernetes-map-type") == "atomic")


def short_name(name: str) -> str:
    """`io.k8s.api.core.v1.PodSpec` -> `v1.PodSpec`, as Go prints the type."""
    return ".".join(name.rsplit(".", 2)[-2:])


@cache
def fields_of(name: str) -> dict[str, Node]:
    """The fields of a definition, each compiled when first asked for (definitions may contain themselves)."""
    return {key: _inline(each) for key, each in definitions()[name].get("properties", {}).items()}


def _inline(definition: dict[str, Any], name: str = "") -> Node:
    if "$ref" in definition:
        return _referred(definition)
    kind = definition.get("type", "any")
    if kind == "array":
        return Node(
            "list",
            item=_inline(definition["items"]),
            list_type=definition.get("x-kubernetes-list-type", "atomic"),
            keys=tuple(definition.get("x-kubernetes-list-map-keys", ())),
            merge_key=definition.get("x-kubernetes-patch-merge-key", ""),
            strategies=_strategies(definition),
        )
    if kind == "object":
        if "additionalProperties" not in definition:
            return ANY
        atomic = definition.get("x-kubernetes-map-type") == "atomic"
        return Node("map", item=_inline(definition["additionalProperties"]), atomic=atomic)
    form = definition.get("format", "")
    return Node("int-or-string" if form == "int-or-string" else kind, name, format=form)


def _referred(definition: dict[str, Any]) -> Node:
    target = definition["$ref"].removeprefix(_PREFIX)
    node = _named(target)
    if node.kind != "struct":
        return node
    strategies = _strategies(definition)
    atomic = node.atomic or definition.get("x-kubernetes-map-type") == "atomic"
    return Node("struct", target, atomic=atomic, strategies=strategies)


def _strategies(definition: dict[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, definition.get("x-kubernetes-patch-strategy", "").split(",")))


def child(node: Node, key: str) -> Node | None:
    """The schema of a struct's field or a map's value; None for a field that does not exist."""
    if node.kind == "struct":
        return fields_of(node.name).get(key)
    return node.item if node.kind == "map" else ANY


@cache
def root(group: str, version: str, kind: str) -> Node:
    """The schema of a kind."""
    return Node("struct", _kinds()[group, version, kind])


def of(kind: Resource) -> Node:
    """The schema of a stored kind."""
    return root(kind.group, kind.version, kind.kind)
