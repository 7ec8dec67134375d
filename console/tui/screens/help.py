"""Help: the keys that work here, from the one table."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.screen import ModalScreen

from console.tui.bindings import Key, bindings, keys_of
from console.tui.present.lines import BLANK, Line, Tone, faint, line, strong
from console.tui.widgets.reading import Reading

_PARTS = (("rows", "Moving about"), ("app", "Everywhere"))
_NAMES = {"slash": "/", "question_mark": "?", "colon": ":", "escape": "Esc", "enter": "Enter", "pagedown": "PgDn"}
_NAMES |= {"pageup": "PgUp", "tab": "Tab", "shift+tab": "Shift-Tab", "space": "Space", "left": "Left", "right": "Right"}
_NAMES |= {"plus": "+", "equals_sign": "=", "minus": "-", "backspace": "Backspace"}
_NAMES |= {"down": "Down", "up": "Up", "home": "Home", "end": "End"}


class HelpScreen(ModalScreen[None]):
    """The keys of a place.

    Args:
        place: the screen below.
        title: its name.
    """

    BINDINGS = bindings("help")
    CSS_PATH = "help.tcss"

    def __init__(self, place: str, title: str) -> None:
        super().__init__()
        self._place = place
        self._about = title

    def compose(self) -> ComposeResult:
        """The keys."""
        yield Reading(title=f"Keys: {self._about}", id="keys")

    def on_mount(self) -> None:
        """Shows them."""
        reading = self.query_one(Reading)
        reading.entitle(f"Keys: {self._about}", "Esc closes")
        reading.show(list(help_lines(self._place, self._about)))
        reading.focus()


def help_lines(place: str, title: str) -> Iterator[Line]:
    """The keys that work at a place, those of the place first."""
    for part, name in ((place, title.capitalize()), *_PARTS):
        yield line(strong(name))
        yield from map(_key_line, keys_of(part))
        yield BLANK
    yield line(faint("A click chooses, a second one opens; the wheel scrolls; the keys below can be clicked."))


def _key_line(key: Key) -> Line:
    return line((f"  {written(key.keys):<14}", Tone.ACCENT), key.help)


def written(keys: str) -> str:
    """Keys as people write them: `ctrl+s` is `Ctrl-s`."""
    return " ".join(_NAMES.get(key, key.replace("ctrl+", "Ctrl-")) for key in keys.split(","))
