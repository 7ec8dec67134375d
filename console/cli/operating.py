"""Operations on a deployed stack, the same way for all: shown, asked for once on a terminal, carried out, told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from console.cli.asking import typed
from console.cli.confirm import refuse_unless_allowed, refuse_unless_yes
from console.cli.running import carry_out, followed, tell_verdict, went_stale
from console.cli.session import Session, on_a_terminal
from console.cli.text import plan_lines
from console.model.errors import RefusedError
from console.model.outcome import Outcome

if TYPE_CHECKING:
    from console.engine.service import Engine
    from console.model.operations import Operation


async def operate(session: Session, operation: Operation, *, confirm: bool = False) -> Outcome:
    """Carries out an operation on the stack that the arguments name; the outcome of the run.

    Args:
        session: the command.
        operation: what is done.
        confirm: it takes something away, so that it needs `--yes` where nobody can be asked.
    """
    async with session.engine() as engine:
        return await operate_on(session, engine, operation, confirm=confirm)


async def operate_on(session: Session, engine: Engine, operation: Operation, *, confirm: bool = False) -> Outcome:
    """The same, on an engine that is there already."""
    from console.engine.operate import run_options

    refuse_unless_allowed(session, engine.stack)
    wait, timeout = session.args.wait, session.settings.timeout
    options = run_options(operation, session.command_line, wait=wait, timeout=timeout)
    options = replace(options, probe_load=getattr(session.args, "probe_load", None))
    with followed(session, engine):
        await engine.start()
        plan = await engine.plan_operation(operation)
        await ask(session, engine, plan_lines(plan, session.narrator.style), confirm=confirm)
        verdict = await carry_out(session, engine, plan, options)
        if went_stale(plan, engine.store.view().run, options):
            session.narrator.say("plans once more", level="warning")
            verdict = await carry_out(session, engine, await engine.plan_operation(operation), options)
    return tell_verdict(session, engine, verdict)


async def ask(session: Session, engine: Engine, shown: list[str], *, confirm: bool) -> None:
    """Shows what is about to be done. Raises RefusedError: nobody said yes."""
    session.narrator.block(shown)
    if session.args.yes or session.args.headless or not on_a_terminal():
        if confirm:
            refuse_unless_yes(session, engine.stack)
        return
    answer = await typed("Go ahead? [y/N] ")
    if answer.strip().lower() not in {"y", "yes"}:
        raise RefusedError("nothing was changed", hint="answer y, or add --yes")
