"""What an apply does to every object, and where somebody else changed what the last release sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.model.diff import field_changes, object_differences
from console.model.fields import MISSING, Difference, conflict_text, covers, lookup, path_text
from console.model.gathered import Gathered, ObjectState
from console.model.plan import ChangeKind, FieldChange, ObjectChange

Redact = Callable[[str], str]


def object_changes(gathered: Gathered, redact: Redact) -> tuple[ObjectChange, ...]:
    """What an apply does to every declared object, unchanged ones included, in the order of `gathered.objects`."""
    last = gathered.releases[0] if gathered.releases else None
    return tuple(
        object_change(state, last.object(state.declared.ref) if last else None, redact) for state in gathered.objects
    )


def object_change(state: ObjectState, sent: object, redact: Redact) -> ObjectChange:
    """What an apply does to one object.

    Args:
        state: declared, live, and the result of a dry run.
        sent: the body that the last release sent for it, None if it was not part of it.
        redact: masks sensitive values.
    """
    declared = state.declared
    conflicts = [conflict_text(field) for field, _ in state.conflicts]
    fields: list[FieldChange] = []
    drift: list[FieldChange] = []
    for difference in object_differences(declared.body, state.live, state.result):
        told = list(field_changes(difference, declared.sensitive, redact))
        fields += told
        if state.live is not None and _drifted(difference, declared.body, sent, conflicts):
            drift += told
    updated = ChangeKind.UPDATE if fields else ChangeKind.UNCHANGED
    kind = ChangeKind.CREATE if state.live is None else updated
    declared_only = state.live is not None and state.result is None
    return ObjectChange(declared.ref, declared.service, kind, tuple(fields), tuple(drift), declared_only)


def _drifted(difference: Difference, declared: object, sent: object, conflicts: Sequence[str]) -> bool:
    """Somebody else owns the field, or its live value is no longer what the last release sent and we still want."""
    if any(covers(path_text(difference.path), conflict) for conflict in conflicts):
        return True
    wanted = lookup(declared, difference.path)
    return sent is not None and wanted is not MISSING and wanted == lookup(sent, difference.path)
