"""The acceptance report as data: findings, how requests fared meanwhile, the trend, and what became worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from console.model.load import Load, LoadSecond
from console.model.outcome import Outcome
from console.model.verify.check import Finding, Result
from console.model.verify.observed import PastDeploy
from console.model.wording import number

MARGIN = 0.25
"""How much larger a figure may be than in the baseline, where nobody says otherwise."""
_FLOORS = {"s": 2.0}
"""By unit: what is smaller than this differs by chance."""


@dataclass(frozen=True, slots=True)
class LoadCourse:
    """How requests fared while something was done: `title` says what; `by_second` is for a chart."""

    title: str
    load: Load
    by_second: tuple[LoadSecond, ...] = ()


@dataclass(frozen=True, slots=True)
class PastRun:
    """An earlier verification: its figures by check, those of the checks that were made."""

    run_id: str
    at: float
    figures: Mapping[str, float]
    failed: int = 0


@dataclass(frozen=True, slots=True)
class AcceptanceReport:
    """What a verification found.

    Attributes:
        run_id: names it in the journal.
        cluster: where it was: context, server and identity.
        release: the release that was verified.
        started: in seconds since the epoch.
        seconds: how long it took.
        findings: one for each check that was asked for.
        deploy: the full deploy that SC-001 goes by.
        courses: requests while the stack was disturbed.
        trend: earlier verifications, the oldest first.
        deploys: earlier full deploys, the oldest first.
        baseline: the run that this one is compared with, empty if none.
        margin: how much worse a figure may be than there.
        regressions: what is worse than that, in words.
        left: what could not be put back as it was, in words; empty if all is.
    """

    run_id: str
    stack: str
    target: str
    cluster: str
    release: int
    started: float
    seconds: float
    findings: tuple[Finding, ...]
    deploy: PastDeploy | None = None
    courses: tuple[LoadCourse, ...] = ()
    trend: tuple[PastRun, ...] = ()
    deploys: tuple[PastDeploy, ...] = ()
    baseline: str = ""
    margin: float = MARGIN
    regressions: tuple[str, ...] = ()
    left: tuple[str, ...] = field(default=())

    def count(self, result: Result) -> int:
        """How many findings have this result."""
        return sum(finding.result is result for finding in self.findings)

    @property
    def outcome(self) -> Outcome:
        """DONE only if something was found to be as it should be, and nothing not to be."""
        bad = self.count(Result.FAILED) or self.regressions or self.left
        return Outcome.VERIFY if bad or not self.count(Result.PASSED) else Outcome.DONE

    @property
    def headline(self) -> str:
        """The result in one line."""
        counts = [f"{self.count(each)} {each.value}" for each in Result]
        worse = (
            f"; worse than run {self.baseline}: {number(len(self.regressions), 'check')}" if self.regressions else ""
        )
        left = "; the stack is not as it was" if self.left else ""
        return f"{self.stack} on {self.target}: {', '.join(counts)}{worse}{left}"


def regressions(
    now: Sequence[Finding], before: Mapping[str, Finding], margin: float, *, disturbed: bool
) -> tuple[str, ...]:
    """What is worse than in the baseline, in words.

    Args:
        now: the findings of this run.
        before: those of the baseline, by check.
        margin: how much larger a figure may be, as a share of the one before.
        disturbed: whether checks that disturb were asked for; if not, those are not missed.
    """
    found = []
    for finding in now:
        was = before.get(finding.id)
        if was is None or (finding.disturbs and not disturbed):
            continue
        if was.result is Result.PASSED and finding.result is not Result.PASSED:
            found.append(f"{finding.id}: {finding.result.value}, and passed before")
        elif was.figure is not None and finding.figure is not None and _worse(finding, was.figure, margin):
            found.append(f"{finding.id}: {finding.measured}, and {was.figure:g} {was.unit} before")
    return tuple(found)


def _worse(finding: Finding, before: float, margin: float) -> bool:
    assert finding.figure is not None
    more = finding.figure - before
    return more > before * margin and more > _FLOORS.get(finding.unit, 0.0)
