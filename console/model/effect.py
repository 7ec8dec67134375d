"""The plan of an edit ends with seeing that the pods have it: what they report, and how many seconds it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median

from console.model.operations import Configure
from console.model.plan import ObjectChange, Plan, Step, StepKind
from console.model.steps import critical_path

EFFECTIVE = "effective"
"""The id of the step."""
_NEEDED = frozenset({StepKind.APPLY, StepKind.WAIT})


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of an edit: seconds until all pods had it, and how that is known.

    `by` counts pods: "environment", "file", "start time", or "unproven" where nobody can say; `seconds` is None then.
    """

    seconds: float | None
    pods: int
    by: tuple[tuple[str, int], ...]
    why: str = ""

    @property
    def unproven(self) -> int:
        """Pods of which nobody can say whether they have it."""
        return dict(self.by).get("unproven", 0)

    def __str__(self) -> str:
        counts = dict(self.by)
        unproven, started = counts.pop("unproven", 0), counts.pop("start time", 0)
        reports = ", ".join(f"{count} by {how}" for how, count in counts.items())
        parts = [f"{sum(counts.values())} of {self.pods} pods report it ({reports})"] if counts else []
        parts += [f"{started} of {self.pods} pods started since"] if started else []
        parts += [f"of {unproven} of {self.pods} pods nobody can say when they take it up"] if unproven else []
        why = f" ({self.why})" if self.why else ""
        said = ", ".join(parts) or "no pod that runs reads it"
        return (f"effective in {self.seconds:.1f} s: " if self.seconds is not None and parts else "") + said + why


def with_effect(plan: Plan, edit: Configure, past: Mapping[str, tuple[float, ...]]) -> Plan:
    """The plan of an edit with that step, before the release is recorded; what is edited is nobody else's any more."""
    steps = [replace(step, changes=tuple(_ours(change, edit) for change in step.changes)) for step in plan.steps]
    if not any(change.ref == edit.ref for change in plan.changes):
        return replace(plan, steps=tuple(steps))
    needs = tuple(step.id for step in steps if step.kind in _NEEDED)
    took = past.get(EFFECTIVE)
    title = f"see that the pods have {edit.ref}"
    effective = Step(EFFECTIVE, StepKind.EFFECTIVE, title, needs=needs, expected_seconds=median(took) if took else None)
    last = next(index for index, step in enumerate(steps) if step.kind is StepKind.RECORD)
    record = replace(steps[last], needs=(*steps[last].needs, EFFECTIVE))
    steps[last:] = [effective, record, *steps[last + 1 :]]
    return replace(plan, steps=tuple(steps), expected_seconds=critical_path(steps))


def _ours(change: ObjectChange, edit: Configure) -> ObjectChange:
    """A change without the drift that the edit itself is about."""
    if change.ref != edit.ref:
        return change
    fields = {f"data.{key}" for key in edit.values}
    # Text of several lines is told line by line: `data.KEY:LINE`.
    drift = (each for each in change.drift if not {each.path, each.path.rpartition(":")[0]} & fields)
    return replace(change, drift=tuple(drift))
