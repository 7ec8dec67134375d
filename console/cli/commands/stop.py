"""`stop STACK`: no pods any more, and every workload remembers how many it had."""

from __future__ import annotations

from console.cli.operating import operate
from console.cli.session import Session
from console.model.operations import Stop
from console.model.outcome import Outcome


async def run(session: Session) -> Outcome:
    """Stops everything; the outcome of the run."""
    return await operate(session, Stop(), confirm=True)
