"""A line to type into, below what it acts on: a filter, a time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from console.tui.bindings import bindings


class Prompt(Horizontal):
    """Hidden until it is asked; Enter keeps what was typed, Esc gives it up.

    Args:
        label: what is asked for.
        placeholder: how it looks like.
    """

    BINDINGS = bindings("prompt")
    DEFAULT_CSS = """
    Prompt { height: 1; display: none; background: $surface; }
    Prompt.asked { display: block; }
    Prompt Label { width: auto; padding: 0 1; color: $accent; }
    Prompt Input { border: none; height: 1; padding: 0; background: $surface; }
    Prompt Input.-invalid { color: $error; }
    """

    @dataclass
    class Typed(Message):
        """The text was kept."""

        prompt: Prompt
        text: str

    @dataclass
    class GivenUp(Message):
        """Nothing is asked any more."""

        prompt: Prompt

    def __init__(self, label: str, placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label = label
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """The label and the field."""
        yield Label(self._label)
        yield Input(placeholder=self._placeholder, compact=True, select_on_focus=False)

    def ask(self) -> None:
        """Shows the field and gives it the focus."""
        self.add_class("asked")
        self.query_one(Input).focus()

    def close(self) -> None:
        """Hides the field."""
        self.remove_class("asked")

    def clear(self) -> None:
        """Empties the field, and hides it."""
        with self.prevent(Input.Changed):
            self.query_one(Input).value = ""
        self.complain(False)
        self.close()

    def complain(self, wrong: bool) -> None:
        """Shows that what was typed cannot be."""
        self.query_one(Input).set_class(wrong, "-invalid")

    def typed(self, text: str, *, kept: bool) -> None:
        """The text as it is typed, and when it is kept."""
        if kept:
            self.post_message(self.Typed(self, text))

    def on_input_changed(self, event: Input.Changed) -> None:
        """As it is typed."""
        event.stop()
        self.typed(event.value, kept=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        self.typed(event.value, kept=True)

    def action_give_up(self) -> None:
        """Esc."""
        self.clear()
        self.post_message(self.GivenUp(self))


class FilterPrompt(Prompt):
    """Asks for a regular expression, which acts as it is typed. What is none changes nothing."""

    @dataclass
    class Changed(Message):
        """Another pattern, None for all; `over` once nothing is asked any more."""

        pattern: re.Pattern[str] | None
        over: bool

    def __init__(self, placeholder: str) -> None:
        super().__init__("/", placeholder, id="filter")

    def typed(self, text: str, *, kept: bool) -> None:
        """Filters, or complains."""
        try:
            pattern = compiled(text)
        except re.error:
            self.complain(True)
            return
        self.complain(False)
        if kept:
            self.close()
        self.post_message(self.Changed(pattern, kept))

    def action_give_up(self) -> None:
        """Shows all again."""
        self.clear()
        self.post_message(self.Changed(None, True))


def compiled(text: str) -> re.Pattern[str] | None:
    """A filter: case counts only if a capital letter was typed.

    Raises:
        re.error: what was typed is no regular expression.
    """
    if not text:
        return None
    pattern = re.compile(text, 0 if any(char.isupper() for char in text) else re.IGNORECASE)
    # Logs are matched as bytes, which knows fewer escapes.
    re.compile(text.encode())
    return pattern
