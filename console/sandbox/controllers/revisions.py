"""The ReplicaSets of a Deployment: which one is the new one, their revisions, their annotations.

Rules: `pkg/controller/deployment/util/deployment_util.go`. `kubectl rollout history` and `undo` read these annotations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers.rollout import Bounds, Count
from console.sandbox.controllers.runtime import owner_reference
from console.sandbox.store import copy, encode

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    HISTORY,
    DESIRED,
    MOST,
}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object, collisions: int) -> str:
    """A short name for a pod template; `collisions` makes another one when it is taken by something else."""
    digest = hashlib.sha256(encode(_sorted(template)) + str(collisions or "").encode()).digest()
    number = str(int.from_bytes(digest[:4], "big"))
    return "".join(_ALPHABET[ord(each) % len(_ALPHABET)] for each in number)


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def same_template(left: Object, right: Object) -> bool:
    """Equal but for the hash label."""
    return _without_hash(left) == _without_hash(right)


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    kept = {key: value for key, value in metadata.items() if value and key not in ("labels", "creationTimestamp")}
    return template | {"metadata": kept | {"labels": labels}}


def oldest_first(sets: Sequence[Object]) -> list[Object]:
    """By creation, then name."""
    return sorted(
        sets, key=lambda each: (each["metadata"]["creationTimestamp"], revision(each), each["metadata"]["name"])
    )


def find_new(deployment: Object, sets: Sequence[Object]) -> Object | None:
    """The ReplicaSet whose template is the Deployment's; the oldest, should there be several."""
    template = deployment["spec"]["template"]
    return next((each for each in oldest_first(sets) if same_template(each["spec"]["template"], template)), None)


def revision(obj: Object) -> int:
    """The revision number; 0 when there is none."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def size(replica_set: Object) -> int:
    """How many pods it is to have."""
    replicas: int = replica_set["spec"].get("replicas", 1)
    return replicas


def count(replica_set: Object, key: str) -> int:
    """A number of its status, such as `availableReplicas`."""
    number: int = (replica_set.get("status") or {}).get(key, 0)
    return number


def counted(replica_set: Object) -> Count:
    """The numbers that a rollout looks at."""
    return Count(size(replica_set), count(replica_set, "availableReplicas"))


def number(replica_set: Object, annotation: str) -> int | None:
    """A number kept in an annotation."""
    text = (replica_set["metadata"].get("annotations") or {}).get(annotation, "")
    return int(text) if text.isdecimal() else None


def note_sizes(replica_set: Object, bounds: Bounds) -> None:
    """Writes down what the Deployment wanted when this ReplicaSet was last scaled."""
    annotations = replica_set["metadata"].setdefault("annotations", {})
    annotations |= {DESIRED: str(bounds.replicas), MOST: str(bounds.replicas + bounds.surge)}


def annotate(replica_set: Object, deployment: Object, wanted: int) -> None:
    """Copies the Deployment's annotations, and numbers the revision; an earlier number goes into the history."""
    annotations = replica_set["metadata"].setdefault("annotations", {})
    for key, value in (deployment["metadata"].get("annotations") or {}).items():
        if key not in _NOT_COPIED:
            annotations[key] = value
    before = revision(replica_set)
    if before < wanted:
        annotations[REVISION] = str(wanted)
        if before:
            annotations[HISTORY] = ",".join(filter(None, (annotations.get(HISTORY), str(before))))


def create(machinery: Machinery, deployment: Object, revision_number: int, replicas: int) -> Object | None:
    """Makes the new ReplicaSet; None when its name is taken by one of another template.

    Raises:
        StatusError: it cannot be made.
    """
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = copy(spec["template"])
    hashed = template_hash(template, (deployment.get("status") or {}).get("collisionCount", 0))
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels[HASH] = hashed
    selector = copy(spec["selector"])
    selector.setdefault("matchLabels", {})[HASH] = hashed
    name = f"{metadata['name']}-{hashed}"
    found = machinery.find("replicasets", metadata["namespace"], name)
    if found:
        return None
    replica_set = {
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": dict(labels),
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        replica_set["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    annotate(replica_set, deployment, revision_number)
    note_sizes(replica_set, Bounds.of(deployment))
    return machinery.create("replicasets", replica_set)
