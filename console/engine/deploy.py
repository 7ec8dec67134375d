"""Carries out plans: every run in a folder of its own, with one verdict at the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from console.engine.attempt import Attempt
from console.engine.course import Course, log_file
from console.engine.drilled import DrillAttempt, UndoAttempt
from console.engine.drills import Prepared
from console.engine.patience import PATIENCE, Patience
from console.engine.ports import World
from console.engine.releases import last_good
from console.engine.store import Store
from console.engine.work import RunOptions, Work
from console.model.events import RunPaused
from console.model.gathered import Gathered
from console.model.plan import Plan, Step, StepKind
from console.model.run import Verdict
from console.model.stack import Stack

__all__ = ["RunOptions", "Runner"]


class Runner:
    """Carries out plans for one stack.

    Args:
        stack: what is declared.
        world: what is changed.
        store: gets the facts.
        logs: the folder of the runs; each gets a folder of its own for the output of its steps and its evidence.
    """

    def __init__(self, stack: Stack, world: World, store: Store, logs: Path) -> None:
        self._stack = stack
        self._world = world
        self._store = store
        self._logs = logs
        self._go = asyncio.Event()

    def pause(self, run_id: str, *, paused: bool) -> None:
        """Begins no more steps of the run that goes on, or goes on with it.

        Args:
            run_id: which run it is.
            paused: what is wanted.
        """
        if paused is not self._go.is_set():
            return
        if paused:
            self._go.clear()
        else:
            self._go.set()
        self._store.dispatch(RunPaused(run_id, paused, self._world.clock()))

    def step_log(self, run_id: str, step_id: str) -> Path:
        """The file that gets the redacted output of a step; it may not be there yet."""
        return log_file(self._logs / run_id, step_id)

    async def run(self, run_id: str, plan: Plan, gathered: Gathered, options: RunOptions) -> Verdict:
        """Carries out a plan. Whatever happens, and also when it is cancelled, it ends with a verdict.

        Args:
            run_id: names the run everywhere.
            plan: what to do.
            gathered: what the plan was made from.
            options: how.
        """
        if options.rollback and not plan.removes:
            plan = _with_rollback(plan, gathered)
        if not options.wait:
            plan = _without_waits(plan)
        return await Attempt(*self._begun(run_id, plan, gathered, options)).run()

    async def drill(self, run_id: str, plan: Plan, prepared: Prepared, options: RunOptions) -> Verdict:
        """Runs a drill. Whatever happens, it is undone before this ends, or the verdict says how to.

        Args:
            run_id: names the run everywhere.
            plan: what to do.
            prepared: what the plan was made from.
            options: how.
        """
        begun = self._begun(run_id, plan, prepared.gathered, options)
        return await DrillAttempt(*begun, prepared).run()

    async def undo_drill(self, run_id: str, plan: Plan, gathered: Gathered, options: RunOptions) -> Verdict:
        """Ends a drill that was left open. The arguments are those of `run`."""
        return await UndoAttempt(*self._begun(run_id, plan, gathered, options)).run()

    def _begun(
        self, run_id: str, plan: Plan, gathered: Gathered, options: RunOptions
    ) -> tuple[Work, Path, asyncio.Event]:
        self._go.set()
        world, folder = self._world, self._logs / run_id
        course = Course(run_id, plan, self._store, folder, world.redactor, world.clock)
        work = Work(run_id, self._stack, world, self._store, course, plan, gathered, options)
        work.outlast(Patience(PATIENCE, work.certain))
        return work, folder, self._go


def _without_waits(plan: Plan) -> Plan:
    """Nothing is waited for; what came behind a wait comes behind what that came behind."""
    left = {step.id: step.needs for step in plan.steps if step.kind in {StepKind.WAIT, StepKind.EFFECTIVE}}

    def needs(step: Step) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for need in step.needs for each in left.get(need, (need,))))

    steps = tuple(replace(step, needs=needs(step)) for step in plan.steps if step.id not in left)
    return replace(plan, steps=steps)


def _with_rollback(plan: Plan, gathered: Gathered) -> Plan:
    good = last_good(gathered.releases)
    title = f"roll back to release {good.number} if anything fails" if good else "roll back if anything fails"
    return replace(plan, steps=(*plan.steps, Step("rollback", StepKind.ROLLBACK, title)))
