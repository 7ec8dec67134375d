"""The steps of a plan as they are put together, and how long they take by their own past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from console.model.plan import ObjectChange, Step, StepKind

# Steps whose length matters: without their past, nothing is said about the whole.
_LONG = frozenset({StepKind.PROVISION, StepKind.BUILD, StepKind.PUSH, StepKind.WAIT, StepKind.EFFECTIVE})


class Steps:
    """Steps, each behind those it needs; a need for a step that there is no occasion for is left out.

    Args:
        past: seconds that steps took in the past, by step id.
    """

    def __init__(self, past: Mapping[str, tuple[float, ...]]) -> None:
        self._past = past
        self._steps: dict[str, Step] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all steps so far."""
        return tuple(self._steps)

    @property
    def all(self) -> tuple[Step, ...]:
        """All steps so far."""
        return tuple(self._steps.values())

    def __contains__(self, step_id: str) -> bool:
        return step_id in self._steps

    def add(
        self,
        step_id: str,
        kind: StepKind,
        title: str,
        *,
        service: str = "",
        needs: Iterable[str] = (),
        changes: Sequence[ObjectChange] = (),
        timeout: float | None = None,
    ) -> None:
        """Adds a step; it takes as long as the median of its past."""
        present = tuple(dict.fromkeys(need for need in needs if need in self._steps))
        past = self._past.get(step_id)
        expected = median(past) if past else None
        self._steps[step_id] = Step(step_id, kind, title, service, present, tuple(changes), expected, timeout)


def critical_path(steps: Sequence[Step]) -> float | None:
    """Seconds of the longest chain of steps that wait for one another; None if a long one has no past."""
    if not steps or any(step.kind in _LONG and step.expected_seconds is None for step in steps):
        return None
    ends: dict[str, float] = {}
    for step in steps:
        started = max((ends[need] for need in step.needs), default=0.0)
        ends[step.id] = started + (step.expected_seconds or 0.0)
    return max(ends.values()) or None
