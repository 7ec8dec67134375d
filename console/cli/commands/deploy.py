"""`deploy`: preflight, build, push, apply, wait, verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli.confirm import refuse_unless_allowed
from console.cli.running import carry_out, followed, tell_verdict, went_stale
from console.cli.session import Session
from console.model.outcome import Outcome

if TYPE_CHECKING:
    from console.engine.service import Engine
    from console.model.run import Verdict


async def run(session: Session) -> Outcome:
    """Deploys the stack; the outcome of the run."""
    async with session.engine(start=True) as engine:
        refuse_unless_allowed(session, engine.stack)
        return tell_verdict(session, engine, await deploy(session, engine))


async def deploy(session: Session, engine: Engine) -> Verdict:
    """Plans and carries out what the arguments say."""
    from console.engine.deploy import RunOptions

    args = session.args
    options = RunOptions(
        session.command_line,
        rollback=args.rollback,
        drift=args.drift,
        timeout=session.settings.timeout,
        probe_load=args.probe_load,
    )
    with followed(session, engine):
        await engine.start()
        session.narrator.say(f"plans {engine.stack.name} on {engine.stack.target.name}")
        plan = await engine.plan()
        verdict = await carry_out(session, engine, plan, options)
        if not went_stale(plan, engine.store.view().run, options):
            return verdict
        session.narrator.say("plans once more", level="warning")
        return await carry_out(session, engine, await engine.plan(), options)
