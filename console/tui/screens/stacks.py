"""Which stack: asked where there are several and none was named."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen

from console.tui.bindings import bindings
from console.tui.present.cells import Cell, Column
from console.tui.present.lines import Tone
from console.tui.widgets.keyline import KeyLine
from console.tui.widgets.table import Table

_COLUMNS = (Column("STACK", 20), Column("FILE", 30, flexible=True))


class StacksScreen(Screen[str]):
    """A list of stacks; the chosen one comes back.

    Args:
        stacks: their names and files.
    """

    BINDINGS = bindings("stacks")
    CSS_PATH = "stacks.tcss"

    def __init__(self, stacks: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._stacks = dict(stacks)

    def compose(self) -> ComposeResult:
        """The list."""
        yield Table(
            (Column("STACK", 20), Column("FILE", 30, flexible=True)), self._cells, title="Which stack?", id="stacks"
        )
        yield KeyLine()

    def _cells(self, name: str) -> Sequence[Cell]:
        return (name, Tone.STRONG), (self._stacks[name], Tone.FAINT)

    def on_mount(self) -> None:
        """Shows them."""
        table = self.query_one(Table)
        table.show(list(self._stacks))
        table.focus()

    @on(Table.Opened)
    def action_open(self) -> None:
        """This one."""
        self.dismiss(self.query_one(Table).key)
