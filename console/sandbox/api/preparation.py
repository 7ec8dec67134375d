"""Objects on their way into the store: what a request may say, and what only the server does."""

from __future__ import annotations

import random
import uuid

from console.sandbox.api import errors, times
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.validation import validate_name

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_KEPT_METADATA = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)


def suffix(length: int = 5) -> str:
    """Random letters for generated names, without vowels, as Kubernetes makes them."""
    return "".join(random.choices(_ALPHABET, k=length))  # noqa: S311 - names, not secrets


def made(kind: Resource, obj: Object) -> Object:
    """An object as it begins: named, with an identity, without what only the server may set; changes `obj`.

    Raises:
        StatusError: 422, the name is not valid.
    """
    metadata = obj.setdefault("metadata", {})
    prefix = metadata.get("generateName")
    if prefix and not metadata.get("name"):
        metadata["name"] = prefix[:58] + suffix()
    if not kind.namespaced:
        metadata.pop("namespace", None)
    validate_name(kind, metadata)
    for name in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        metadata.pop(name, None)
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": times.time()}
    if kind.generation:
        metadata["generation"] = 1
    if kind.status and kind.name != "nodes":
        obj.pop("status", None)
    return obj | {"apiVersion": kind.api_version, "kind": kind.kind}


def check_versions(kind: Resource, given: Object, old: Object) -> None:
    """A request that names a version or uid means that one.

    Raises:
        StatusError: 409, the object is another one by now.
    """
    metadata = old["metadata"]
    if given.get("resourceVersion") not in (None, "", metadata["resourceVersion"]):
        raise errors.stale(kind, metadata["name"])
    if given.get("uid") not in (None, "", metadata["uid"]):
        why = f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: {metadata['uid']}"
        raise errors.conflict(kind, metadata["name"], why)


def merged(kind: Resource, obj: Object, old: Object, subresource: str) -> Object:
    """What a request may change, on top of what it may not."""
    if subresource == "status":
        managed = obj.get("metadata", {}).get("managedFields")
        metadata = old["metadata"] | ({"managedFields": managed} if managed else {})
        kept = {key: value for key, value in old.items() if key != "status"}
        return kept | {"metadata": metadata} | ({"status": obj["status"]} if "status" in obj else {})
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _KEPT_METADATA}
    metadata |= {key: value for key, value in old["metadata"].items() if key in _KEPT_METADATA}
    new = obj | {"metadata": metadata, "apiVersion": kind.api_version, "kind": kind.kind}
    metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
    if kind.status and subresource != "binding":
        new.pop("status", None)
        new |= {"status": old["status"]} if "status" in old else {}
    if kind.name == "namespaces" and subresource != "finalize":
        new["spec"] = old["spec"]
    return new
