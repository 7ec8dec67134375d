"""Pods that read configuration as environment are marked with a checksum of it: what changes it makes them anew."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from console.model.plan import ObjectRef
from console.model.podspec import pod_template
from console.model.references import Reference, Use, references
from console.model.stack import CHECKSUM_ANNOTATION, JSON

UNREADABLE: JSON = {}
"""Stands for a live object that is there, but may not be read."""


def set_checksum(body: JSON, key: str, sources: Mapping[ObjectRef, JSON], live: JSON | None) -> None:
    """Marks the pods of a workload with a checksum of all that they read as environment; no mark if they read nothing.

    Args:
        body: the object, changed in place.
        key: hexadecimal key of the checksum; where it is empty, the live one is kept.
        sources: ConfigMaps and Secrets by reference, `UNREADABLE` for those that may not be read.
        live: the object as it is in the cluster.
    """
    template = pod_template(body)
    used = [each for each in references(body) if each.use is Use.ENVIRONMENT]
    if template is None or not used:
        return
    known = key and not any(sources.get(each.ref) is UNREADABLE for each in used)
    checksum = _checksum(used, key, sources) if known else _live_checksum(live)
    if checksum:
        meta = template.setdefault("metadata", {})
        meta["annotations"] = {**(meta.get("annotations") or {}), CHECKSUM_ANNOTATION: checksum}


def secret_values(body: JSON) -> dict[str, str]:
    """The values of a Secret in base64, those of `stringData` included (they win, as the API has it)."""
    plain = {key: encoded(str(value)) for key, value in (body.get("stringData") or {}).items()}
    return {**(body.get("data") or {}), **plain}


def encoded(value: str) -> str:
    """A text in base64, as Secrets hold it."""
    return base64.b64encode(value.encode()).decode()


def _checksum(used: Sequence[Reference], key: str, sources: Mapping[ObjectRef, JSON]) -> str:
    """HMAC-SHA256, shortened to 128 bits, of every key and value that is read; a missing one counts as well."""
    read = sorted({(each.ref.kind, each.ref.name, *pair) for each in used for pair in _values(each, sources)})
    text = json.dumps(read, separators=(",", ":"))
    return hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).hexdigest()[:32]


def _values(reference: Reference, sources: Mapping[ObjectRef, JSON]) -> list[tuple[str, str]]:
    body = sources.get(reference.ref) or {}
    values = secret_values(body) if reference.ref.kind == "Secret" else body.get("data") or {}
    # A value is marked, so that an empty one differs from none.
    marked = {key: f"={value}" for key, value in values.items()}
    return [(reference.key, marked.get(reference.key, ""))] if reference.key else list(marked.items())


def _live_checksum(live: JSON | None) -> str:
    template = pod_template(live) if live else None
    annotations = ((template or {}).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(CHECKSUM_ANNOTATION, ""))
