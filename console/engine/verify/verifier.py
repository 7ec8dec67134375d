"""One verification: the checks one after the other, told as they come, and kept in the journal like a run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from console.engine.operate import look_at_release
from console.engine.ports import EvidenceItem, RunRecord, World
from console.engine.verify.disturbing import Disturbances
from console.engine.verify.gathering import (
    EVIDENCE,
    KIND,
    Past,
    ask_ingresses,
    autoscaled,
    external_words,
    live_bodies,
    pods_of_stack,
    probed_view,
    raw_pods,
    read_findings,
    read_past,
)
from console.engine.verify.hands import Hands
from console.engine.verify.search import Search
from console.engine.work import new_run_id
from console.model.errors import ConsoleError, UsageError
from console.model.outcome import Outcome
from console.model.verify import catalogue
from console.model.verify.check import Check, Finding
from console.model.verify.declared import judge_declared
from console.model.verify.observed import judge_deploy, judge_probes, judge_ready
from console.model.verify.report import MARGIN, AcceptanceReport, regressions

if TYPE_CHECKING:
    from console.engine.seen import Seen
    from console.engine.service import Engine

Told = Callable[[Finding], None]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What is verified.

    Attributes:
        command: the command line that would repeat it.
        disruptive: whether the stack may be disturbed.
        only: the ids of the checks; all of them if empty.
        baseline: the run to compare with, or how its name begins; empty: none.
        margin: how much larger a figure may be than there, as a share.
        files: the console's own files and folders, to be searched as well.
        timeout: seconds for each wait of an operation, in place of those of its plan.
    """

    command: str
    disruptive: bool = False
    only: tuple[str, ...] = ()
    baseline: str = ""
    margin: float = MARGIN
    files: tuple[Path, ...] = ()
    timeout: float | None = None

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks that are asked for. Raises UsageError: there is no such check."""
        known = {check.id: check for check in catalogue.CATALOGUE}
        for name in self.only:
            if name not in known:
                raise UsageError(f"there is no check {name!r}", hint=f"there are: {', '.join(known)}")
        return tuple(check for check in known.values() if not self.only or check.id in self.only)


@dataclass(slots=True)
class _Made:
    """What was found so far."""

    findings: list[Finding] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)


class Verifier:
    """One verification.

    Args:
        engine: of the stack; it observes already.
        world: what is asked.
        options: what is verified.
        told: gets each finding as it comes.
    """

    def __init__(self, engine: Engine, world: World, options: VerifyOptions, told: Told) -> None:
        self._engine = engine
        self._world = world
        self._options = options
        self._told = told
        self._hands = Hands(engine, options.command, options.timeout)
        self._made = _Made()
        stack = engine.stack
        command = world.redactor.text(options.command)
        where = (stack.name, stack.target.name)
        self._record = RunRecord(new_run_id(), KIND, *where, world.clock(), command)

    async def run(self) -> AcceptanceReport:
        """The report, once every check was made.

        Raises:
            UsageError: no such check, or no such baseline.
            PreflightError: the stack was not deployed yet.
            UnreachableError: the API server does not answer.
        """
        checks, baseline = self._options.checks, await self._baseline()
        await self._world.journal.record_run(self._record)
        try:
            report = await self._verify(checks, baseline)
        except (ConsoleError, asyncio.CancelledError) as error:
            outcome = error.outcome if isinstance(error, ConsoleError) else Outcome.INTERRUPTED
            await self._keep(outcome, str(error) or outcome.meaning, 0)
            raise
        await self._keep(report.outcome, report.headline, report.release)
        return report

    async def _verify(self, checks: Sequence[Check], baseline: RunRecord | None) -> AcceptanceReport:
        began, stack = time.monotonic(), self._engine.stack
        seen = await look_at_release(stack, self._world)
        self._record = replace(self._record, cluster=str(seen.cluster or ""))
        past = await read_past(self._world, stack)
        async for finding in self._quick(checks, seen, past):
            self._take(finding)
        self._made.phases.append(("quick", round(time.monotonic() - began, 3)))
        await self._disturb([check for check in checks if check.disturbs], seen)
        findings = tuple(self._made.findings)
        before = await read_findings(self._world, baseline.run_id) if baseline else {}
        margin, disturbed = self._options.margin, self._options.disruptive
        return AcceptanceReport(
            *(self._record.run_id, stack.name, stack.target.name, self._record.cluster),
            release=seen.releases[0].number,
            started=self._record.started,
            seconds=round(time.monotonic() - began, 3),
            findings=findings,
            deploy=past.deploys[-1] if past.deploys else None,
            courses=tuple(self._hands.courses),
            trend=past.verifications,
            deploys=past.deploys,
            baseline=baseline.run_id if baseline else "",
            margin=margin,
            regressions=regressions(findings, before, margin, disturbed=disturbed),
            left=tuple(self._hands.left),
        )

    def _take(self, finding: Finding) -> None:
        """Redacted already where it goes on: the report, the journal, the screen."""
        shown = self._world.redactor.text
        evidence, reason = tuple(map(shown, finding.evidence)), shown(finding.reason)
        finding = replace(finding, evidence=evidence, reason=reason)
        self._made.findings.append(finding)
        self._told(finding)

    async def _quick(self, checks: Sequence[Check], seen: Seen, past: Past) -> AsyncIterator[Finding]:
        """The findings of the checks that touch nothing, in the order of the catalogue."""
        stack, world = self._engine.stack, self._world
        view = await probed_view(self._engine.store)
        pods, bodies = pods_of_stack(view), live_bodies(seen)
        raw = await raw_pods(world, view, stack.namespace)
        deploy = past.deploys[-1] if past.deploys else None
        found = [
            judge_deploy(deploy, stack.acceptance.deploy_within, _moment(deploy.at) if deploy else ""),
            judge_ready(pods, stack.acceptance.ready_within),
            judge_probes(pods, view.probes),
            *judge_declared(bodies, raw, external_words(stack, view)),
        ]
        made = {finding.id: finding for finding in found}
        for check in checks:
            if check == catalogue.SECRETS:
                yield await Search(stack, world, seen, view, self._options.files).run()
            elif check == catalogue.INGRESS:
                yield await ask_ingresses(world, bodies)
            elif check == catalogue.AUTOSCALER:
                yield await autoscaled(world, bodies, pods)
            elif check.id in made:
                yield made[check.id]

    async def _disturb(self, checks: Sequence[Check], seen: Seen) -> None:
        if not self._options.disruptive:
            for check in checks:
                self._take(check.not_made("it disturbs the stack: add --disruptive"))
            return
        began = time.monotonic()
        disturbances = Disturbances(self._engine, self._world, self._hands, seen.releases[0], live_bodies(seen))
        for check in checks:
            self._take(await disturbances.make(check))
        self._made.phases.append(("disruptive", round(time.monotonic() - began, 3)))

    # -- the journal

    async def _baseline(self) -> RunRecord | None:
        wanted = self._options.baseline
        if not wanted:
            return None
        runs = await self._world.journal.runs(self._engine.stack.name, 200)
        found = [run for run in runs if run.kind == KIND and run.run_id.startswith(wanted)]
        if len(found) != 1:
            hint = f"stack-console history {self._engine.stack.name} lists the runs of this machine"
            raise UsageError(f"{len(found) or 'no'} verifications are named {wanted!r}", hint=hint)
        return found[0]

    async def _keep(self, outcome: Outcome, headline: str, release: int) -> None:
        """The findings as evidence, so that later runs can be compared with this one."""
        run, shown = self._record.run_id, self._world.redactor.text
        now = self._world.clock()
        items = [
            EvidenceItem(run, EVIDENCE, each.id, msgspec.json.encode(each).decode(), now)
            for each in self._made.findings
        ]
        await self._world.journal.record_evidence(items)
        phases = tuple(self._made.phases)
        ended = replace(self._record, ended=now, outcome=outcome.word, headline=shown(headline), phases=phases)
        await self._world.journal.record_run(replace(ended, release=release or None))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
