"""From the words of the command line to the exit code. Heavy things are imported by the commands that need them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from console.cli.arguments import parse
from console.cli.session import Outside, Session, Wanted, on_a_terminal
from console.cli.streams import flush, usable
from console.model.errors import ConsoleError, EditConflictError, UsageError
from console.model.outcome import Outcome

if TYPE_CHECKING:
    import asyncio

    from console.model.redaction import Redactor
    from console.settings import Settings

Compose = Callable[["Settings", "Redactor"], Outside]
"""Makes what the command line reaches; given by the composition root."""


def main(argv: Sequence[str], compose: Compose) -> int:
    """Carries out a command line; the exit code. Never raises, save SystemExit for `--help` and `--version`."""
    try:
        args = _parse(argv)
        session = _session(args, compose)
    except UsageError as error:
        return _refuse(error)
    except KeyboardInterrupt:
        return Outcome.INTERRUPTED.code
    return _carry_out(session).code


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    try:
        return parse(argv)
    except SystemExit:
        # What `--help` printed may have a reader that is gone already.
        flush(sys.stdout)
        raise


def _session(args: argparse.Namespace, compose: Compose) -> Session:
    from console.cli.narrate import Narrator, on_github
    from console.cli.output import Output
    from console.cli.style import Style
    from console.model.redaction import Redactor
    from console.settings import load

    settings = load(vars(args))
    redactor = Redactor()
    out, err = usable(sys.stdout), usable(sys.stderr)
    output = Output(out, settings.output, redactor, Style(out.isatty() and not settings.no_color))
    style = Style(err.isatty() and not settings.no_color)
    narrator = Narrator(err, redactor, style, github=on_github())
    return Session(args, settings, redactor, output, narrator, compose(settings, redactor))


def _refuse(error: UsageError) -> int:
    from console.cli.narrate import Narrator, on_github
    from console.cli.style import Style
    from console.model.redaction import Redactor

    err = usable(sys.stderr)
    style = Style(err.isatty() and not os.environ.get("NO_COLOR"))
    Narrator(err, Redactor(), style, github=on_github()).error(error)
    return error.outcome.code


def _carry_out(session: Session) -> Outcome:
    """Runs the command; every error leaves by this door."""
    import asyncio
    import logging

    try:
        if _opens_console(session):
            return _console(session, session.args.stack)
        logging.getLogger().addHandler(logging.NullHandler())
        outcome = asyncio.run(_run(session))
        return _look_at_demo(session, outcome) if session.args.command == "demo" else outcome
    except (Exception, KeyboardInterrupt, asyncio.CancelledError) as error:
        return _failed(session, error)


def _opens_console(session: Session) -> bool:
    args = session.args
    if args.headless or args.command not in {"open", "deploy"}:
        return False
    plain = session.settings.output != "text" or args.report is not None
    return on_a_terminal() and not (args.command == "deploy" and plain)


def _look_at_demo(session: Session, outcome: Outcome) -> Outcome:
    """The console on what the demo deployed, if there is somebody who looks."""
    plain = session.args.headless or session.settings.output != "text" or session.args.report
    if outcome is not Outcome.DONE or plain or not on_a_terminal():
        return outcome
    return _console(session, str(session.outside.reference_stack()))


def _console(session: Session, stack: str | None) -> Outcome:
    wanted = Wanted(stack, session.args.target, start=True)
    code = session.outside.open_console(wanted, plan=session.args.command == "deploy")
    return next((outcome for outcome in Outcome if outcome.code == code), Outcome.BUG)


async def _run(session: Session) -> Outcome:
    import asyncio

    from console.cli.report import check_writable
    from console.cli.signals import cancelled_by_signal
    from console.engine.tasks import failure_in

    def unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if error := failure_in(context):
            _bug(session, error)

    asyncio.get_running_loop().set_exception_handler(unexpected)
    if session.args.report:
        check_writable(session.args.report)
    with cancelled_by_signal(session.narrator.say):
        return await _command(session.args.command)(session)


def _command(name: str) -> Callable[[Session], Awaitable[Outcome]]:
    if name == "open":
        hint = "`stack-console status STACK` says how a stack is, `--help` what else there is"
        raise UsageError("the console needs a terminal", hint=hint)
    run: Callable[[Session], Awaitable[Outcome]] = import_module(f"console.cli.commands.{name}").run
    return run


def _failed(session: Session, error: BaseException) -> Outcome:
    """Says why the command ended, on both streams."""
    from console.cli.exits import outcome_of

    outcome = outcome_of(error)
    told = error if isinstance(error, ConsoleError) else ConsoleError(outcome.meaning)
    if outcome is Outcome.BUG:
        told = _bug(session, error)
    elif isinstance(error, ConsoleError):
        session.narrator.error(error)
    content = {"outcome": outcome, "exit_code": outcome.code, "what": told.what, "where": told.where}
    content |= {"why": told.why, "hint": told.hint, "problems": getattr(error, "problems", ())}
    content |= {"ways": error.ways} if isinstance(error, EditConflictError) else {}
    # Where stdout cannot be written, stderr has said all.
    with suppress(ConsoleError):
        session.output.result("error", content)
    return outcome


def _bug(session: Session, error: BaseException) -> ConsoleError:
    from console.cli.exits import save_crash

    file = save_crash(error, session.settings.reports, session.redactor)
    session.narrator.bug(error, file)
    return ConsoleError(f"unexpected {type(error).__name__}", where=str(file or ""), why=str(error))
