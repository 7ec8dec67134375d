"""Questions: one of a few choices, or a name to be typed. Esc is always the answer that does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Static


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: its key, the word that comes back, and the words that are shown."""

    key: str
    answer: str
    words: str


class Ask(ModalScreen[str]):
    """A question with answers of one key each; an empty answer for Esc.

    Args:
        question: a sentence.
        choices: the answers.
        leave: what Esc means, in words.
    """

    CSS_PATH = "ask.tcss"

    def __init__(self, question: str, choices: Sequence[Choice], leave: str = "Leave it") -> None:
        super().__init__()
        self._question = question
        self._choices = [*choices, Choice("escape", "", leave)]

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        with Vertical(id="box"):
            yield Static(self._question, markup=False, id="question")
            for choice in self._choices:
                name = "Esc" if choice.key == "escape" else choice.key
                yield Static(f"[@click=screen.answer('{choice.answer}')][b $accent]{name:>4}[/]  {choice.words}[/]")

    def on_key(self, event: Key) -> None:
        """An answer."""
        event.stop()
        for choice in self._choices:
            if event.key == choice.key:
                self.dismiss(choice.answer)

    def action_answer(self, answer: str) -> None:
        """An answer was clicked."""
        self.dismiss(answer)


class AskName(ModalScreen[bool]):
    """A protected target: its stack's name must be typed.

    Args:
        name: what must be typed.
        target: what is protected.
    """

    CSS_PATH = "ask.tcss"

    def __init__(self, name: str, target: str) -> None:
        super().__init__()
        self._wanted = name
        self._target = target

    def compose(self) -> ComposeResult:
        """What is asked, and the field."""
        with Vertical(id="box"):
            words = f"Target {self._target} is protected. Type the stack's name, {self._wanted}, to go on."
            yield Static(words, markup=False, id="question")
            yield Input(placeholder=self._wanted, compact=True)
            yield Static("[b $accent]Enter[/]  Go on    [b $accent]Esc[/]  Leave it")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: right or not."""
        if event.value.strip() == self._wanted:
            self.dismiss(True)
        else:
            self.query_one("#question", Static).update(f"That is not {self._wanted}. Nothing was changed.")

    def on_key(self, event: Key) -> None:
        """Esc."""
        if event.key == "escape":
            event.stop()
            self.dismiss(False)
