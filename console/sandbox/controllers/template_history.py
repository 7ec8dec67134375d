"""ControllerRevisions: the templates that a StatefulSet or DaemonSet has had (`pkg/controller/history`).

`kubectl rollout history` and `undo` read them.
"""

from __future__ import annotations

from collections.abc import Collection

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers.revisions import template_hash
from console.sandbox.controllers.runtime import owner_reference
from console.sandbox.store import copy

HASH = "controller-revision-hash"


def settle(machinery: Machinery, owner: Object, full_name: bool) -> Object:
    """The revision of the owner's template as it is now; made, or made the newest, where it is not.

    Args:
        machinery: the cluster.
        owner: a StatefulSet or DaemonSet.
        full_name: pods carry the revision's name (StatefulSet) instead of its hash alone (DaemonSet).
    """
    data = {"spec": {"template": copy(owner["spec"]["template"]) | {"$patch": "replace"}}}
    known = revisions(machinery, owner)
    newest = known[-1]["revision"] if known else 0
    found = next((each for each in reversed(known) if each["data"] == data), None)
    if found is None:
        return _create(machinery, owner, data, newest + 1, full_name)
    if found["revision"] == newest:
        return found

    def renumber(obj: Object) -> None:
        obj["revision"] = newest + 1

    metadata = found["metadata"]
    return machinery.mutate("controllerrevisions", metadata["namespace"], metadata["name"], renumber)


def _create(machinery: Machinery, owner: Object, data: Object, number: int, full_name: bool) -> Object:
    metadata = owner["metadata"]
    hashed = template_hash(data["spec"]["template"], (owner.get("status") or {}).get("collisionCount") or 0)
    name = f"{metadata['name']}-{hashed}"
    labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    head = {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": labels | {HASH: name if full_name else hashed},
        "ownerReferences": [owner_reference(owner)],
    }
    return machinery.create("controllerrevisions", {"metadata": head, "data": data, "revision": number})


def revisions(machinery: Machinery, owner: Object) -> list[Object]:
    """All of an owner, oldest first."""
    found = machinery.owned_by(owner["metadata"]["uid"], "controllerrevisions")
    return sorted(found, key=lambda each: each["revision"])


def mark(revision: Object) -> str:
    """What the pods of a revision carry as their label `controller-revision-hash`."""
    return str(revision["metadata"]["labels"][HASH])


def forget(machinery: Machinery, owner: Object, used: Collection[str]) -> None:
    """Removes the oldest revisions beyond `revisionHistoryLimit`; those that are `used` (by mark) stay."""
    unused = [each for each in revisions(machinery, owner) if mark(each) not in used]
    for each in unused[: max(len(unused) - owner["spec"].get("revisionHistoryLimit", 10), 0)]:
        machinery.delete("controllerrevisions", each["metadata"]["namespace"], each["metadata"]["name"])
