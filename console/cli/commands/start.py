"""`start STACK`: as many pods as there were before the stop."""

from __future__ import annotations

from console.cli.operating import operate
from console.cli.session import Session
from console.model.operations import Start
from console.model.outcome import Outcome


async def run(session: Session) -> Outcome:
    """Starts everything; the outcome of the run."""
    return await operate(session, Start())
