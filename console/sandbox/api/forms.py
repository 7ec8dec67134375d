"""The forms of an answer that an `Accept` header may ask for: JSON whole, or of each object its metadata alone."""

from __future__ import annotations

import re

from console.sandbox.api.errors import StatusError
from console.sandbox.api.resources import Object

_PARTIAL = re.compile(r"as=PartialObjectMetadata(List)?\b")
_VERSION = re.compile(r"\bv=(v\w+)")
_TAKEN = ("application/json", "application/*", "*/*", "")


def check(accept: str) -> None:
    """Refuses what cannot be answered in any form that is taken.

    Raises:
        StatusError: 406.
    """
    if not any(each.partition(";")[0].strip() in _TAKEN for each in accept.split(",")):
        message = "406: Not Acceptable\n\nAvailable representations: application/json"
        raise StatusError(406, "NotAcceptable", message, {})


def partial(accept: str) -> str:
    """The version of PartialObjectMetadata that is asked for first, or empty for none."""
    first = accept.partition(",")[0]
    if not _PARTIAL.search(first):
        return ""
    found = _VERSION.search(first)
    return found[1] if found else "v1"


def metadata_of(obj: Object, version: str) -> Object:
    """An object's metadata alone."""
    head = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}"}
    return head | {"metadata": obj["metadata"]}
