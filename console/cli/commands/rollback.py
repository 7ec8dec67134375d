"""`rollback STACK [--to RELEASE]`: the whole stack as it was in an earlier release, or before what was interrupted."""

from __future__ import annotations

from console.cli.operating import operate_on
from console.cli.session import Session
from console.model.operations import RollBack
from console.model.outcome import Outcome


async def run(session: Session) -> Outcome:
    """Rolls back; the outcome of the run."""
    async with session.engine() as engine:
        number = session.args.to or await engine.earlier_release()
        return await operate_on(session, engine, RollBack(number))
