"""Requests to a stack while a run changes it: from before the first change until a little after the last one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from console.engine.aims import Aim, Aims
from console.engine.answering import addresses_in, reason_of
from console.engine.ports import Answer
from console.engine.tasks import Tasks
from console.engine.work import Work
from console.model.errors import ConsoleError, DeniedError
from console.model.events import Fact, LoadMeasured, PodObserved
from console.model.load import Load, Sample, Tally
from console.model.plan import StepKind
from console.model.state import Freshness, View

T = TypeVar("T")
STEADY = 3.0
"""Seconds that are measured before the first change."""
AFTER = 2.0
"""Seconds that are measured after the last one, and after the last pod has left."""
LEAVING = 60.0
"""Seconds that pods which leave are waited for: many a request fails by one that does not finish what it began."""
FIRST_ANSWER = 15.0
"""Seconds that a stack which never answered gets for its first answer, once everything is done."""
TIMEOUT = 5.0
"""Seconds after which a request counts as failed."""
LONGEST = 3600.0
"""Seconds after which no more requests are sent, however long the run takes."""
UNDER_WAY = 64
"""Requests that may be under way at once; fewer than the connections that the console itself has."""
_FRESH = 4
_EVERY = 1.0
_TOLD_WITHIN = 2.0
_PODS = 5000


@asynccontextmanager
async def probed(work: Work) -> AsyncIterator[None]:
    """Sends requests to the stack while this lasts, if that is asked for and something is to be done.

    The figures are in `work.load` afterwards.
    """
    if not is_wanted(work):
        yield
        return
    probe, tasks = LoadProbe(work), Tasks()
    tasks.start(f"load {work.run_id}", probe.run())
    try:
        await probe.steady.wait()
        probe.changes_begin()
        yield
        await probe.finish()
    finally:
        await tasks.close()
        work.load = probe.load()


def is_wanted(work: Work) -> bool:
    """Whether a run is measured: what removes or stops a stack ends its service, and what does nothing harms none."""
    does = any(step.kind not in {StepKind.PREFLIGHT, StepKind.ROLLBACK} for step in work.plan.steps)
    return work.options.probe_load is not None and does and not work.plan.removes and work.plan.kind != "stop"


class LoadProbe:
    """Sends requests at a steady rate, whether they are answered or not, and counts what becomes of them.

    Args:
        work: the run.
    """

    def __init__(self, work: Work) -> None:
        self.steady = asyncio.Event()
        self._work = work
        self._rate = work.options.probe_load or work.stack.probe_load.rate
        self._now = asyncio.get_running_loop().time
        self._tally = Tally("", self._rate, self._now())
        self._pods = {pod.ip: pod.name for pod in work.store.view().pods.values() if pod.ip}
        self._under_way = 0
        self._ending = False
        self._answered = asyncio.Event()
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Until `finish`, or until it is cancelled."""
        leave = self._work.store.subscribe(self._hear)
        try:
            async with asyncio.timeout(LONGEST):
                if aim := await self._find():
                    self._tally = Tally(self._work.world.redactor.text(aim.words), self._rate, self._now())
                    await self._send(aim)
        except TimeoutError:
            self._tally.problem = f"no requests were sent after the first {LONGEST / 60:.0f} minutes"
        finally:
            leave()
            try:
                await self._work.world.visitor.close()
            finally:
                for event in (self.steady, self._answered, self._over):
                    event.set()

    def changes_begin(self) -> None:
        """From now on it is the run that matters."""
        self._tally.changes_begin()

    async def finish(self) -> None:
        """A little after the last change, once pods have left; what never answered gets a while more.

        All requests have ended then.
        """
        await _within(FIRST_ANSWER, self._answered.wait())
        if not self._over.is_set():
            await _within(LEAVING, self._work.store.wait_until(_nobody_leaves))
        await _within(AFTER, self._over.wait())
        self._ending = True
        await self._over.wait()

    def load(self) -> Load:
        """The figures so far."""
        return self._tally.load(self._now())

    # -- sending

    async def _find(self) -> Aim | None:
        """Where to; a stack that is new gets its addresses while it is deployed."""
        aims = Aims(self._work)
        if not self._work.gathered.releases:
            self.steady.set()
        while not self._ending:
            with suppress(ConsoleError):
                if aim := await aims.find():
                    return aim
            self.steady.set()
            await asyncio.sleep(_EVERY)
        self._tally.problem = "no requests were sent: no address of the stack became known"
        return None

    async def _send(self, aim: Aim) -> None:
        """One request after the other; who comes late does not make up for more than a second."""
        began = told = due = self._now()
        count = 0
        async with asyncio.TaskGroup() as group:
            while not (self._ending or self._tally.problem):
                await asyncio.sleep(max(0.0, due - self._now()))
                due = max(due + 1 / self._rate, self._now() - _EVERY)
                if self._under_way < UNDER_WAY:
                    self._under_way += 1
                    group.create_task(self._visit(aim, fresh=count % _FRESH == 0), name="load: request")
                else:
                    self._tally.held_back += 1
                count += 1
                if self._now() - began >= STEADY:
                    self.steady.set()
                if self._now() - told >= _EVERY:
                    told = self._now()
                    self._tell()
        self._tell()

    async def _visit(self, aim: Aim, *, fresh: bool) -> None:
        began, answer = self._now(), None
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await aim.ask(fresh)
            reason = reason_of(answer)
        except TimeoutError:
            reason = f"no answer within {TIMEOUT:g} s"
        except DeniedError as error:
            self._tally.problem = f"not measured: {error.what}"
            return
        except ConsoleError as error:
            reason = error.what
        finally:
            self._under_way -= 1
        now = self._now()
        if not reason:
            self._tally.add(Sample(now, now - began))
            self._answered.set()
            return
        pod = await self._pod(answer) if answer else ""
        shown = self._work.world.redactor.text
        self._tally.add(Sample(now, now - began, shown(reason), shown(pod)))

    def _tell(self) -> None:
        at = self._work.world.clock()
        self._work.store.dispatch(LoadMeasured(self._work.run_id, self.load(), self._tally.second(at), at))

    # -- judging

    async def _pod(self, answer: Answer) -> str:
        """The pod that failed a request: as it says itself, else whose address a proxy did not reach.

        A pod may be asked before the watch has told of it.
        """
        addresses = addresses_in(answer.text)
        if answer.pod or not addresses:
            return answer.pod

        def known(view: View) -> str | None:
            return next((self._pods[address] for address in addresses if address in self._pods), None)

        found = await _within(_TOLD_WITHIN, self._work.store.wait_until(known))
        if found is None:
            # It is no pod's, and not waited for again.
            self._pods |= dict.fromkeys(addresses[:1], "")
        return found or ""

    def _hear(self, fact: Fact) -> None:
        """Addresses are remembered for what comes late; those that were not seen for the longest time go."""
        if isinstance(fact, PodObserved) and fact.pod.ip:
            self._pods.pop(fact.pod.ip, None)
            self._pods[fact.pod.ip] = fact.pod.name
            if len(self._pods) > _PODS:
                del self._pods[next(iter(self._pods))]


async def _within(seconds: float, wait: Coroutine[Any, Any, T]) -> T | None:
    """What is waited for, None if it does not come in time."""
    try:
        async with asyncio.timeout(seconds):
            return await wait
    except TimeoutError:
        return None


def _nobody_leaves(view: View) -> bool:
    """Whether no pod of the stack is about to go; what cannot be seen is not waited for."""
    seen = view.freshness is Freshness.LIVE
    return not any(pod.service and pod.deleting is not None for pod in view.pods.values() if seen)
