"""Headless never asks: what must be confirmed is confirmed by an option, or refused with the words to add."""

from __future__ import annotations

import shlex

from console.cli.session import Session
from console.model.errors import RefusedError
from console.model.stack import Stack


def refuse_unless_allowed(session: Session, stack: Stack) -> None:
    """Before anything is planned that changes the cluster.

    Raises:
        RefusedError: read-only, or a protected target without the stack's name.
    """
    command = session.args.command
    if session.settings.read_only:
        hint = "leave out --read-only (or the setting read_only)"
        raise RefusedError(f"`{command}` is refused in read-only mode", hint=hint)
    named = session.args.yes_i_mean
    if stack.target.protected and named != stack.name:
        what = f"target {stack.target.name} is protected: `{command}` needs the stack's name"
        why = f"--yes-i-mean says {named!r}" if named else ""
        raise RefusedError(what, why=why, hint=f"add: --yes-i-mean {shlex.quote(stack.name)}")


def refuse_unless_yes(session: Session, stack: Stack) -> None:
    """Before something is removed. Raises RefusedError; nothing was changed."""
    if not session.args.yes and not (stack.target.protected and session.args.yes_i_mean == stack.name):
        raise RefusedError(f"`{session.args.command}` needs --yes; nothing was changed", hint="add: --yes")
