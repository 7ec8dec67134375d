"""How an object of the stack is changed for a while: what is sent instead, and what brings it back exactly.

Both are server-side applies by the same field manager, so that afterwards nobody owns another field than before.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from console.model.diff import clean
from console.model.drills.calls import Send, Undo
from console.model.drills.ground import DRILL_ANNOTATION, Ground
from console.model.plan import ObjectRef
from console.model.stack import JSON, RELEASE_ANNOTATION


@dataclass(frozen=True, slots=True)
class Changed:
    """An object in another form, and its way back."""

    send: Send
    undo: Undo


def changed(ground: Ground, ref: ObjectRef, change: Callable[[JSON], object], *, renew: str = "") -> Changed:
    """An object of the stack after a change.

    Args:
        ground: what is there.
        ref: the object.
        change: changes its body.
        renew: which pods are made anew by the undo.
    """
    body = copy.deepcopy(dict(ground.bodies[ref]))
    change(body)
    live = ground.live[ref]
    digests = () if ref.kind == "Secret" else ((ref, digest(live, body)),)
    return Changed(Send(ref, body), Undo(reapply=((ref, release_mark(live)),), digests=digests, renew=renew))


def restored(body: JSON, mark: str) -> JSON:
    """The body that brings an object back: as a release has it, with the mark of the release that applied it."""
    meta = body["metadata"]
    annotations = {**(meta.get("annotations") or {}), **({RELEASE_ANNOTATION: mark} if mark else {})}
    return {**body, "metadata": {**meta, "annotations": annotations} if annotations else meta}


def marked(body: JSON, text: str) -> JSON:
    """The body with the mark of a drill."""
    meta = body["metadata"]
    return {**body, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), DRILL_ANNOTATION: text}}}


def release_mark(live: JSON) -> str:
    """The release that applied an object, empty where it has no such mark."""
    return str((live["metadata"].get("annotations") or {}).get(RELEASE_ANNOTATION, ""))


def digest(live: JSON, sent: JSON) -> str:
    """A checksum over an object, but for what the API server keeps for itself, and what an autoscaler rules."""
    kept = clean(live)
    if "spec" in kept and "replicas" not in (sent.get("spec") or {}):
        kept["spec"] = {key: value for key, value in kept["spec"].items() if key != "replicas"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def replicas_are_ours(ground: Ground, ref: ObjectRef) -> bool:
    """True where the release itself says how many pods a workload has."""
    return "replicas" in ground.bodies[ref]["spec"]
