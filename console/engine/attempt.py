"""One run from beginning to verdict: steps by what they need; evidence first when one fails, then a rollback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.engine import images
from console.engine.addresses import addresses_of
from console.engine.aims import refuse_unaimed
from console.engine.applying import apply_changes
from console.engine.claims import sent_before
from console.engine.destroy import finish_destroy, remove_changes, stop_service
from console.engine.effective import take_effect
from console.engine.evidence import keep_evidence
from console.engine.load import is_wanted, probed
from console.engine.opening import begin
from console.engine.patience import Patience
from console.engine.ports import RunRecord
from console.engine.record import record_release, record_rollback
from console.engine.releases import last_good
from console.engine.rollback import roll_back
from console.engine.rollout import wait_for
from console.engine.steplog import StepLog
from console.engine.together import together
from console.engine.verdict import conclude, diagnoses_of, outcome_of
from console.engine.work import Work
from console.model.errors import ConsoleError, UnreachableError
from console.model.events import RunFinished, RunStarted
from console.model.outcome import Outcome
from console.model.plan import Step, StepKind
from console.model.run import StepState, Verdict

Action = Callable[[Work, Step, StepLog], Awaitable[str]]
"""Does a step; what it achieved, in words."""


class Attempt:
    """One run.

    Args:
        work: what it works with.
        folder: gets its evidence.
        go: while it is not set, nothing new begins.
    """

    def __init__(self, work: Work, folder: Path, go: asyncio.Event) -> None:
        self._work = work
        self._folder = folder
        self._go = go
        self._began = work.world.clock()
        self._clock = time.monotonic()
        self._done = {step.id: asyncio.Event() for step in work.plan.steps}
        self._failed = ""
        self._evidence: tuple[str, ...] = ()
        self._rolled_back = ""

    async def run(self) -> Verdict:
        """Carries the plan out, and tells the verdict."""
        work = self._work
        command = work.world.redactor.text(work.options.command)
        work.store.dispatch(RunStarted(work.run_id, work.plan.kind, work.plan, command, self._began))
        error: BaseException | None = None
        try:
            await self._remember(work.world.journal.record_run(self._record()))
            await self._carry_out()
        except (ConsoleError, asyncio.CancelledError, Exception) as failure:
            error = failure
        verdict = await self._end(error)
        if verdict.outcome is Outcome.BUG and error is not None:
            raise error
        return verdict

    async def _end(self, error: BaseException | None) -> Verdict:
        """Tells the verdict; one who cancels now gets it without what is only good to know."""
        work = self._work
        seconds = round(time.monotonic() - self._clock, 3)
        verdict = self._conclude(error, seconds)
        try:
            if error is None and not work.plan.removes:
                verdict = replace(verdict, addresses=await self._addresses())
            await self._remember(work.world.journal.record_run(self._record(verdict)))
        except asyncio.CancelledError:
            # It has ended anyway.
            pass
        finally:
            work.store.dispatch(RunFinished(work.run_id, verdict, work.world.clock()))
        return verdict

    def _conclude(self, error: BaseException | None, seconds: float) -> Verdict:
        return conclude(self._work, error, seconds, evidence=self._evidence, rolled_back=self._rolled_back)

    # -- steps

    async def _carry_out(self) -> None:
        work = self._work
        async with AsyncExitStack() as held:
            try:
                if is_wanted(work):
                    refuse_unaimed(work)
                await self._begin(held)
                await held.enter_async_context(probed(work))
                rest = [step for step in work.plan.steps if step.kind not in {StepKind.PREFLIGHT, StepKind.ROLLBACK}]
                await together((self._step(step) for step in rest), f"run {work.run_id}")
                if work.plan.removes:
                    await finish_destroy(work)
            except (ConsoleError, asyncio.CancelledError, Exception) as error:
                await self._after_failure(error)
                raise
            self._leave_out_rollback("nothing failed")

    async def _begin(self, held: AsyncExitStack) -> None:
        """Not beside the others: it is this task that the lock ends when it is lost."""

        async def preflight(work: Work, step: Step, log: StepLog) -> str:
            return await begin(work, held, log)

        step = next((step for step in self._work.plan.steps if step.kind is StepKind.PREFLIGHT), None)
        if step:
            await self._perform(step, preflight)
        else:
            async with self._work.course.log(Step("begin", StepKind.PREFLIGHT, "")) as log:
                await begin(self._work, held, log)

    async def _step(self, step: Step) -> None:
        try:
            for need in step.needs:
                await self._done[need].wait()
            if step.kind in _HELD:
                await self._go.wait()
        except asyncio.CancelledError:
            self._work.course.skipped(step, self._why())
            raise
        await self._perform(step, _ACTIONS[step.kind])

    async def _perform(self, step: Step, action: Action) -> None:
        """Does one step, and tells its course."""
        work = self._work
        work.course.started(step)
        try:
            async with work.course.log(step) as log:
                detail = await action(work, step, log)
        except asyncio.CancelledError:
            work.course.skipped(step, self._why())
            raise
        except Exception as error:
            self._failed = self._failed or step.id
            words = str(error) if isinstance(error, ConsoleError) else f"{type(error).__name__}: {error}"
            work.course.failed(step, words, diagnoses_of(error))
            raise
        seconds = work.course.finished(step, detail)
        self._done[step.id].set()
        journal, stack = work.world.journal, work.stack
        await self._remember(journal.record_step(work.run_id, stack.name, stack.target.name, step.id, seconds))

    def _why(self) -> str:
        return f"not done, {self._failed} failed" if self._failed else "interrupted"

    # -- failure

    async def _after_failure(self, error: BaseException) -> None:
        """Evidence first, then the release as far as it came, then the rollback."""
        work, outcome = self._work, outcome_of(error)
        if work.lock and work.lock.lost:
            outcome = Outcome.LOCKED
        if isinstance(error, asyncio.CancelledError | UnreachableError):
            # Whoever cancels does not wait for an API server that is away, and we have waited long enough.
            work.outlast(Patience())
        for step in work.course.of(StepState.PENDING):
            if step.kind is not StepKind.ROLLBACK:
                work.course.skipped(step, self._why())
        if work.changed_cluster and isinstance(error, ConsoleError):
            self._evidence = await keep_evidence(work, diagnoses_of(error), self._folder / "evidence")
        if work.changed_cluster and not work.plan.removes and outcome is not Outcome.LOCKED:
            await self._try(record_release(work, outcome), "the release is not recorded")
        if work.changed_cluster and work.options.rollback and isinstance(error, ConsoleError):
            await self._roll_back()
        self._leave_out_rollback("there was nothing to roll back")

    async def _roll_back(self) -> None:
        work = self._work
        step = next(step for step in work.plan.steps if step.kind is StepKind.ROLLBACK)
        good = last_good(work.gathered.releases)
        work.release += 1

        async def back(work: Work, step: Step, log: StepLog) -> str:
            words = await roll_back(work, step, log)
            if good:
                await record_rollback(work, good)
            return words

        try:
            await self._perform(step, back)
            self._rolled_back = f"rolled back to release {good.number}" if good else "no good release to roll back to"
        except ConsoleError as error:
            self._rolled_back = f"the rollback failed as well: {error.what}"

    def _leave_out_rollback(self, why: str) -> None:
        for step in self._work.course.of(StepState.PENDING):
            self._work.course.skipped(step, why)

    # -- the end

    async def _addresses(self) -> tuple[str, ...]:
        try:
            return await addresses_of(self._work)
        except ConsoleError:
            return ()

    def _record(self, verdict: Verdict | None = None) -> RunRecord:
        work = self._work
        command = work.world.redactor.text(work.options.command)
        where = (work.stack.name, work.stack.target.name)
        cluster = str(work.plan.cluster or "")
        record = RunRecord(work.run_id, work.plan.kind, *where, self._began, command, cluster=cluster)
        if verdict is None:
            return record
        return replace(
            record,
            ended=work.world.clock(),
            outcome=verdict.outcome.word,
            headline=verdict.headline,
            release=verdict.release,
            phases=verdict.phases,
            load=verdict.load,
            drill=verdict.drill,
        )

    async def _remember(self, work: Coroutine[Any, Any, None]) -> None:
        await self._try(work, "the run is not in the journal")

    async def _try(self, work: Coroutine[Any, Any, object], otherwise: str) -> None:
        """Does what a run can do without."""
        try:
            await work
        except ConsoleError as error:
            self._work.warnings.append(f"{otherwise}: {error.what}")


async def _apply(work: Work, step: Step, log: StepLog) -> str:
    return await apply_changes(work, step.changes, log)


async def _wait(work: Work, step: Step, log: StepLog) -> str:
    return await wait_for(work, step, step.service)


async def _effective(work: Work, step: Step, log: StepLog) -> str:
    run = work.store.view().run
    courses = [run.steps[each.id] for each in work.plan.steps if each.kind is StepKind.APPLY] if run else []
    began = min((each.started for each in courses if each.started is not None), default=work.world.clock())
    work.effect = await take_effect(work, step, log, sent_before(work), began)
    if work.effect.unproven:
        work.warnings.append(str(work.effect))
    return str(work.effect)


async def _record(work: Work, step: Step, log: StepLog) -> str:
    await work.certain()
    return await record_release(work, Outcome.DONE)


_HELD = frozenset({StepKind.PROVISION, StepKind.BUILD, StepKind.PUSH, StepKind.APPLY, StepKind.STOP, StepKind.PRUNE})
"""What does not begin while a run is paused; what was begun is waited for, and recorded."""
_ACTIONS: dict[StepKind, Action] = {
    StepKind.PROVISION: images.provision,
    StepKind.BUILD: images.build,
    StepKind.PUSH: images.push,
    StepKind.APPLY: _apply,
    StepKind.WAIT: _wait,
    StepKind.EFFECTIVE: _effective,
    StepKind.STOP: stop_service,
    StepKind.PRUNE: remove_changes,
    StepKind.RECORD: _record,
}
