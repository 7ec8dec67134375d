"""The plan of an edit ends with seeing that the pods have it: what they report, and how many seconds it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from console.model.operations import Configure
from console.model.plan import ChangeKind, ObjectChange, Plan, Step, StepKind
from console.model.steps import critical_path

EFFECTIVE = "effective"
"""The id of the step."""
_FIRST = "config"
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
        said = ", ".join(parts) or "no pod that runs has to take it up"
        return (f"effective in {self.seconds:.1f} s: " if self.seconds is not None and parts else "") + said + why


def with_effect(plan: Plan, edit: Configure, past: Mapping[str, tuple[float, ...]]) -> Plan:
    """The plan of an edit with that step, before the release is recorded; what is edited is nobody else's any more.

    The edit itself is sent before all else: pods that are made anew before it would start with what was.
    """
    steps = [replace(step, changes=tuple(_ours(change, edit) for change in step.changes)) for step in plan.steps]
    edited = next((change for change in plan.changes if change.ref == edit.ref), None)
    if edited is None:
        return replace(plan, steps=tuple(steps))
    first = Step(_FIRST, StepKind.APPLY, f"apply {edit.ref}", edited.service, changes=(_ours(edited, edit),))
    steps = _behind(first, steps)
    needs = tuple(step.id for step in steps if step.kind in _NEEDED)
    took = past.get(EFFECTIVE)
    title = f"see that the pods have {edit.ref}"
    effective = Step(EFFECTIVE, StepKind.EFFECTIVE, title, needs=needs, expected_seconds=median(took) if took else None)
    last = next(index for index, step in enumerate(steps) if step.kind is StepKind.RECORD)
    record = replace(steps[last], needs=(*steps[last].needs, EFFECTIVE))
    steps[last:] = [effective, record, *steps[last + 1 :]]
    return replace(plan, steps=tuple(steps), expected_seconds=critical_path(steps))


def _behind(first: Step, steps: Sequence[Step]) -> list[Step]:
    """The steps with one that comes before all others that change something; it takes what it changes from them."""
    opening = [step for step in steps if step.kind is StepKind.PREFLIGHT]
    found = [replace(first, needs=tuple(step.id for step in opening))]
    refs, gone = {change.ref for change in first.changes}, set()
    for step in steps:
        left = tuple(change for change in step.changes if change.ref not in refs)
        if step.kind is StepKind.APPLY and all(change.kind is ChangeKind.UNCHANGED for change in left):
            gone.add(step.id)
        elif step.kind is not StepKind.PREFLIGHT:
            needs = (*step.needs, first.id) if step.kind is StepKind.APPLY else step.needs
            found.append(replace(step, needs=needs, changes=left))
    renamed = [tuple(dict.fromkeys(first.id if need in gone else need for need in step.needs)) for step in found]
    return [*opening, *(replace(step, needs=needs) for step, needs in zip(found, renamed, strict=True))]


def _ours(change: ObjectChange, edit: Configure) -> ObjectChange:
    """A change without the drift that the edit itself is about."""
    if change.ref != edit.ref:
        return change
    fields = {f"data.{key}" for key in edit.values}
    # Text of several lines is told line by line: `data.KEY:LINE`.
    drift = (each for each in change.drift if not {each.path, each.path.rpartition(":")[0]} & fields)
    return replace(change, drift=tuple(drift))
