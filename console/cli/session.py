"""What a command is given: its arguments, the two writers, and what the composition root reaches for it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from console.model.errors import UnreachableError

if TYPE_CHECKING:
    from console.cli.narrate import Narrator
    from console.cli.output import Output
    from console.cli.report import Report
    from console.engine.service import Engine
    from console.model.redaction import Redactor
    from console.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which engine a command wants: `stack` is a path, a name, or None for the only one there is.

    `start` lets the embedded cluster be started where the target is one that is down.
    """

    stack: str | None
    target: str | None
    start: bool = False


class Outside(Protocol):
    """What the command line reaches; the composition root makes it."""

    async def connect(self, wanted: Wanted, tell: Callable[[str], None]) -> Engine:
        """An engine that is not started yet; `tell` gets a line about what takes long. Raises ConsoleError."""
        ...

    async def sandbox(self, action: str, options: Sequence[str]) -> dict[str, Any]:
        """Starts, asks, ends or removes the embedded cluster; its status. Raises PreflightError."""
        ...

    def reference_stack(self) -> Path:
        """The stack that comes with the console. Raises UsageError if it is not there."""
        ...

    def values_text(self, values: Mapping[str, str]) -> str:
        """Values of a ConfigMap as YAML to be edited."""
        ...

    def read_values(self, text: str) -> dict[str, str]:
        """The values in such a text. Raises UsageError with line and column."""
        ...

    def with_value(
        self, text: str, line: int, path: tuple[str, ...], was: str | float | bool, now: str | float | bool
    ) -> str | None:
        """The text of a file of manifests with another value; None where the value is not written there."""
        ...

    def open_console(self, wanted: Wanted, *, plan: bool) -> int:
        """Runs the console on this terminal, at the plan of a deploy if asked for; the exit code."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """One command being carried out."""

    args: argparse.Namespace
    settings: Settings
    redactor: Redactor
    output: Output
    narrator: Narrator
    outside: Outside

    @property
    def command_line(self) -> str:
        """The command that would repeat this one."""
        import shlex

        return shlex.join(("stack-console", *self.args.argv))

    @asynccontextmanager
    async def engine(self, *, start: bool = False, stack: str | None = None) -> AsyncIterator[Engine]:
        """The engine that the arguments name, closed at the end."""
        wanted = Wanted(stack or self.args.stack, self.args.target, start)
        engine = await self.outside.connect(wanted, self.narrator.say)
        try:
            yield engine
        finally:
            await engine.close()

    @asynccontextmanager
    async def time_limit(self, what: str) -> AsyncIterator[None]:
        """Gives up after `--timeout`. Raises UnreachableError with `what` was not reached."""
        import asyncio

        try:
            async with asyncio.timeout(self.settings.timeout):
                yield
        except TimeoutError as error:
            why = f"not within {self.settings.timeout:g} s"
            hint = "give it more time with --timeout, or look at `status`"
            raise UnreachableError(what, why=why, hint=hint) from error

    def report(self, report: Report) -> None:
        """Saves the report, if one was asked for. Raises UsageError if it cannot be written."""
        from console.cli.report import save_report

        if self.args.report:
            save_report(report, self.args.report, self.redactor)
            self.narrator.say(f"report: {self.args.report}")


def on_a_terminal() -> bool:
    """True if somebody can be shown the console: it reads keys, and draws on what is both stdout and stderr."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
