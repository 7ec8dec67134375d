"""Does things to a stack, one after the other, as `scale`, `restart` and `config` do; and puts back what was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from console.engine.operate import run_options
from console.model.errors import ConsoleError
from console.model.events import Fact, LoadMeasured
from console.model.load import Load, LoadSecond
from console.model.operations import Operation, RollBack
from console.model.outcome import Outcome
from console.model.run import Verdict
from console.model.state import ServiceState, View
from console.model.verify.disturbed import Change
from console.model.verify.report import LoadCourse

if TYPE_CHECKING:
    from console.engine.service import Engine

_CALM_WITHIN = 120.0
"""Seconds that the stack gets to be ready again between two disturbances."""


class Hands:
    """What a verification does to a stack.

    Attributes:
        command: the command line that is named to those who find the stack locked.
        courses: how requests fared meanwhile.
        left: what could not be put back, in words.

    Args:
        engine: the stack's.
        command: the command line that is named to those who find the stack locked.
        timeout: seconds for each wait, in place of those that a plan gives.
    """

    def __init__(self, engine: Engine, command: str, timeout: float | None) -> None:
        self.courses: list[LoadCourse] = []
        self.left: list[str] = []
        self._engine = engine
        self.command = command
        self._timeout = timeout

    async def do(self, operation: Operation, title: str, *, load: bool = False) -> tuple[Change, Verdict | None]:
        """Carries an operation out, with requests meanwhile if asked for; what came of it."""
        try:
            with self.measured(title) as taken:
                verdict = await self._run(operation, load=load)
                if verdict.outcome is Outcome.APPLY:
                    # An autoscaler may have been quicker than the plan.
                    verdict = await self._run(operation, load=load)
                taken.load = verdict.load
        except ConsoleError as error:
            return Change(title, 0.0, problem=f"{error.what}: {error.why}" if error.why else error.what), None
        good = verdict.ok or (verdict.outcome is Outcome.VERIFY and verdict.load is not None)
        return Change(title, verdict.seconds, verdict.load, "" if good else verdict.headline), verdict

    async def put_back(self, release: int) -> None:
        """Brings the stack back to what it was; what hinders that is told in the report."""
        change, _ = await self.do(RollBack(release), f"put back to release {release}")
        if change.problem:
            self.left.append(f"{change.words}; do it yourself: rollback --to {release}")
        await self.calm()

    async def calm(self) -> None:
        """Returns once every service is ready, or after a while."""

        def ready(view: View) -> bool:
            good = {ServiceState.READY, ServiceState.STOPPED, ServiceState.EXTERNAL}
            return all(each.state in good for each in view.services)

        try:
            async with asyncio.timeout(_CALM_WITHIN):
                await self._engine.store.wait_until(lambda view: ready(view) or None)
        except TimeoutError:
            # What comes next tells it better.
            return

    @contextmanager
    def measured(self, title: str) -> Iterator[Taken]:
        """Keeps how requests fare while this lasts; who sends them says at the end what became of them."""
        taken = Taken()
        leave = self._engine.store.subscribe(taken.hear)
        try:
            yield taken
        finally:
            leave()
            if taken.load is not None:
                self.courses.append(LoadCourse(title, taken.load, tuple(taken.by_second)))

    async def _run(self, operation: Operation, *, load: bool) -> Verdict:
        plan = await self._engine.plan_operation(operation)
        options = run_options(operation, self.command, timeout=self._timeout)
        options = replace(options, drift="keep", probe_load=0.0 if load else None)
        run_id = self._engine.run(plan, options)
        try:
            return await self._engine.finished(run_id)
        except asyncio.CancelledError:
            await self._engine.cancel(run_id)
            raise


class Taken:
    """The requests of one disturbance: by second as they come, and all of them at its end."""

    def __init__(self) -> None:
        self.load: Load | None = None
        self.by_second: list[LoadSecond] = []

    def hear(self, fact: Fact) -> None:
        """Takes a fact of the store."""
        if isinstance(fact, LoadMeasured):
            self.by_second.append(fact.second)
