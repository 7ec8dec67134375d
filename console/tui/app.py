"""The console on a terminal. The app alone holds the engine; nothing heavy is imported before the first frame."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.screen import Screen
from textual.worker import WorkerFailed

from console.model.plan import ObjectRef
from console.model.workload import ClusterEvent
from console.tui.acting import Acting
from console.tui.bindings import bindings
from console.tui.bridge import Bridge, Cost
from console.tui.connection import Connect, Connection
from console.tui.palette import ConsoleCommands
from console.tui.present.glyphs import glyphs_for
from console.tui.present.heading import Standing
from console.tui.present.lines import Line, faint, line
from console.tui.present.yamltext import yaml_lines
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.home import HomeScreen
from console.tui.themes import DARK, LIGHT, theme_for

if TYPE_CHECKING:
    from console.engine.service import Engine

FindStacks = Callable[[], Sequence[tuple[str, str]]]
"""The stacks there are, by name and file; may read files."""


class ConsoleApp(Acting):
    """The console.

    Args:
        connect: makes the engine; runs behind the first frame, again and again until it succeeds.
        stack: what was named on the command line, if anything.
        target: likewise.
        find_stacks: asked where no stack was named.
        plan: whether to open at the plan of a deploy.
        clock: seconds since the epoch.
        environ: says which glyphs and colours the terminal can show.
        cost: measures what the console costs.

    Attributes:
        bridge: hands on what is new.
        glyphs: what the terminal can draw.
    """

    TITLE = "stack-console"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings("app")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]  # noqa: RUF012
    COMMANDS: ClassVar[set[Any]] = {ConsoleCommands}

    def __init__(
        self,
        connect: Connect,
        *,
        stack: str | None = None,
        target: str | None = None,
        find_stacks: FindStacks | None = None,
        plan: bool = False,
        clock: Callable[[], float] = time.time,
        environ: Mapping[str, str] | None = None,
        cost: Cost | None = None,
    ) -> None:
        super().__init__()
        self.clock = clock
        self._cost = cost or Cost()
        self.crash: BaseException | None = None
        self.glyphs = glyphs_for(os.environ if environ is None else environ)
        self.bridge = Bridge(self, clock, self._taker, self._cost)
        self._environ = os.environ if environ is None else environ
        self._connection = Connection(connect, self.glyphs, self.bridge.hurry)
        self.named, self._target = stack, target
        self._find_stacks = find_stacks
        self._plan = plan
        self._there = asyncio.Event()
        self._leaving = False
        self.animation_level = "none"

    # -- life

    def on_mount(self) -> None:
        """Paints at once."""
        asyncio.get_running_loop().set_exception_handler(self._unexpected)
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = theme_for(self._environ)
        self.set_class(self.glyphs.plain, "-ascii")
        self.push_screen(HomeScreen())
        self.bridge.attend(focused=True)

    def on_ready(self) -> None:
        """Connects behind the first frame, which what that imports would hold up."""
        connect = partial(self.run_worker, name="connect", group="connect", exclusive=True)
        self.screen.call_after_refresh(connect, self._open)

    def on_app_focus(self) -> None:
        """Somebody looks."""
        self.bridge.attend(focused=True)

    def on_app_blur(self) -> None:
        """Nobody looks."""
        self.bridge.attend(focused=False)

    async def _open(self) -> None:
        if self.named is None and self._find_stacks is not None:
            await self._choose(self._find_stacks)
        self.engine = await self._connection.establish(self.named)
        self.bridge.watch(self.engine.store)
        self._there.set()
        self.run_worker(self.ask_what_was_interrupted(), name="interrupted", group="interrupted")
        if self._plan:
            self.action_deploy()

    async def _choose(self, find: FindStacks) -> None:
        stacks = await asyncio.to_thread(find)
        if len(stacks) > 1:
            from console.tui.screens.stacks import StacksScreen

            name = await self.push_screen_wait(StacksScreen(stacks))
            self.named = dict(stacks)[name]

    async def close_engine(self) -> None:
        """Ends everything that goes on behind, a run included."""
        engine, self.engine = self.engine, None
        if engine is not None:
            await engine.close()

    def _unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task that fails behind the screens is a failure of ours like any other: nobody works on without it."""
        # Not before: the first frame does not wait for the engine.
        from console.engine.tasks import failure_in

        error = failure_in(context)
        if isinstance(error, Exception):
            self._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        """Leaves with the error in hand instead of printing a traceback; the caller saves a redacted report."""
        if self.crash is None:
            self.crash = error.error if isinstance(error, WorkerFailed) else error
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self._return_code = 1
            self._close_messages_no_wait()

    # -- for screens

    async def connected(self) -> Engine:
        """The engine, once there is one."""
        await self._there.wait()
        assert self.engine is not None
        return self.engine

    @property
    def standing(self) -> Standing:
        """What is known besides the view."""
        engine = self.engine
        stack = engine.stack.name if engine else (self.named or "")
        target = engine.stack.target.name if engine else (self._target or "")
        flags = (engine.read_only, engine.redactor.by_pattern) if engine else (False, False)
        return Standing(stack, target, self._connection.notice, *flags, lag=self._cost.lag, cpu=self._cost.cpu)

    def connection_lines(self) -> list[Line]:
        """What is said in place of pods while there is no connection."""
        return self._connection.lines

    def copy(self, text: str, what: str) -> None:
        """Copies to the terminal's clipboard (OSC 52), masked, and says so."""
        self.copy_to_clipboard(self.mask(text))
        self.notify(f"copied: {self.mask(what)}", timeout=2, markup=False)

    def events_of(self, uid: str) -> tuple[ClusterEvent, ...]:
        """The cluster's events about an object."""
        return self.engine.events_of(uid) if self.engine else ()

    def _taker(self) -> ConsoleScreen | None:
        if not self.is_running:
            # On the way out screens lose their widgets one by one, while the clock still turns.
            return None
        uppermost = (screen for screen in reversed(self.screen_stack) if isinstance(screen, ConsoleScreen))
        taker = next(uppermost, None)
        return taker if taker is not None and taker.drawn else None

    # -- other screens

    def open_pod(self, uid: str) -> None:
        """Shows a pod in full."""
        from console.tui.screens.pod import PodScreen

        self.push_screen(PodScreen(uid))

    def open_logs(self, services: Sequence[str] = (), pods: Sequence[str] = (), *, previous: bool = False) -> None:
        """Follows logs; of the whole stack if nothing is named."""
        from console.tui.screens.logs import LogsScreen

        self.push_screen(LogsScreen(services, pods, previous=previous))

    def open_object(self, *refs: ObjectRef) -> None:
        """Shows objects as the cluster has them."""
        from console.tui.screens.text import TextScreen

        async def load() -> Sequence[Line]:
            engine = await self.connected()
            parts = [list(yaml_lines(await engine.read(ref))) for ref in refs]
            return [each for part in parts for each in (*part, line(faint("---")))][:-1]

        self.push_screen(TextScreen(", ".join(map(str, refs)), load))

    def open_workload(self, service: str) -> None:
        """Shows the workloads of a service that nobody owns but itself."""
        view = self.bridge.view
        own = [each for each in view.workloads.values() if each.service == service] if view else []
        top = [each for each in own if not each.owner_uid]
        groups = {"Job": "batch/v1"}
        if top:
            self.open_object(*(ObjectRef(groups.get(w.kind, "apps/v1"), w.kind, w.namespace, w.name) for w in top))
        else:
            self.notify(f"{service} has no workload in the cluster", severity="warning", markup=False)

    def hurry(self) -> None:
        """Tries to connect now."""
        self._connection.hurry()

    # -- everywhere

    def action_help(self) -> None:
        """The keys that work here."""
        from console.tui.screens.help import HelpScreen

        if isinstance(self.screen, ConsoleScreen):
            self.push_screen(HelpScreen(self.screen.place, self.screen.heading or "home"))

    def action_theme(self) -> None:
        """Light or dark."""
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """None of the framework's own: every action stands in the console's table."""
        return ()

    async def action_leave(self) -> None:
        """Leaves; asks first while a run goes on, which ends with the console."""
        run = self.bridge.view.run if self.bridge.view else None
        if self._leaving:
            return
        if run is not None and run.verdict is None:
            self.run_worker(self._ask_to_leave(run.run_id), group="leave", exclusive=True)
        else:
            self.exit(0)

    async def _ask_to_leave(self, run_id: str) -> None:
        from console.tui.screens.ask import Ask, Choice

        question = "A run goes on. Leaving ends it cleanly: what was reached stays."
        if await self.push_screen_wait(Ask(question, [Choice("y", "yes", "End the run and leave")], "Stay")):
            self._leaving = True
            self.notify("ending the run ...", timeout=60)
            if self.engine is not None:
                await self.engine.cancel(run_id)
            self.exit(0)
