"""`restart STACK [SERVICE...]`: every pod is made anew, one service behind what it comes after."""

from __future__ import annotations

from console.cli.operating import operate
from console.cli.session import Session
from console.model.operations import Restart
from console.model.outcome import Outcome


async def run(session: Session) -> Outcome:
    """Restarts the services; the outcome of the run."""
    return await operate(session, Restart(tuple(session.args.services)))
