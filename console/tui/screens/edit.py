"""An editor for one value: of any number of lines, or, for a Secret, one that is typed without being shown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from console.tui.bindings import bindings


class EditScreen(ModalScreen[str | None]):
    """What the value is to be; None if it is left as it is.

    Args:
        title: whose value it is.
        value: as it is now; of a Secret empty.
        hidden: whether it is typed without being shown.
    """

    BINDINGS = bindings("edit")
    CSS_PATH = "edit.tcss"

    def __init__(self, title: str, value: str, *, hidden: bool = False) -> None:
        super().__init__()
        self._about = title
        self._value = value
        self._hidden = hidden

    def compose(self) -> ComposeResult:
        """The field, and what ends it."""
        with Vertical(id="box"):
            yield Static(self._about, markup=False, id="question")
            if self._hidden:
                yield Input(password=True, placeholder="the new value, which is not shown", compact=True)
            else:
                yield TextArea(self._value)
            kept = "Enter" if self._hidden else "Ctrl-s"
            leave = "[@click=screen.leave][b $accent]Esc[/]  Leave it[/]"
            yield Static(f"[@click=screen.keep][b $accent]{kept}[/]  Keep[/]    {leave}")

    def on_mount(self) -> None:
        """Begins at the end of what there is."""
        field = self.query_one(Input if self._hidden else TextArea)
        field.focus()
        if isinstance(field, TextArea):
            field.cursor_blink = False
            field.move_cursor(field.document.end)

    def on_input_submitted(self) -> None:
        """Enter, where there is one line."""
        self.action_keep()

    def action_keep(self) -> None:
        """Keeps what was typed; an empty Secret is left as it is."""
        if self._hidden:
            self.dismiss(self.query_one(Input).value or None)
        else:
            self.dismiss(self.query_one(TextArea).text)

    def action_leave(self) -> None:
        """Leaves it as it is."""
        self.dismiss(None)
