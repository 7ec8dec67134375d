"""What deleting an object means: at once, after its grace period, or after its finalizers.

Rules: `k8s.io/apiserver/pkg/registry/rest/delete.go`, and the pod strategy for grace periods.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from console.sandbox.api import errors, requests, times
from console.sandbox.api.resources import Object, Resource
from console.sandbox.store import copy

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class Deletion:
    """One request to delete one object.

    Args:
        kind: the object's kind.
        obj: its current state.
        grace: the seconds asked for, or None for the object's own.
        propagation: what becomes of the dependents.
    """

    def __init__(self, kind: Resource, obj: Object, *, grace: int | None, propagation: str | None) -> None:
        if propagation not in (None, "Background", "Foreground", "Orphan"):
            why = f'Unsupported value: "{propagation}": supported values: "Foreground", "Background", "Orphan", "nil"'
            problem = errors.FieldError("FieldValueNotSupported", "propagationPolicy", why)
            raise requests.invalid_options("delete", problem)
        self._kind = kind
        self._obj = obj
        self._metadata = obj["metadata"]
        self._grace = self._effective_grace(grace) if kind.name == "pods" else 0
        self._finalizers = self._wanted_finalizers(propagation)

    def _effective_grace(self, asked: int | None) -> int:
        spec = self._obj.get("spec", {})
        if not spec.get("nodeName") or self._obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        grace = spec.get("terminationGracePeriodSeconds", 30) if asked is None else max(asked, 0)
        if self._metadata.get("deletionTimestamp"):
            current: int = self._metadata.get("deletionGracePeriodSeconds", 0)
            return current if asked is None else min(grace, current)
        return int(grace)

    def _wanted_finalizers(self, propagation: str | None) -> list[str]:
        kept = [each for each in self._metadata.get("finalizers", ()) if each not in (FOREGROUND, ORPHAN)]
        if propagation == "Foreground":
            return [*kept, FOREGROUND]
        if propagation == "Orphan":
            return [*kept, ORPHAN]
        return kept if propagation else list(self._metadata.get("finalizers", ()))

    def check(self, uid: str | None, version: str | None) -> None:
        """Compares with the request's preconditions.

        Raises:
            StatusError: 409, the object is another one by now.
        """
        for label, wanted, actual in (
            ("UID", uid, self._metadata["uid"]),
            ("ResourceVersion", version, self._metadata["resourceVersion"]),
        ):
            if wanted and wanted != actual:
                why = (
                    f"the {label} in the precondition ({wanted}) does not match the {label} in record ({actual}). "
                    f"The object might have been {'deleted and then recreated' if label == 'UID' else 'modified'}"
                )
                named = Resource(self._kind.kind, self._kind.kind, self._kind.group)
                raise errors.conflict(named, self._metadata["name"], why)

    @property
    def immediate(self) -> bool:
        """Nothing has to pass before the object goes."""
        own = self._obj.get("spec", {}).get("finalizers") if self._kind.name == "namespaces" else None
        return not (self._grace or self._finalizers or own)

    def mark(self, now: datetime) -> Object:
        """The object with its deletion written down: when, with how much grace, waiting for which finalizers."""
        marked = copy(self._obj)
        metadata = marked["metadata"]
        if not metadata.get("deletionTimestamp"):
            if metadata.get("generation"):
                metadata["generation"] += 1
            metadata["deletionTimestamp"] = times.time(now + timedelta(seconds=self._grace))
        elif self._grace < metadata.get("deletionGracePeriodSeconds", 0):
            metadata["deletionTimestamp"] = times.time(now + timedelta(seconds=self._grace))
        if self._kind.name != "namespaces":
            metadata["deletionGracePeriodSeconds"] = self._grace
        metadata.pop("finalizers", None)
        if self._finalizers:
            metadata["finalizers"] = self._finalizers
        if self._kind.name == "namespaces":
            marked.setdefault("status", {})["phase"] = "Terminating"
        return marked


def pending(obj: Object) -> bool:
    """Whether something has to pass before an object that is marked for deletion can go."""
    metadata = obj["metadata"]
    own = obj.get("spec", {}).get("finalizers") if obj["kind"] == "Namespace" else None
    return bool(metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds") or own)


def delete_options(body: object, query: Mapping[str, str]) -> Object:
    """`DeleteOptions` of a request's body or query, as arguments for `Machinery.delete`.

    Raises:
        StatusError: 400, they make no sense.
    """
    given = body if isinstance(body, dict) else {}
    preconditions = given.get("preconditions") or {}
    grace = given.get("gracePeriodSeconds")
    propagation = given.get("propagationPolicy") or query.get("propagationPolicy")
    if propagation is None and given.get("orphanDependents") is not None:
        propagation = "Orphan" if given["orphanDependents"] else "Background"
    return {
        "grace": requests.number(query, "gracePeriodSeconds") if grace is None else grace,
        "propagation": propagation,
        "uid": preconditions.get("uid"),
        "version": preconditions.get("resourceVersion"),
        "dry_run": requests.dry_run(query, "delete") or given.get("dryRun") == ["All"],
    }
