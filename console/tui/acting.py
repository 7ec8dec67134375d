"""What the console can do to the stack: each action shows a plan first; one run at a time, watched beside the grid."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from textual.app import App

from console.model.errors import ConsoleError
from console.model.state import ServiceState
from console.tui.bridge import Bridge
from console.tui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from console.engine.deploy import RunOptions
    from console.engine.service import Engine
    from console.model.operations import Operation
    from console.model.plan import Plan
    from console.model.run import LockHolder
    from console.model.stack import Service

_BESIDE = frozenset({"scale", "restart", "config", "rollback", "stop", "start"})
"""Runs that are watched beside the grid; a deploy has logs to show and takes the whole screen."""


class Acting(App[int]):
    """The part of the app that acts on the stack.

    Attributes:
        bridge: has the newest view.
        engine: None until there is a connection.
        named: the stack as it was named on the command line.
        interrupted: whose run was killed before this console came, until another one begins.
        last_run: the id of the run that was started last, empty if none was.
    """

    bridge: Bridge
    engine: Engine | None = None
    named: str | None = None
    last_run: str = ""
    interrupted: LockHolder | None = None

    def mask(self, text: str) -> str:
        """The text without anything that must not be shown."""
        return self.engine.redactor.text(text) if self.engine else text

    def complain(self, error: ConsoleError) -> None:
        """Says why something is not done."""
        self.notify(self.mask(str(error)), severity="error", timeout=8, markup=False)

    @property
    def services(self) -> Sequence[Service]:
        """The services of the stack as they are declared."""
        return self.engine.stack.services if self.engine else ()

    # -- what was interrupted

    async def ask_what_was_interrupted(self) -> None:
        """Whose run was killed, if the last one was; nobody is disturbed if that cannot be known."""
        assert self.engine is not None
        with suppress(ConsoleError):
            self.interrupted = await self.engine.interrupted()
        self.bridge.hurry()
        self.screen.refresh_bindings()

    def action_finish(self) -> None:
        """Shows the plan of what was interrupted; or its command, where it does not say everything."""
        from console.model.repeating import operation_of, verb_of

        left = self.interrupted
        if left is None:
            self.notify("nothing was interrupted")
        elif operation := operation_of(left.command):
            self.propose(operation)
        elif verb_of(left.command) == "deploy":
            self.action_deploy()
        else:
            self.notify(f"to finish it, run: {self.mask(left.command)}", timeout=8, markup=False)

    # -- plans

    def action_deploy(self) -> None:
        """Shows the plan; or the run, if one goes on."""
        from console.tui.screens.plan import PlanScreen

        if not self._watch_what_goes_on() and not isinstance(self.screen, PlanScreen):
            self.push_screen(PlanScreen())

    def propose(self, operation: Operation) -> None:
        """Shows what an operation would do; or the run, if one goes on."""
        from console.tui.screens.plan import PlanScreen

        if not self._watch_what_goes_on():
            self.push_screen(PlanScreen(operation))

    def action_scale(self) -> None:
        """Other numbers of pods."""
        from console.tui.screens.scale import ScaleScreen

        self.open_panel(ScaleScreen(self._selected()))

    def action_restart(self) -> None:
        """New pods."""
        from console.tui.screens.restart import RestartScreen

        self.open_panel(RestartScreen(self._selected()))

    def action_configuration(self) -> None:
        """ConfigMaps and Secrets."""
        from console.tui.screens.config import ConfigScreen

        self.open_panel(ConfigScreen(self._selected()))

    def action_roll_back(self) -> None:
        """Shows what going back to the release before would do."""
        self.run_worker(self._roll_back(), name="roll back", group="roll back", exclusive=True)

    async def _roll_back(self) -> None:
        from console.model.operations import RollBack

        assert self.engine is not None
        try:
            self.propose(RollBack(await self.engine.earlier_release()))
        except ConsoleError as error:
            self.complain(error)

    def action_stop_or_start(self) -> None:
        """Shows what stopping everything would do; or starting it again, where it was stopped."""
        from console.model.operations import Start, Stop

        self.propose(Start() if self.stopped else Stop())

    def action_history(self) -> None:
        """Releases and runs."""
        from console.tui.screens.history import HistoryScreen

        if not isinstance(self.screen, HistoryScreen):
            self.push_screen(HistoryScreen())

    def open_panel(self, panel: ConsoleScreen) -> None:
        """Opens a panel; or the run, if one goes on."""
        if type(self.screen) is not type(panel) and not self._watch_what_goes_on():
            self.push_screen(panel)

    def _selected(self) -> str:
        """The service that is selected on the screen."""
        return self.screen.about_service if isinstance(self.screen, ConsoleScreen) else ""

    @property
    def stopped(self) -> bool:
        """Whether everything was stopped."""
        states = {service.state for service in self.bridge.view.services} if self.bridge.view else set()
        return ServiceState.STOPPED in states and states <= {ServiceState.STOPPED, ServiceState.ABSENT}

    # -- runs

    def start_run(self, plan: Plan, *, rollback: bool, drift: str, measures: bool = False) -> None:
        """Carries out the plan of a deploy and watches it; `measures` sends requests to the stack meanwhile."""
        from console.engine.deploy import RunOptions
        from console.model.repeating import command

        choice = cast("Literal['fail', 'keep', 'overwrite']", drift)
        words = [*(["--rollback"] if rollback else []), *(["--drift", drift] if drift != "fail" else [])]
        line = command("deploy", self.named or plan.stack, plan.target, options=words)
        self._carry_out(plan, RunOptions(line, rollback=rollback, drift=choice), measures=measures)

    def start_operation(self, plan: Plan, operation: Operation, *, rollback: bool, measures: bool = False) -> None:
        """Carries out the plan of an operation and watches it; `measures` sends requests to the stack meanwhile."""
        from console.engine.operate import run_options
        from console.model.repeating import command_of

        line = command_of(operation, self.named or plan.stack, plan.target)
        self._carry_out(plan, replace(run_options(operation, line), rollback=rollback), measures=measures)

    def _carry_out(self, plan: Plan, options: RunOptions, *, measures: bool) -> None:
        from console.tui.screens.run import RunScreen

        assert self.engine is not None
        if measures:
            options = replace(options, command=f"{options.command} --probe-load", probe_load=0.0)
        try:
            self.last_run = self.engine.run(plan, options)
        except ConsoleError as error:
            self.complain(error)
            return
        self.interrupted = None
        self.pop_screen()
        if isinstance(self.screen, RunScreen):
            # The run before has been undone, or done again.
            self.pop_screen()
        self._watch_run(self.last_run, plan.kind)

    def _watch_what_goes_on(self) -> bool:
        """Shows the run that goes on; False if there is none."""
        run = self.bridge.view.run if self.bridge.view else None
        if run is None or run.verdict is not None:
            return False
        self._watch_run(run.run_id, run.kind)
        return True

    def _watch_run(self, run_id: str, kind: str) -> None:
        from console.tui.screens.run import RunScreen

        if not (isinstance(self.screen, RunScreen) and self.screen.run_id == run_id):
            self.push_screen(RunScreen(run_id, beside=kind in _BESIDE))
