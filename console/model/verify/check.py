"""A check and what came of it. Every criterion of the catalogue is told, also one that could not be checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SHOWN = 20
"""Lines of evidence that are kept of one check; how many more there were is told."""


class Result(StrEnum):
    """What came of a check. What was not made never counts as passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MADE = "not made"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check.

    Attributes:
        id: the check.
        criterion: what it belongs to, like `SC-001`.
        title: what is to be so, in words.
        method: how it was found out.
        result: passed, failed or not made.
        figure: what was measured, in `unit`; None where nothing was.
        threshold: what the figure may be at most.
        evidence: what was seen, in lines; never a value of a Secret.
        reason: why it was not made; empty if it was.
        disturbs: whether it changes the stack for a while.
    """

    id: str
    criterion: str
    title: str
    unit: str
    method: str
    result: Result
    figure: float | None = None
    threshold: float | None = None
    evidence: tuple[str, ...] = ()
    reason: str = ""
    disturbs: bool = False

    @property
    def measured(self) -> str:
        """The figure and its bound, in words: `12.3 of 300 s`, `0 failed requests`; `-` where nothing was measured."""
        if self.figure is None:
            return "-"
        bound = f" of {_short(self.threshold)}" if self.threshold else ""
        return f"{_short(self.figure)}{bound} {self.unit}"


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the catalogue; fields as in `Finding`."""

    id: str
    criterion: str
    title: str
    unit: str
    method: str
    disturbs: bool = False

    def at_most(
        self, figure: float, threshold: float, evidence: Iterable[str] = (), *, ok: bool | None = None
    ) -> Finding:
        """Passed if the figure does not exceed the threshold, or as `ok` says where more than that counts."""
        passed = figure <= threshold if ok is None else ok
        result = Result.PASSED if passed else Result.FAILED
        return self._finding(result, round(figure, 3), threshold, evidence)

    def none_wrong(self, wrong: Iterable[str], looked: str) -> Finding:
        """Passed if nothing is wrong; `looked` says at how much was looked."""
        lines = tuple(wrong)
        return self.at_most(len(lines), 0, (*lines, looked))

    def not_made(self, reason: str, evidence: Iterable[str] = ()) -> Finding:
        """It could not be made, and why."""
        return self._finding(Result.NOT_MADE, None, None, evidence, reason)

    def _finding(
        self, result: Result, figure: float | None, threshold: float | None, evidence: Iterable[str], reason: str = ""
    ) -> Finding:
        lines = tuple(evidence)
        more = (f"and {len(lines) - SHOWN} more",) if len(lines) > SHOWN else ()
        return Finding(
            *(self.id, self.criterion, self.title, self.unit, self.method, result),
            figure=figure,
            threshold=threshold,
            evidence=(*lines[:SHOWN], *more),
            reason=reason,
            disturbs=self.disturbs,
        )


def _short(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}".rstrip("0")
