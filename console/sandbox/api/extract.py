"""Makes `definitions.json.gz` out of Kubernetes' OpenAPI definitions: `python -m console.sandbox.api.extract`.

A step of development: it reads the package `kubernetes-validate`, and keeps what the table of kinds can reach. The
result is committed; a test says when it is out of date.
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

from console.sandbox.api import served
from console.sandbox.api.version import MAJOR, MINOR

TARGET = Path(__file__).with_name("definitions.json.gz")

_ALSO = (
    "io.k8s.api.apps.v1.ScaleStatus",
    "io.k8s.api.authentication.v1.SelfSubjectReview",
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.api.authentication.v1.TokenReview",
    "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    "io.k8s.api.authorization.v1.SubjectAccessReview",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.core.v1.Binding",
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
)
_UNWANTED = {"enum"}


def extract() -> dict[str, Any]:
    """The definitions by name, as `components/schemas` of OpenAPI v3 has them."""
    version = f"v{MAJOR}.{MINOR}.0-local"
    source = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / version / "_definitions.json"
    everything: dict[str, Any] = json.loads(source.read_text())["$defs"]
    wanted = [name for name, each in everything.items() if _serves(each)] + [
        each for each in _ALSO if each in everything
    ]
    kept: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = _strip(everything[name])
            wanted += re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(kept[name]))
    return dict(sorted(kept.items()))


def _serves(definition: dict[str, Any]) -> bool:
    kinds = definition.get("x-kubernetes-group-version-kind", ())
    known = {(each.group, each.version, each.kind) for each in served.everything()}
    known |= {(group, version, f"{kind}List") for group, version, kind in known}
    return any((each["group"], each["version"], each["kind"]) in known for each in kinds)


def _strip(node: Any) -> Any:
    """Without lists of values, and with the types as the API declares them (the source allows null everywhere)."""
    if isinstance(node, list):
        return [_strip(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "oneOf" in node:
        types = {kind for each in node["oneOf"] for kind in each["type"] if kind != "null"}
        return {"type": "string", "format": "int-or-string"} if "integer" in types else {"type": "string"}
    kept = {key: value for key, value in node.items() if key not in _UNWANTED or isinstance(value, dict)}
    stripped = {key: _strip(value) for key, value in kept.items()}
    if isinstance(node.get("type"), list):
        stripped["type"] = next(each for each in node["type"] if each != "null")
    if "$ref" in node and isinstance(node["$ref"], str):
        stripped["$ref"] = node["$ref"].replace("#/$defs/", "#/components/schemas/")
    return stripped


def packed() -> bytes:
    """The file's bytes, the same for the same definitions."""
    return gzip.compress(json.dumps(extract(), separators=(",", ":"), sort_keys=True).encode(), 9, mtime=0)


if __name__ == "__main__":
    TARGET.write_bytes(packed())
