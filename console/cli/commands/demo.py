"""`demo`: the reference stack, from nothing to running on the embedded cluster; then the console, or the figures."""

from __future__ import annotations

from console.cli.commands.deploy import deploy
from console.cli.running import tell_verdict
from console.cli.session import Session
from console.model.outcome import Outcome


async def run(session: Session) -> Outcome:
    """Starts the embedded cluster, deploys, and says what it took; afterwards `main` opens the console."""
    async with session.engine(start=True, stack=str(session.outside.reference_stack())) as engine:
        return tell_verdict(session, engine, await deploy(session, engine))
