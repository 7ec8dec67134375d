"""Makes `console/schema/kubernetes-*.json.gz` and `stack.schema.json`: `python -m console.adapters.stackfiles.extract`.

A step of development (`make schema`): it reads the package `kubernetes-validate` and keeps of every definition what
checks manifests: fields, types, which are required, and how lists merge. A test says when a file is out of date.
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
from pathlib import Path
from typing import Any

from console.adapters.stackfiles.kubernetes import VERSION
from console.model.stackfile import json_schema

FOLDER = Path(__file__).parents[2] / "schema"
_STABLE_ONLY = ("alpha", "beta")
_SCALARS = {"string", "integer", "number", "boolean"}
_QUANTITY, _PORT = "quantity", "int-or-string"


def kubernetes_schema() -> dict[str, Any]:
    """`kinds`: definition by `apiVersion/kind`; `definitions`: required fields, and the type of each field."""
    folder = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema"
    source = (folder / f"v{VERSION}.0-local" / "_definitions.json").read_text()
    everything: dict[str, Any] = json.loads(source)["$defs"]
    kinds = {name: definition for definition, each in everything.items() for name in _kinds(definition, each)}
    kept: dict[str, Any] = {}
    wanted = list(kinds.values())
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = _definition(everything[name])
            wanted += [each for field in kept[name]["fields"].values() for each in _referred(field)]
    return {"kinds": kinds, "definitions": dict(sorted(kept.items()))}


def _kinds(definition: str, body: dict[str, Any]) -> list[str]:
    found = body.get("x-kubernetes-group-version-kind") or ()
    own = [each for each in found if len(found) == 1 and not each["kind"].endswith("List")]
    names = ["/".join(filter(None, (each["group"], each["version"], each["kind"]))) for each in own]
    return [name for name in names if "metadata" in body.get("properties", {}) and not _unstable(name)]


def _unstable(name: str) -> bool:
    return any(word in name for word in _STABLE_ONLY)


def _definition(body: dict[str, Any]) -> dict[str, Any]:
    fields = {name: _type(each) for name, each in sorted(body.get("properties", {}).items())}
    return {"required": sorted(body.get("required", ())), "fields": fields}


def _type(field: dict[str, Any]) -> Any:
    """A word for a scalar, else `{"ref": name}`, `{"list": type, "key": merge key}` or `{"map": type}`."""
    if "$ref" in field:
        return _reference(field["$ref"].rpartition("/")[2])
    kind = field.get("type", "any")
    kind = next(each for each in kind if each != "null") if isinstance(kind, list) else kind
    if kind == "array":
        key = field.get("x-kubernetes-patch-merge-key", "")
        return {"list": _type(field["items"]), **({"key": key} if key else {})}
    if kind == "object":
        return {"map": _type(field["additionalProperties"])} if field.get("additionalProperties") else "any"
    return kind if kind in _SCALARS else "any"


def _reference(name: str) -> Any:
    short = name.rpartition(".")[2]
    known = {"Quantity": _QUANTITY, "IntOrString": _PORT, "Time": "string", "MicroTime": "string", "FieldsV1": "any"}
    if short.startswith("JSON") or short == "RawExtension":
        return "any"
    return known.get(short) or {"ref": name}


def _referred(kind: Any) -> list[str]:
    if not isinstance(kind, dict):
        return []
    return [kind["ref"]] if "ref" in kind else _referred(kind.get("list", kind.get("map")))


def files() -> dict[str, bytes]:
    """The files by name, the same bytes for the same definitions."""
    packed = json.dumps(kubernetes_schema(), separators=(",", ":"), sort_keys=True).encode()
    schema = json.dumps(json_schema(), indent=2) + "\n"
    return {
        f"kubernetes-{VERSION}.json.gz": gzip.compress(packed, 9, mtime=0),
        "stack.schema.json": schema.encode(),
    }


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
