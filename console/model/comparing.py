"""What lies between two releases: objects that came, went or differ, field by field; Secrets masked. Pure."""

from __future__ import annotations

from console.model.changes import Redact
from console.model.diff import field_changes, object_differences
from console.model.plan import ChangeKind, FieldChange, ObjectChange, ObjectRef
from console.model.release import Release
from console.model.stack import JSON, SERVICE_LABEL


def release_changes(before: Release, after: Release, redact: Redact) -> tuple[ObjectChange, ...]:
    """The objects that differ, by kind and name.

    Args:
        before: what is compared with.
        after: what came of it.
        redact: masks sensitive values in text that is shown.
    """
    old = {ObjectRef.of(body): body for body in before.objects}
    new = {ObjectRef.of(body): body for body in after.objects}
    refs = sorted({*old, *new}, key=lambda ref: (ref.kind, ref.namespace, ref.name))
    found = (_change(ref, old.get(ref), new.get(ref), redact) for ref in refs)
    return tuple(change for change in found if change.kind is not ChangeKind.UNCHANGED)


def _change(ref: ObjectRef, old: JSON | None, new: JSON | None, redact: Redact) -> ObjectChange:
    service = str(((new or old or {})["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))
    if new is None:
        return ObjectChange(ref, service, ChangeKind.DELETE)
    fields: list[FieldChange] = []
    for difference in object_differences(new, old, new):
        fields += field_changes(difference, ref.kind == "Secret", redact)
    kind = ChangeKind.CREATE if old is None else ChangeKind.UPDATE if fields else ChangeKind.UNCHANGED
    return ObjectChange(ref, service, kind, tuple(fields))
