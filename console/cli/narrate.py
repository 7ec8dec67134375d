"""The only writer to stderr: one line a fact, with the seconds since the start. No cursor is ever moved."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from console.cli.streams import mute
from console.cli.style import Style
from console.model.errors import ConsoleError
from console.model.outcome import Outcome

if TYPE_CHECKING:
    from console.model.redaction import Redactor

_WIDTH = 12


class Narrator:
    """Tells people what goes on.

    Args:
        stream: stderr.
        redactor: masks what must never be shown.
        style: its colours.
        github: also writes workflow commands (docs.github.com, "Workflow commands for GitHub Actions").
    """

    def __init__(self, stream: TextIO, redactor: Redactor, style: Style, *, github: bool = False) -> None:
        self.stream = stream
        self._redactor = redactor
        self.style = style
        self.github = github
        self._started = time.monotonic()

    def say(self, text: str, *, about: str = "", level: str = "") -> None:
        """One line: elapsed seconds, what it is about (a service), and the words; `level` picks a colour."""
        elapsed = f"{time.monotonic() - self._started:6.1f}s"
        for line in text.splitlines() or [""]:
            self._write(f"{elapsed}  {about:<{_WIDTH}}  {self.style.paint(level, line)}".rstrip())

    def group(self, title: str, lines: Sequence[str]) -> None:
        """Lines that GitHub folds under a title."""
        self._write(f"::group::{_escape(self._redactor.text(title))}")
        for line in lines:
            # Never at the start of a line: a build's output must not be taken for a workflow command.
            self._write(f"| {line}".replace("##[", "## ["))
        self._write("::endgroup::")

    def block(self, lines: Sequence[str], level: str = "") -> None:
        """Lines that stand together, without times."""
        for line in lines:
            self._write(self.style.paint(level, line))

    def annotate(self, kind: str, title: str, text: str) -> None:
        """An annotation (`error` or `warning`) on the summary of a GitHub workflow; nothing elsewhere."""
        if self.github:
            # Masked before it is escaped: afterwards a secret would not be known again.
            title, text = map(self._redactor.text, (title, text))
            self._write(f"::{kind} title={_escape_property(title)}::{_escape(text)}")

    def error(self, error: ConsoleError) -> None:
        """Why the command ended: what, where, why, and what to do."""
        self.block([f"{_head(error.outcome)}: {line}" if not index else line for index, line in _lines(error)], "error")
        self.annotate("error", error.what, str(error))

    def bug(self, error: BaseException, file: Path | None) -> None:
        """Something that nobody expected: our fault, and where the report about it lies."""
        told = f"a report was saved: {file}" if file else "no report could be saved"
        self.block([f"a bug of ours (exit 1): {type(error).__name__}: {error}", f"  {told}"], "error")
        self.annotate("error", "a bug of ours", f"{type(error).__name__}: {error}")

    def _write(self, line: str) -> None:
        try:
            self.stream.write(self._redactor.text(line) + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            # Nobody listens; what was begun is still carried through.
            mute(self.stream)


def on_github() -> bool:
    """True inside a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _lines(error: ConsoleError) -> list[tuple[int, str]]:
    return list(enumerate(str(error).splitlines()))


def _head(outcome: Outcome) -> str:
    return "interrupted" if outcome is Outcome.INTERRUPTED else f"{outcome.word} (exit {outcome.code})"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
