"""`plan`: what a deploy would do, with the diff of every object. Changes nothing."""

from __future__ import annotations

import time

from console.cli.report import Report, check_cases
from console.cli.session import Session
from console.cli.text import plan_lines
from console.model.outcome import Outcome
from console.model.plan import Plan


async def run(session: Session) -> Outcome:
    """Prints the plan. A failed check of the preflight is 10, `--exit-code` makes something to do 3."""
    began = time.monotonic()
    async with session.engine() as engine, session.time_limit("the plan was not made"):
        plan = await engine.plan()
    outcome = _outcome(plan, exit_code=session.args.exit_code)
    document = {"plan": plan, "empty": plan.empty}
    session.output.text(plan_lines(plan, session.output.style))
    session.output.result("plan", document)
    headline = "nothing to do" if plan.empty else f"{len(plan.changes)} objects to change"
    took = time.monotonic() - began
    session.report(Report("plan", f"{plan.stack}: {headline}", outcome, took, check_cases(plan), document))
    return outcome


def _outcome(plan: Plan, *, exit_code: bool) -> Outcome:
    if any(check.ok is False for check in plan.checks):
        return Outcome.PREFLIGHT
    return Outcome.CHANGES if exit_code and not plan.empty else Outcome.DONE
