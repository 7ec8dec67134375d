"""`scale STACK SERVICE=N...`: other numbers of pods, waited for; an autoscaler's bounds are moved with them."""

from __future__ import annotations

from console.cli.operating import operate
from console.cli.session import Session
from console.model.operations import Scale
from console.model.outcome import Outcome


async def run(session: Session) -> Outcome:
    """Scales the services; the outcome of the run."""
    return await operate(session, Scale(dict(session.args.wanted)))
