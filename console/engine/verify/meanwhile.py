"""Requests to a stack while something is done to it that is no run, under the stack's lock."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from console.engine.aims import refuse_unaimed
from console.engine.course import Course
from console.engine.holder import this_process
from console.engine.lease import hold
from console.engine.load import probed
from console.engine.operate import gather_operation, plan_operation
from console.engine.ports import World
from console.engine.work import RunOptions, Work, new_run_id
from console.model.operations import Restart

if TYPE_CHECKING:
    from console.engine.service import Engine
    from console.engine.verify.hands import Hands


@asynccontextmanager
async def requests_meanwhile(engine: Engine, world: World, hands: Hands, title: str) -> AsyncIterator[Work]:
    """Sends requests while this lasts; what became of them is in `load` of what it gives, afterwards.

    Nothing of the plan that it is made from is carried out: it tells where requests can go.

    Raises:
        LockedError: somebody else changes the stack.
        UsageError: the stack has nothing that requests could be sent to.
    """
    stack = engine.stack
    operation = Restart()
    gathered = await gather_operation(stack, world, operation)
    plan = plan_operation(gathered, operation, world)
    run_id, options = new_run_id(), RunOptions(hands.command, probe_load=0.0)
    course = Course(run_id, plan, engine.store, Path(), world.redactor, world.clock)
    work = Work(run_id, stack, world, engine.store, course, plan, gathered, options)
    refuse_unaimed(work)
    holder = this_process(run_id)
    command = world.redactor.text(hands.command)
    async with hold(world.cluster, stack.namespace, stack.name, holder, command=command, clock=time.time):
        with hands.measured(title) as taken:
            async with probed(work):
                yield work
            taken.load = work.load
