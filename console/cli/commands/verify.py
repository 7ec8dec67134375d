"""`verify STACK`: the live stack measured by its acceptance criteria; `--disruptive` for the checks that disturb it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from console.cli.acceptance import finding_line, page, report_cases, report_lines, summary
from console.cli.confirm import refuse_unless_allowed, refuse_unless_yes
from console.cli.report import Report, add_to_summary
from console.cli.session import Session, on_a_terminal
from console.model.errors import RefusedError, UsageError
from console.model.outcome import Outcome
from console.model.verify.check import Finding, Result
from console.model.verify.report import MARGIN, AcceptanceReport

if TYPE_CHECKING:
    from console.engine.service import Engine

_LEVELS = {Result.PASSED: "info", Result.FAILED: "error", Result.NOT_MADE: "warning"}


async def run(session: Session) -> Outcome:
    """Makes the checks and reports them; VERIFY if one failed, or is worse than in the baseline."""
    from console.engine.verify.verifier import VerifyOptions

    args, settings = session.args, session.settings
    options = VerifyOptions(
        session.command_line,
        disruptive=args.disruptive,
        only=tuple(args.only),
        baseline=args.baseline,
        margin=MARGIN if args.margin is None else args.margin,
        files=(settings.journal, settings.runs, settings.reports),
        timeout=settings.timeout,
    )
    checks = options.checks
    async with session.engine() as engine:
        if options.disruptive:
            await _ask(session, engine, [check.title for check in checks if check.disturbs])
        await engine.start()
        await engine.settled()
        report = await engine.verify(options, lambda finding: _tell(session, finding))
    return _report(session, report)


async def _ask(session: Session, engine: Engine, titles: list[str]) -> None:
    """Lists what disturbs. Raises RefusedError: nobody said yes."""
    refuse_unless_allowed(session, engine.stack)
    session.narrator.block(["disturbs the stack, and puts back what was:", *(f"  {title}" for title in titles)])
    if session.args.yes or session.args.headless or not on_a_terminal():
        refuse_unless_yes(session, engine.stack)
        return
    answer = await asyncio.to_thread(input, "Go ahead? [y/N] ")
    if answer.strip().lower() not in {"y", "yes"}:
        raise RefusedError("nothing was changed", hint="answer y, or add --yes")


def _tell(session: Session, finding: Finding) -> None:
    session.narrator.say(finding_line(finding), level=_LEVELS[finding.result])
    session.output.event("check", {"finding": finding})


def _report(session: Session, report: AcceptanceReport) -> Outcome:
    document = {"report": report, "outcome": report.outcome, "exit_code": report.outcome.code}
    session.output.text(report_lines(report, session.output.style))
    session.output.result("verify", {**document, "headline": report.headline})
    try:
        cases = report_cases(report)
        told = Report("verify", report.headline, report.outcome, report.seconds, cases, document, page(report))
        session.report(told)
        add_to_summary(summary(report), session.redactor)
    except UsageError as error:
        # What was found stands.
        session.narrator.error(error)
    for finding in report.findings:
        if finding.result is Result.FAILED:
            session.narrator.annotate("error", finding.id, "\n".join((finding.title, *finding.evidence)))
    return report.outcome
