"""The only writer to stdout: text for people, one JSON document, or a stream of JSON lines. All of it redacted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TextIO

from console.cli import wire
from console.cli.streams import mute
from console.cli.style import Style
from console.model.errors import PreflightError
from console.model.events import Fact

if TYPE_CHECKING:
    from console.model.redaction import Redactor

Form = Literal["text", "json", "ndjson"]


class Output:
    """Stdout in one form. Once its reader is gone it swallows the rest: what was begun is still carried through.

    Args:
        stream: stdout.
        form: text, json (one document at the end) or ndjson (one event a line, as it comes).
        redactor: masks what must never be shown.
        style: its colours.
    """

    def __init__(self, stream: TextIO, form: Form, redactor: Redactor, style: Style) -> None:
        self.stream = stream
        self._redactor = redactor
        self.form = form
        self.style = style
        self.closed = False

    def text(self, lines: Sequence[str]) -> None:
        """Lines for people; nothing in another form."""
        if self.form == "text" and lines:
            self._write(self._redactor.text("\n".join(lines)) + "\n")

    def result(self, type: str, content: Mapping[str, Any]) -> None:
        """What a command found: the document of `json`, an event of `ndjson`; nothing for people."""
        self.document(type, content)
        self.event(type, content)

    def document(self, type: str, content: Mapping[str, Any]) -> None:
        """The one document of `json`."""
        if self.form == "json":
            self._write(json.dumps(wire.event(type, self.plain(content)), ensure_ascii=False, indent=2) + "\n")

    def event(self, type: str, content: Mapping[str, Any]) -> None:
        """Something that happened, as one line of `ndjson`."""
        if self.form == "ndjson":
            self._write(json.dumps(wire.event(type, self.plain(content)), ensure_ascii=False) + "\n")

    def fact(self, fact: Fact) -> None:
        """A fact, as one line of `ndjson`."""
        if self.form == "ndjson":
            self._write(json.dumps(wire.fact_event(fact, self._redactor.text), ensure_ascii=False) + "\n")

    def plain(self, value: Any) -> Any:
        """A value of the model as redacted JSON."""
        return wire.as_json(value, self._redactor.text)

    def _write(self, text: str) -> None:
        if self.closed:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            self.closed = True
            mute(self.stream)
        except OSError as error:
            self.closed = True
            mute(self.stream)
            hint = "what was begun in the cluster is not undone by this"
            raise PreflightError("stdout cannot be written", why=error.strerror or str(error), hint=hint) from error
