"""OpenAPI documents, v2 and v3, from the definitions: for `kubectl explain`, `apply`, `diff` and validation."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Any

from console.sandbox.api import discovery, schema, version
from console.sandbox.api.resources import Object, Resource
from console.sandbox.store import encode

_OPTIONS = ("dryRun", "fieldManager", "fieldValidation")
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


@cache
def index() -> bytes:
    """`/openapi/v3`: where the document of each group is, with a hash for caching."""
    paths = {}
    for group, versions in {"": ["v1"], **discovery.group_versions()}.items():
        for each in versions:
            path = _prefix(group, each).strip("/")
            digest = hashlib.sha256(document(group, each)).hexdigest()[:32].upper()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return encode({"paths": paths})


def _prefix(group: str, of: str) -> str:
    return f"/apis/{group}/{of}" if group else f"/api/{of}"


@cache
def document(group: str, of: str) -> bytes:
    """`/openapi/v3/apis/GROUP/VERSION`: the paths of a group and the schemas they reach."""
    paths: Object = {}
    wanted: list[str] = []
    for kind in discovery.everything():
        name = schema.name_of(kind.group, kind.version, kind.kind)
        if (kind.group, kind.version) == (group, of) and name:
            paths |= _paths(kind, name)
            wanted += [name, schema.name_of(kind.group, kind.version, f"{kind.kind}List")]
    return encode(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": version.GIT_VERSION},
            "paths": paths,
            "components": {"schemas": _wrapped(_reachable(wanted))},
        }
    )


def _reachable(wanted: list[str]) -> Object:
    every, kept = schema.definitions(), {}
    while wanted:
        name = wanted.pop()
        if name in every and name not in kept:
            kept[name] = every[name]
            wanted += re.findall(r'"#/components/schemas/([^"]+)"', encode(every[name]).decode())
    return dict(sorted(kept.items()))


def _wrapped(node: Any) -> Any:
    """References that have a description stand in `allOf`: version 3 ignores what stands beside a `$ref`."""
    if isinstance(node, list):
        return [_wrapped(each) for each in node]
    if not isinstance(node, dict):
        return node
    wrapped = {key: _wrapped(each) for key, each in node.items()}
    if len(node) > 1 and isinstance(node.get("$ref"), str):
        wrapped["allOf"] = [{"$ref": wrapped.pop("$ref")}]
    return wrapped


def _paths(kind: Resource, name: str) -> Object:
    base = _prefix(kind.group, kind.version) + ("/namespaces/{namespace}" if kind.namespaced else "") + f"/{kind.name}"
    if kind.name.endswith("reviews"):
        return {base: {"post": _operation(kind, name, "post")}}
    one = {method: _operation(kind, name, method) for method in ("get", "put", "patch", "delete")}
    listed = schema.name_of(kind.group, kind.version, f"{kind.kind}List")
    many = {"get": _operation(kind, listed, "list"), "post": _operation(kind, name, "post")}
    return {base: many, base + "/{name}": one}


def _operation(kind: Resource, name: str, method: str) -> Object:
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    answer = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    action = {"put": "update"}.get(method, method)
    operation: Object = {
        "operationId": f"{action}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.kind}",
        "parameters": [],
        "responses": {"200": {"description": "OK", "content": answer}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk,
    }
    if method in ("post", "put", "patch"):
        options = (*_OPTIONS, "force") if method == "patch" else _OPTIONS
        operation["parameters"] = [_parameter(each) for each in options]
        types = _PATCHES if method == "patch" else ("application/json",)
        body = {"type": "object"} if method == "patch" else {"$ref": f"#/components/schemas/{name}"}
        operation["requestBody"] = {"required": True, "content": {each: {"schema": body} for each in types}}
    return operation


def _parameter(name: str) -> Object:
    kind = "boolean" if name == "force" else "string"
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


@cache
def swagger() -> bytes:
    """`/openapi/v2`: all definitions in one document, with the paths that show which options the server takes."""
    paths: Object = {}
    for kind in discovery.everything():
        if name := schema.name_of(kind.group, kind.version, kind.kind):
            paths |= _paths(kind, name)
    document = {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": version.GIT_VERSION},
        "paths": {path: {method: _v2(each) for method, each in item.items()} for path, item in paths.items()},
        "definitions": schema.definitions(),
    }
    return encode(document).replace(b"#/components/schemas/", b"#/definitions/")


def _v2(operation: Object) -> Object:
    plain = {key: value for key, value in operation.items() if key != "requestBody"}
    plain["parameters"] = [{"name": each["name"], "in": "query", **each["schema"]} for each in operation["parameters"]]
    answer = operation["responses"]["200"]["content"]["application/json"]
    return plain | {"responses": {"200": {"description": "OK", "schema": answer["schema"]}}}
