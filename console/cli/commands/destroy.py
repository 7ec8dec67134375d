"""`destroy`: removes what the stack owns, after showing it."""

from __future__ import annotations

from console.cli.confirm import refuse_unless_allowed, refuse_unless_yes
from console.cli.running import carry_out, followed, tell_verdict
from console.cli.session import Session
from console.cli.text import plan_lines
from console.model.outcome import Outcome


async def run(session: Session) -> Outcome:
    """Shows what would be removed, and removes it with `--yes`."""
    from console.engine.deploy import RunOptions

    async with session.engine() as engine:
        refuse_unless_allowed(session, engine.stack)
        plan = await engine.plan_destroy()
        session.narrator.block(plan_lines(plan, session.narrator.style))
        refuse_unless_yes(session, engine.stack)
        options = RunOptions(session.command_line, timeout=session.settings.timeout)
        with followed(session, engine):
            await engine.start()
            verdict = await carry_out(session, engine, plan, options)
        return tell_verdict(session, engine, verdict)
