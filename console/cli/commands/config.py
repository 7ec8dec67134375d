"""`config show|diff|edit|set`: ConfigMaps and Secrets, with everybody who reads them, changed as an operation."""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli import configuring, editor
from console.cli.asking import typed
from console.cli.confirm import refuse_unless_allowed, refuse_unless_yes
from console.cli.operating import operate_on
from console.cli.report import Report
from console.cli.session import Session, on_a_terminal
from console.model.errors import EditConflictError, UsageError
from console.model.outcome import Outcome

if TYPE_CHECKING:
    from console.engine.service import Engine
    from console.model.configuration import Configuration


async def run(session: Session) -> Outcome:
    """Shows the configuration, or changes it; the outcome of the run."""
    action = {"show": _show, "diff": _show, "set": _set, "edit": _edit}[session.args.action]
    async with session.engine() as engine:
        return await action(session, engine)


async def _show(session: Session, engine: Engine) -> Outcome:
    async with session.time_limit("the configuration was not read"):
        found = await engine.configuration(session.args.name)
    diff, style = session.args.action == "diff", session.output.style
    session.output.text((configuring.diff_lines if diff else configuring.lines)(found, style))
    document = configuring.document(found)
    session.output.result(f"config-{session.args.action}", document)
    headline = f"{engine.stack.name}: {len(found)} ConfigMaps and Secrets"
    session.report(Report("config", headline, Outcome.DONE, 0.0, (), document))
    return Outcome.DONE


async def _set(session: Session, engine: Engine) -> Outcome:
    refuse_unless_allowed(session, engine.stack)
    args = session.args
    name = f"secret/{args.name.removeprefix('secret/')}" if args.secret else args.name
    if not args.secret and name.startswith("secret/"):
        hint = f"stack-console config set --secret {engine.stack.name} {name.removeprefix('secret/')} KEY"
        raise UsageError("a value of a Secret is never an argument", hint=hint)
    found = await _one(engine, name, next(iter(args.values)))
    values = await _secret_values(session, name) if args.secret else dict(args.values)
    return await _configure(session, engine, found, values)


async def _one(engine: Engine, name: str, key: str = "") -> Configuration:
    from console.engine.configured import editable

    return editable(await engine.configuration(name), name, key)


async def _secret_values(session: Session, name: str) -> dict[str, str | None]:
    """The one value, from stdin: without echo on a terminal, else all of it but a newline at its end."""
    ((key, gone),) = session.args.values.items()
    if gone is None and session.args.removes:
        return {key: None}
    if sys.stdin is not None and sys.stdin.isatty():
        value = await typed(f"{name} {key}: ", echo=False)
    else:
        data = await asyncio.to_thread(sys.stdin.buffer.read) if sys.stdin is not None else b""
        value = data.decode("utf-8", errors="surrogateescape").removesuffix("\n")
    if not value:
        raise UsageError(f"there is no value for {name} {key} on stdin", hint=f"{key}- removes the key")
    session.redactor.add(f"{name} {key}", value)
    return {key: base64.b64encode(value.encode("utf-8", errors="surrogateescape")).decode()}


async def _edit(session: Session, engine: Engine) -> Outcome:
    refuse_unless_allowed(session, engine.stack)
    if session.args.headless or not on_a_terminal():
        refuse_unless_yes(session, engine.stack)
    found = await _one(engine, session.args.name)
    if found.secret:
        hint = f"stack-console config set --secret {engine.stack.name} {found.ref.name} KEY"
        raise UsageError("values of Secrets are not written to files", hint=hint)
    base = dict(found.live if found.live is not None else found.released)
    text = f"# {found.ref} of {engine.stack.name}. Keys that go are removed.\n{session.outside.values_text(base)}"
    file = editor.draft(found.ref.name, text)
    done = False
    try:
        written = session.outside.read_values(await editor.edit(file))
        values: dict[str, str | None] = {key: value for key, value in written.items() if base.get(key) != value}
        values |= dict.fromkeys(base.keys() - written.keys())
        if not values:
            done = True
            session.narrator.say("nothing was changed")
            return Outcome.DONE
        outcome = await _configure(session, engine, found, values)
        done = outcome is Outcome.DONE
        return outcome
    finally:
        _keep(session, file, needed=not done)


def _keep(session: Session, file: Path, *, needed: bool) -> None:
    """Keeps what was written where it has not served its purpose."""
    if needed:
        session.narrator.say(f"what you wrote is in {file}", level="warning")
    else:
        file.unlink(missing_ok=True)


async def _configure(session: Session, engine: Engine, found: Configuration, values: dict[str, str | None]) -> Outcome:
    from console.model.operations import Configure

    try:
        return await operate_on(session, engine, Configure(found.ref, values, found.live))
    except EditConflictError as error:
        session.narrator.block(configuring.conflict_lines(error.ways, session.narrator.style), "warning")
        raise
