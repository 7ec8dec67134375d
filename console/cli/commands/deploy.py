"""`deploy`: preflight, build, push, apply, wait, verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli.confirm import refuse_unless_allowed
from console.cli.running import carry_out, followed, tell_verdict
from console.cli.session import Session
from console.model.outcome import Outcome
from console.model.plan import StepKind
from console.model.run import StepState

if TYPE_CHECKING:
    from console.engine.deploy import RunOptions
    from console.engine.service import Engine
    from console.model.plan import Plan
    from console.model.run import Run, Verdict


async def run(session: Session) -> Outcome:
    """Deploys the stack; the outcome of the run."""
    async with session.engine(start=True) as engine:
        refuse_unless_allowed(session, engine.stack)
        return tell_verdict(session, engine, await deploy(session, engine))


async def deploy(session: Session, engine: Engine) -> Verdict:
    """Plans and carries out what the arguments say."""
    from console.engine.deploy import RunOptions

    args = session.args
    options = RunOptions(session.command_line, args.rollback, args.drift, session.settings.timeout)
    with followed(session, engine):
        await engine.start()
        session.narrator.say(f"plans {engine.stack.name} on {engine.stack.target.name}")
        plan = await engine.plan()
        verdict = await carry_out(session, engine, plan, options)
        if not went_stale(plan, engine.store.view().run, options):
            return verdict
        session.narrator.say("plans once more", level="warning")
        return await carry_out(session, engine, await engine.plan(), options)


def went_stale(plan: Plan, run: Run | None, options: RunOptions) -> bool:
    """True if a run ended before anything was changed because the cluster had moved on since the plan was made."""
    if run is None or run.verdict is None or run.verdict.outcome is not Outcome.APPLY:
        return False
    opening = (run.steps[step.id].state for step in plan.steps if step.kind is StepKind.PREFLIGHT)
    return StepState.FAILED in opening and not (plan.drift and options.drift == "fail")
