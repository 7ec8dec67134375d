"""Logs: many pods, merged, coloured by pod. Follows or stands still, filters, wraps, jumps to a time, saves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from console.model.errors import ConsoleError
from console.model.wording import number
from console.tui.bindings import bindings
from console.tui.bridge import FLOWING
from console.tui.present.errors import error_lines
from console.tui.present.lines import Line, Tone, faint, line
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.bytelog import ByteLog
from console.tui.widgets.headline import Heading, HeadLine
from console.tui.widgets.logview import LogView
from console.tui.widgets.prompt import FilterPrompt, Prompt
from console.tui.widgets.reading import Reading

if TYPE_CHECKING:
    from console.engine.logs import LogChunk

_TAIL = 2000
_AT_MOST = 0.01
_QUIET = 10.0


class LogsScreen(ConsoleScreen):
    """The logs of pods or services; of the whole stack if none is named.

    Args:
        services: of these services.
        pods: of the pods of these names.
        previous: of the containers before their last restart.
    """

    place = "logs"
    pace = FLOWING
    BINDINGS = bindings(place)
    CSS_PATH = "logs.tcss"

    def __init__(self, services: Sequence[str] = (), pods: Sequence[str] = (), *, previous: bool = False) -> None:
        super().__init__()
        self._services, self._pods, self._previous = tuple(services), tuple(pods), previous
        self._behind: float | None = None
        self._over = False
        self._followed = ""
        self._opened = self._measured = 0.0
        self._heading()

    def _heading(self) -> None:
        what = ", ".join(self._pods or self._services) or "all services"
        self.heading = f"{'previous logs' if self._previous else 'logs'} of {what}{self._followed}"

    def body(self) -> Iterable[Widget]:
        """The log, what is asked, and how it stands."""
        self._log = LogView(id="log")
        self._trouble = Reading(id="trouble")
        self._standing = HeadLine()
        self._standing.add_class("standing")
        yield self._trouble
        yield self._log
        yield FilterPrompt("regular expression; only matching lines are shown")
        yield Prompt("time", "20:14:02", id="time")
        yield self._standing

    def on_mount(self) -> None:
        """Begins to read."""
        super().on_mount()
        self._trouble.can_focus = False
        self._trouble.display = False
        self._log.focus()
        self._begin()

    # -- reading

    def _begin(self) -> None:
        self._over, self._behind, self._followed = False, None, ""
        self._opened = self.now
        self._heading()
        log = ByteLog()
        self._log.replace(log)
        self._trouble.display = False
        self.run_worker(self._read(log), exclusive=True, group="follow", name="follow logs")

    async def _read(self, log: ByteLog) -> None:
        engine = await self.console.connected()
        options = {"follow_on": not self._previous, "previous": self._previous}
        chunks = engine.follow_logs(self._services, self._pods, tail=_TAIL, told=self._count, **options)
        try:
            async with aclosing(chunks) as stream:
                await self._take_all(stream, log)
        except ConsoleError as error:
            self._trouble.show(error_lines(error, self.glyphs, self.console.mask))
            self._trouble.display = True
        self._over = True

    async def _take_all(self, stream: AsyncIterator[LogChunk], log: ByteLog) -> None:
        began = time.perf_counter()
        async for chunk in stream:
            log.append(chunk.pod, chunk.data, chunk.at)
            self._measure(chunk.at)
            # Chunks that are there already come without the loop getting a turn: keys must not wait for them.
            if time.perf_counter() - began > _AT_MOST:
                await asyncio.sleep(0)
                began = time.perf_counter()

    def _count(self, followed: int, known: int) -> None:
        """Not all pods of a crowd are followed; how many is said at the top."""
        self._followed = f", {followed:,} of {known:,} pods" if followed < known else ""

    def _measure(self, written: float | None) -> None:
        """How long the newest line was under way; lines from before we began to look tell nothing."""
        if written is not None and written >= self._opened:
            self._behind, self._measured = max(0.0, self.now - written), self.now

    # -- drawing

    def flush(self) -> None:
        """Lines, and what is said about them."""
        self._log.instead = "no line matches" if self._log.filtered else "no lines" if self._over else "no lines yet"
        self._log.flush()
        self._standing.show(Heading(self._left(), self._right()))
        before = self.heading
        self._heading()
        if self.heading != before:
            self.head()

    def tick(self, now: float) -> None:
        """The line at the top."""
        self.head()

    def _left(self) -> Line:
        log, view = self._log.buffer, self._log
        state = ("ended", Tone.FAINT) if self._over else ("following", Tone.GOOD)
        state = state if view.following else ("paused", Tone.WARNING)
        shown = f"  {number(view.total, 'line')} match" if view.filtered else ""
        let_go = f"  {log.first:,} dropped" if log.first else ""
        return line(" ", state, f"  {number(log.end, 'line')}", (shown, Tone.ACCENT), (let_go, Tone.WARNING))

    def _right(self) -> Line:
        wrap = "wrap  " if self._log.wrap else ""
        quiet = self._over or self.now - self._measured > _QUIET
        late = "" if self._behind is None or quiet else f"{self._behind:.1f} s behind "
        return line(faint(wrap), (late, Tone.WARNING if self._behind and self._behind > 5 else Tone.FAINT))

    # -- what can be done

    def action_follow(self) -> None:
        """Follows, or pauses."""
        self._log.follow(not self._log.following)

    def action_wrap(self) -> None:
        """Breaks long lines, or cuts them."""
        self._log.wrap = not self._log.wrap
        self._log.refresh()

    def action_shift(self, cells: int) -> None:
        """Looks to the right, or back."""
        self._log.shift(cells)

    def action_previous(self) -> None:
        """From before the last restart, or the current ones."""
        self._previous = not self._previous
        self._begin()
        self.head()

    def action_filter(self) -> None:
        """Asks for a regular expression."""
        self.query_one(FilterPrompt).ask()

    def action_time(self) -> None:
        """Asks for a time of day."""
        self.query_one("#time", Prompt).ask()

    @on(FilterPrompt.Changed)
    def _filtered(self, event: FilterPrompt.Changed) -> None:
        self._log.filter(event.pattern)
        if event.over:
            self._log.focus()

    @on(Prompt.Typed)
    def _timed(self, event: Prompt.Typed) -> None:
        known = self._jump(event.text)
        event.prompt.complain(not known)
        if known:
            event.prompt.close()
            self._log.focus()

    @on(Prompt.GivenUp)
    def _given_up(self) -> None:
        self._log.focus()

    def _jump(self, text: str) -> bool:
        """Goes to a time of day, of today or of the day before where that would lie ahead."""
        form = {5: "%H:%M", 8: "%H:%M:%S"}.get(len(text.strip()))
        try:
            asked = datetime.strptime(text.strip(), form or "").time()
        except ValueError:
            return False
        here = datetime.fromtimestamp(self.now)
        moment = here.replace(hour=asked.hour, minute=asked.minute, second=asked.second, microsecond=0).timestamp()
        self._log.go_to(self._log.buffer.number_at(moment if moment <= self.now else moment - 86_400))
        return True

    def action_copy(self) -> None:
        """Copies the lines on screen."""
        self.console.copy(self._log.visible_text(), "the lines on screen")

    def action_save(self) -> None:
        """Saves what is kept to a file in the working folder."""
        self.run_worker(self._save(self._log.buffer.dump()), name="save logs", group="save")

    async def _save(self, parts: list[tuple[str, bytes]]) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(self.now))
        file = Path.cwd() / f"{self.console.standing.stack or 'stack'}-logs-{stamp}.txt"
        try:
            await asyncio.to_thread(_write, file, parts)
        except OSError as error:
            self.notify(f"not saved: {error.strerror}: {file}", severity="error")
        else:
            self.notify(f"saved to {file}")


def _write(file: Path, parts: list[tuple[str, bytes]]) -> None:
    with file.open("wb") as stream:
        for source, data in parts:
            label = source.encode() + b" "
            stream.writelines(label + each + b"\n" for each in data.splitlines())
