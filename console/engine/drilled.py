"""One drill from steady state to verdict; and the undo of one whose console died. Both are runs like all others."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

from console.engine.aims import refuse_unaimed
from console.engine.attempt import Attempt
from console.engine.drills import AGAIN, INJECT, RECOVER, STEADY, UNDO, Prepared
from console.engine.evidence import keep_evidence
from console.engine.holder import this_process
from console.engine.injected import inject
from console.engine.live import Findings, read_live
from console.engine.load import probed
from console.engine.noticing import Noticing, unwell, well
from console.engine.opening import lock
from console.engine.steplog import StepLog
from console.engine.together import whole
from console.engine.undone import Undone, encoded, read_open, undo, write_down
from console.engine.waiting import Expected, look
from console.engine.work import Work
from console.model.drills.calls import Evict, OpenDrill, undo_words
from console.model.drills.catalogue import CATALOGUE
from console.model.drills.ground import BROKEN
from console.model.drills.judging import Moment, judge, result_words
from console.model.errors import DrillError, PreflightError, UsageError
from console.model.events import DrillMoment
from console.model.outcome import Outcome
from console.model.plan import Step, StepKind
from console.model.run import Verdict
from console.model.state import View

STEADY_WITHIN = 30.0
"""Seconds that a stack gets to be well before anything is injected."""
AGAIN_WITHIN = 120.0
"""Seconds that it gets to be well once everything is undone."""
NOTICE_WITHIN = 30.0
"""Seconds within which somebody has to notice what does not heal by itself."""
HOLD = 5.0
"""Seconds for which that is left as it is once it was noticed."""


class UndoAttempt(Attempt):
    """Ends a drill that was left open, from what the cluster knows of it.

    Args:
        work: the run.
        folder: gets its evidence.
        go: see `Attempt`.
    """

    def __init__(self, work: Work, folder: Path, go: asyncio.Event) -> None:
        super().__init__(work, folder, go)
        self._left = Undone()

    async def _carry_out(self) -> None:
        work = self._work
        try:
            async with AsyncExitStack() as held:
                await work.world.cluster.confirm()
                async with work.course.log(Step("begin", StepKind.PREFLIGHT, "")) as log:
                    work.lock = await held.enter_async_context(lock(work, log))
                await whole(self._perform(_step(work, UNDO), self._undo), "drill: undo")
                await self._perform(_step(work, AGAIN), self._again)
        finally:
            self._leave_out_rollback("not reached")

    async def _undo(self, work: Work, step: Step, log: StepLog) -> str:
        await work.certain()
        drill = await read_open(work.stack, work.world)
        if drill is None:
            return "nothing is open"
        for words in undo_words(drill.undo):
            log.line(words)
        self._left = await undo(work.stack, work.world, drill)
        return "; ".join(self._left.wrong) or "everything is as before"

    async def _again(self, work: Work, step: Step, log: StepLog) -> str:
        await well(work.store, AGAIN_WITHIN)
        return "every service is ready"

    def _conclude(self, error: BaseException | None, seconds: float) -> Verdict:
        verdict, work = super()._conclude(error, seconds), self._work
        if error is not None:
            return replace(verdict, next_step=_how_to_undo(work))
        headline = f"{work.stack.name} on {work.stack.target.name}: {work.plan.about}"
        if self._left.wrong:
            headline = f"{headline}, but {'; '.join(self._left.wrong)}"
            return replace(verdict, outcome=Outcome.DRILL, headline=headline)
        return replace(verdict, headline=headline)


class DrillAttempt(Attempt):
    """Runs a drill: whatever happens to it, what it did is undone before it ends.

    Args:
        work: the run.
        folder: gets its evidence.
        go: see `Attempt`.
        prepared: the drill.
    """

    def __init__(self, work: Work, folder: Path, go: asyncio.Event, prepared: Prepared) -> None:
        super().__init__(work, folder, go)
        self._prepared = prepared
        self._kind = CATALOGUE[prepared.source.kind]
        self._moments: list[Moment] = []
        self._noticing = Noticing(work.store, prepared.services, prepared.injection, work.world.clock, self._tell)
        self._harm: list[str] = []
        self._open: OpenDrill | None = None
        self._undone: Undone | None = None

    async def _carry_out(self) -> None:
        work = self._work
        _aim(work)
        try:
            async with AsyncExitStack() as held:
                await self._begin(held)
                async with probed(work):
                    await self._perform(_step(work, STEADY), self._steady)
                    await self._inject_and_undo()
                    await self._perform(_step(work, AGAIN), self._again)
        finally:
            self._noticing.close()
            self._leave_out_rollback("not reached")

    async def _inject_and_undo(self) -> None:
        work = self._work
        try:
            async with asyncio.timeout(self._prepared.source.limit):
                await self._perform(_step(work, INJECT), self._inject)
                await self._perform(_step(work, RECOVER), self._recover)
        except TimeoutError:
            diagnoses = work.store.view().diagnoses
            self._evidence = await keep_evidence(work, diagnoses, self._folder / "evidence")
        finally:
            if self._open:
                await whole(self._perform(_step(work, UNDO), self._undo), "drill: undo")

    # -- steps

    async def _steady(self, work: Work, step: Step, log: StepLog) -> str:
        try:
            await well(work.store, STEADY_WITHIN)
        except DrillError as error:
            hint = "a drill proves nothing about what is broken already: see `status`"
            raise PreflightError("no steady state, nothing was injected", why=error.why, hint=hint) from error
        load = work.store.view().load
        if load and load.failed:
            what = f"{load.failed:,} of {load.requests:,} requests fail already, nothing was injected"
            raise PreflightError(what, why=load.failures[0].reason if load.failures else "")
        return "every service is ready" + (", requests are answered" if load and load.requests else "")

    async def _inject(self, work: Work, step: Step, log: StepLog) -> str:
        calls = self._prepared.injection.calls
        await work.certain()
        drill = self._drill()
        await whole(self._write_down(drill), "drill: write down the undo")
        log.line("the undo is written down")
        self._noticing.begin()
        refused = await inject(work.world.cluster, calls, encoded(drill), log.line)
        self._noticing.moment("injected")
        if refused:
            self._noticing.moment("noticed by budget", refused)
        elif any(isinstance(call, Evict) and call.may_be_refused for call in calls):
            self._harm.append("the disruption budget refused no eviction")
        return refused or f"{len(calls)} call{'s' if len(calls) > 1 else ''}"

    def _drill(self) -> OpenDrill:
        work, source, holder = self._work, self._prepared.source, this_process(self._work.run_id)
        now = work.world.clock()
        return OpenDrill(
            run_id=work.run_id,
            kind=source.kind,
            service=source.service,
            begun=now,
            until=now + source.limit,
            release=self._prepared.release,
            who=f"{holder.user}@{holder.host}",
            command=work.world.redactor.text(work.options.command),
            undo=self._prepared.injection.undo,
        )

    async def _write_down(self, drill: OpenDrill) -> None:
        await write_down(self._work.stack, self._work.world, drill)
        self._open = drill

    async def _recover(self, work: Work, step: Step, log: StepLog) -> str:
        if self._kind.heals:
            await work.store.wait_until(self._noticing.serves_again)
            self._noticing.moment("ready")
            return "ready again"
        with suppress(TimeoutError):
            async with asyncio.timeout(NOTICE_WITHIN):
                await work.store.wait_until(lambda view: self._noticing.noticed)
        if not self._noticing.noticed:
            # A startup probe that may fail for long is no finding yet; that the pod is not ready is told all the while.
            waiting = self._noticing.newcomer_waits(work.store.view())
            if waiting is None:
                return "nobody noticed"
            self._noticing.moment("noticed by status", f"{waiting.name} does not get ready")
            return "noticed late"
        await asyncio.sleep(HOLD)
        if self._kind.failed_requests == 0 and not self._noticing.still_serve(work.store.view()):
            self._harm.append("none of the old pods serves any more")
        return "noticed"

    async def _undo(self, work: Work, step: Step, log: StepLog) -> str:
        assert self._open is not None
        for words in undo_words(self._open.undo):
            log.line(words)
        self._undone = await undo(work.stack, work.world, self._open)
        self._noticing.moment("undone")
        self._noticing.expect_gone(self._undone.renewed)
        self._harm += self._undone.wrong
        return "; ".join(self._undone.wrong) or "everything is as before"

    async def _again(self, work: Work, step: Step, log: StepLog) -> str:
        expected = await self._expected()

        def ready(view: View) -> bool:
            there = all(look(view, service, each).ready for service, each in expected.items())
            return there and self._noticing.serves_again(view)

        try:
            async with asyncio.timeout(AGAIN_WITHIN):
                await work.store.wait_until(ready)
        except TimeoutError:
            raise DrillError("no steady state again", why=unwell(work.store.view())) from None
        if not self._kind.heals:
            self._noticing.moment("ready")
        await well(work.store, AGAIN_WITHIN)
        self._noticing.moment("steady")
        return "every service is ready"

    async def _expected(self) -> dict[str, tuple[Expected, ...]]:
        """What the undo changed, by service, as it is now: nothing older counts."""
        work, found = self._work, self._prepared.injection.undo
        refs = [ref for ref, _ in found.reapply if ref.kind in BROKEN] + [each.ref for each in found.replicas]
        live = await read_live(work.world.cluster, refs, Findings())
        metas = {ref: body["metadata"] for ref, body in live.items()}
        own = tuple(Expected(ref, meta["uid"], meta["generation"]) for ref, meta in metas.items())
        return {self._prepared.source.service: own} if own else {}

    # -- the end

    def _tell(self, moment: Moment) -> None:
        work = self._work
        shown = replace(moment, detail=work.world.redactor.text(moment.detail))
        self._moments.append(shown)
        work.store.dispatch(DrillMoment(work.run_id, shown, work.world.clock()))

    def _conclude(self, error: BaseException | None, seconds: float) -> Verdict:
        verdict, work = super()._conclude(error, seconds), self._work
        if error is not None:
            left = self._open is not None and self._undone is None
            words = "" if self._open is None else "; NOT UNDONE" if left else "; everything is undone"
            next_step = _how_to_undo(work) if left else work.options.command
            return replace(verdict, headline=f"{verdict.headline}{words}", next_step=next_step)
        source = self._prepared.source
        result = judge(source, self._moments, work.load, self._prepared.before, self._harm)
        name = f"{work.stack.name} on {work.stack.target.name}: {source.about}"
        if result.problems:
            headline = f"{name} is not as expected: {'; '.join(result.problems)}"
            return replace(verdict, outcome=Outcome.DRILL, headline=headline, drill=result, next_step="")
        return replace(
            verdict, outcome=Outcome.DONE, headline=f"{name}: {result_words(result)}", drill=result, next_step=""
        )


def _step(work: Work, id: str) -> Step:
    return next(step for step in work.plan.steps if step.id == id)


def _how_to_undo(work: Work) -> str:
    return f"stack-console drill undo {work.stack.name} --target {work.stack.target.name}"


def _aim(work: Work) -> None:
    """A stack that nobody can send requests to is drilled without."""
    try:
        refuse_unaimed(work)
    except UsageError as error:
        work.options = replace(work.options, probe_load=None)
        work.warnings.append(f"requests are not counted: {error.what}")
