"""The way to an engine: tried again and again until it is there, with words for each try that failed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.model.errors import ConsoleError
from console.tui.present.errors import error_lines
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, faint, line

if TYPE_CHECKING:
    from console.engine.service import Engine

Tell = Callable[[str], None]
Connect = Callable[["str | None", Tell], Awaitable["Engine"]]
"""Makes an engine for a stack (None: the only one there is); a line is told about what takes long."""

_FIRST_RETRY, _LONGEST_RETRY = 2.0, 30.0


class Connection:
    """Makes the engine, and says how far it is.

    Args:
        connect: makes an engine, or raises a ConsoleError.
        glyphs: what the terminal can draw.
        changed: called when there are other words for how it stands.

    Attributes:
        notice: a few words on how it stands, empty once there is an engine.
    """

    def __init__(self, connect: Connect, glyphs: Glyphs, changed: Callable[[], None]) -> None:
        self.notice = "connecting"
        self._connect = connect
        self._glyphs = glyphs
        self._changed = changed
        self._trouble: list[Line] = []
        self._hurry = asyncio.Event()

    @property
    def lines(self) -> list[Line]:
        """How it stands, in full: what failed, where, why, what to do, and when it is tried again."""
        return self._trouble or [line(faint(f"{self.notice} ..."))]

    def hurry(self) -> None:
        """Tries again now."""
        self._hurry.set()

    async def establish(self, stack: str | None) -> Engine:
        """The engine, started; however long that takes."""
        wait = _FIRST_RETRY
        while True:
            self._tell("connecting")
            try:
                engine = await self._connect(stack, self._tell)
                await engine.start()
            except ConsoleError as error:
                await self._wait(error, wait)
                wait = min(_LONGEST_RETRY, wait * 2)
            else:
                self._tell("")
                return engine

    def _tell(self, words: str) -> None:
        self._say(words, [])

    def _say(self, notice: str, trouble: list[Line]) -> None:
        self.notice, self._trouble = notice, trouble
        self._changed()

    async def _wait(self, error: ConsoleError, seconds: float) -> None:
        """Counts down to the next try."""
        self._hurry.clear()
        told, until = error_lines(error, self._glyphs), time.monotonic() + seconds
        while not self._hurry.is_set() and (left := until - time.monotonic()) > 0:
            self._say("no connection", [*told, line(""), line(faint(f"trying again in {left:.0f} s, r tries now"))])
            try:
                async with asyncio.timeout(min(1.0, left)):
                    await self._hurry.wait()
            except TimeoutError:
                continue
