"""The console on a terminal of a fixed size: its real screens, driven by keys and read as text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from console.engine.store import Store
from console.model.events import PodGone, PodObserved, ProbeObserved, WorkloadObserved
from console.model.workload import ProbeKind
from console.tui.app import ConsoleApp
from console.tui.bridge import Cost
from console.tui.themes import DARK
from tests.tui.scripted import NOW, ScriptedEngine, crashed, fill, pod, result, starting, workload

UNICODE = {"LANG": "C.UTF-8"}
_PATIENCE = 5.0


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class NoCost(Cost):
    """The same figures on every machine."""

    def turn(self, *, behind: bool) -> None:
        """Measures nothing."""

    def pause(self, computed: float) -> float:
        """Shows at once what is new."""
        return 0.0


def console_of(engine: ScriptedEngine, **options: Any) -> ConsoleApp:
    """The console; what it costs itself is left out, for that differs from run to run."""

    async def connect(stack: str | None, tell: Callable[[str], None]) -> ScriptedEngine:
        return engine

    defaults: dict[str, Any] = {"connect": connect, "stack": "todo", "clock": Clock(), "environ": UNICODE}
    return ConsoleApp(**{**defaults, "cost": NoCost(), **options})


class Terminal:
    """A terminal with the console on it."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot
        self.left: list[object] = []

    def note_leaving(self, result: object = None, *_: object) -> None:
        """Leaving is noted and not done, so that what comes next can be looked at."""
        self.left.append(result)

    @property
    def text(self) -> str:
        """What the uppermost screen shows, as text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    @property
    def place(self) -> str:
        """Which screen is uppermost: its name in the table of keys, else its class."""
        return getattr(self.app.screen, "place", type(self.app.screen).__name__)

    def settled(self) -> bool:
        """Whether the screen is laid out and nothing waits to be drawn."""
        screen = self.app.screen
        return screen.is_current and screen._compositor.size == self.app.size and not screen._dirty_widgets

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.pilot.press(*("space" if char == " " else char for char in text))

    async def until(self, holds: Callable[[], object], patience: float = _PATIENCE) -> None:
        """Goes on once it holds; fails with what is on the screen if it does not within so many seconds."""
        end = time.monotonic() + patience
        while not self._holds(holds):
            assert time.monotonic() < end, f"on the screen {self.place}:\n{self.text}"
            await asyncio.sleep(0.005)

    def _holds(self, holds: Callable[[], object]) -> bool:
        self.app.bridge.turn()
        return bool(holds())

    async def shows(self, *words: str, patience: float = _PATIENCE) -> None:
        await self.until(lambda: all(each in self.text for each in words), patience)

    async def at(self, place: str) -> None:
        await self.until(lambda: self.place == place and self.app.screen.is_current)
        await self.pilot.pause()

    async def go_home(self) -> None:
        """Closes everything that lies over home, and ends what was begun there."""
        while len(self.app.screen_stack) > 2:
            self.app.pop_screen()
            await self.pilot.pause()
        await self.at("home")
        await self.press("escape")
        self.app.screen.query_one("#pods").focus()
        await self.press("g")
        self.app.clear_notifications()
        self.app.theme = DARK.name
        self.app.copy_to_clipboard("")
        self.left.clear()

    async def tick(self, seconds: float) -> None:
        """Lets time pass."""
        self.app.clock.now += seconds  # type: ignore[attr-defined]
        self.app.bridge.turn()
        await self.pilot.pause()


@asynccontextmanager
async def opened(
    engine: ScriptedEngine, size: tuple[int, int] = (120, 40), *, place: str = "home", **options: Any
) -> AsyncIterator[Terminal]:
    """The console on a terminal, past its first frame."""
    app = console_of(engine, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        terminal = Terminal(app, pilot)
        app.exit = terminal.note_leaving  # type: ignore[method-assign]
        await terminal.at(place)
        yield terminal


@asynccontextmanager
async def connected(
    engine: ScriptedEngine, size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[Terminal]:
    """The console on a terminal, with a view of its stack."""
    async with opened(engine, size, **options) as terminal:
        await terminal.until(lambda: terminal.app.bridge.view is not None)
        await terminal.pilot.pause()
        yield terminal


def heal(store: Store) -> None:
    """What starts and what fails in the filled store comes to serve."""
    for service, suffix, desired in (("mcp-server", "p4wq2", 2), ("ai-agent", "zz1k4", 1)):
        healthy = replace(pod(service, suffix), created=NOW - 180)
        store.dispatch(PodObserved(healthy), WorkloadObserved(workload(service, desired, desired)))
        for kind in ProbeKind:
            store.dispatch(ProbeObserved(healthy.uid, service, result(kind, True, 20, 2)))
    assert {starting().uid, crashed().uid} <= store.view().pods.keys()


def empty(store: Store) -> None:
    """All pods of the filled store go."""
    store.dispatch(*(PodGone(uid) for uid in store.view().pods))


def filled_engine(folder: Any, **options: Any) -> ScriptedEngine:
    engine = ScriptedEngine(folder, **options)
    fill(engine.store)
    return engine
