"""The engine's facade: all that a front end may call. One stack on one target; both front ends use the same calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from console.engine import gather, operate, preflight
from console.engine.configured import read_configuration
from console.engine.deploy import Runner, RunOptions
from console.engine.drifting import read_drift
from console.engine.drills import Drills, DrillStanding, undo_plan
from console.engine.interrupted import interrupted
from console.engine.logs import LogChunk, LogOptions, Told, follow
from console.engine.observe import WATCHED, Observer
from console.engine.ports import EvidenceItem, RunRecord, World
from console.engine.probenow import probe_now
from console.engine.releases import last_good, read_releases
from console.engine.seen import mask_secrets
from console.engine.store import Store
from console.engine.tasks import Tasks
from console.engine.together import whole
from console.engine.undone import read_open
from console.engine.work import new_run_id
from console.model.comparing import release_changes
from console.model.configuration import Configuration
from console.model.drift import Drift
from console.model.drills.judging import DrillSource
from console.model.errors import NotFoundError, RefusedError, StalePlanError, UsageError
from console.model.gathered import Gathered
from console.model.operations import Operation
from console.model.plan import ObjectChange, ObjectRef, Plan
from console.model.planning import plan_deploy, plan_destroy
from console.model.redaction import Redactor, mask_object
from console.model.release import Release
from console.model.run import LockHolder, Verdict
from console.model.scaling import Scalable
from console.model.stack import JSON, Stack
from console.model.state import Freshness, View
from console.model.workload import ClusterEvent, ProbeKind, ProbeResult

if TYPE_CHECKING:
    from console.engine.verify.verifier import VerifyOptions
    from console.model.verify.check import Finding
    from console.model.verify.report import AcceptanceReport

CarryOut = Callable[[str, RunOptions], Coroutine[Any, Any, Verdict]]
"""Carries out what was planned, under the id of a run."""
_RUN = "run"
_ANSWERED_WITHIN = 3.0
"""Seconds. A kubelet or an external that answers later is shown as not known yet."""


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a stack: its releases as the cluster keeps them, its runs as this machine does; newest first."""

    releases: tuple[Release, ...]
    runs: tuple[RunRecord, ...]


class Engine:
    """Observes one stack on one target, plans and carries out what is done to it.

    Args:
        stack: what is declared.
        world: everything outside that is reached.
        logs: the folder of the runs' log files.
    """

    def __init__(self, stack: Stack, world: World, logs: Path) -> None:
        self.stack = stack
        self._world = world
        self._logs = logs
        self._tasks = Tasks()
        externals = [(external.name, external.kind) for external in stack.externals]
        names = [service.name for service in stack.services]
        self.store = Store(stack.name, stack.target.name, stack.namespace, names, externals)
        self._observer = Observer(world, self.store, stack)
        self._runner = Runner(stack, world, self.store, logs)
        self._latest: tuple[Plan, CarryOut] | None = None
        self._run_id = ""

    @property
    def redactor(self) -> Redactor:
        """Masks what must never be shown."""
        return self._world.redactor

    @property
    def read_only(self) -> bool:
        """True if nothing is let through that changes the cluster."""
        return self._world.cluster.read_only

    # -- observing

    async def start(self) -> None:
        """Begins to watch; returns at once. What is seen arrives in the store."""
        self.store.connected(self._world.cluster.context)
        self._observer.start(self._tasks)

    async def settled(self) -> View:
        """The view once all was listed and asked once, or turned out to be denied; secrets are masked by then.

        Raises:
            UnreachableError: the API server does not answer.
        """

        def known(view: View) -> View | None:
            health = [view.health.get(resource) for resource in WATCHED]
            return view if all(each and each.freshness is not Freshness.LOADING for each in health) else None

        await mask_secrets(self.stack, self._world)
        await self.store.wait_until(known)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await self._observer.answered.wait()
        return self.store.view()

    async def close(self) -> None:
        """Ends everything that goes on, a run included, and closes every connection; to the end, even if cancelled."""
        await whole(self._close(), "close")

    async def _close(self) -> None:
        """Everything has its turn, whatever becomes of what came before."""
        async with AsyncExitStack() as rest:
            for part in (self._world.journal, self._world.registry, self._world.cluster, self._tasks):
                rest.push_async_callback(part.close)

    # -- planning and running

    async def plan(self) -> Plan:
        """What a deploy would do. Changes nothing.

        Raises:
            ConsoleError: the cluster, a build context or the registry cannot be read.
        """
        gathered = await gather.gather(self.stack, self._world)
        gathered = replace(gathered, checks=await preflight.check(gathered, self._world))
        return self._keep(plan_deploy(gathered, self.redactor.text), gathered)

    async def plan_destroy(self) -> Plan:
        """What a destroy would remove. Changes nothing."""
        gathered = await gather.gather_destroy(self.stack, self._world)
        return self._keep(plan_destroy(gathered), gathered)

    async def plan_operation(self, operation: Operation) -> Plan:
        """What an operation would do to the stack as it was deployed. Changes nothing.

        Raises:
            PreflightError: the stack was not deployed yet.
            UsageError: the operation makes no sense for this stack.
        """
        gathered = await operate.gather_operation(self.stack, self._world, operation)
        return self._keep(operate.plan_operation(gathered, operation, self._world), gathered)

    async def scalables(self) -> tuple[Scalable, ...]:
        """What of the stack as it was deployed can be scaled, and what rules it; nothing before its first deploy."""
        return await operate.read_scalables(self.stack, self._world)

    async def configuration(self, name: str = "") -> tuple[Configuration, ...]:
        """What a service has and reads of ConfigMaps and Secrets, with everybody who reads them; changes nothing.

        Its `live` is the `base` of an edit: `plan_operation(Configure(each.ref, values, base=each.live))`.

        Args:
            name: a service, `configmap/NAME` or `secret/NAME`; everything of the stack if empty.

        Raises:
            PreflightError: the stack was not deployed yet.
            NotFoundError, UsageError: there is no such object or service.
        """
        return await read_configuration(self.stack, self._world, name)

    async def drills(self) -> tuple[DrillStanding, ...]:
        """Every drill on every service of the stack as it was deployed, and whether it applies. Changes nothing."""
        drills = Drills(self.stack, self._world, self.store)
        await drills.look()
        return await drills.standings()

    async def plan_drill(self, source: DrillSource) -> Plan:
        """What a drill would do. Changes nothing.

        Raises:
            PreflightError: the stack was not deployed yet.
            UsageError: there is no such drill or service.
            NotApplicableError: the drill would prove nothing here.
        """
        drills = Drills(self.stack, self._world, self.store)
        await drills.look()
        prepared = await drills.prepare(source)
        plan = drills.plan(prepared)
        self._latest = (plan, lambda run_id, options: self._runner.drill(run_id, plan, prepared, options))
        return plan

    async def plan_drill_undo(self) -> Plan | None:
        """What it takes to end the drill that was left open; None if none is. Changes nothing."""
        drill = await read_open(self.stack, self._world)
        if drill is None:
            return None
        seen = await operate.look_at_release(self.stack, self._world)
        gathered = gather.gathered_of(seen, self._world, (), ())
        plan = undo_plan(self.stack, self._world, gathered, drill)
        self._latest = (plan, lambda run_id, options: self._runner.undo_drill(run_id, plan, gathered, options))
        return plan

    def _keep(self, plan: Plan, gathered: Gathered) -> Plan:
        self._latest = (plan, lambda run_id, options: self._runner.run(run_id, plan, gathered, options))
        return plan

    def run(self, plan: Plan, options: RunOptions) -> str:
        """Begins to carry out the newest plan; the run's id at once.

        Raises:
            RefusedError: another run is going on, or nothing may be changed.
            StalePlanError: a newer plan was made since.
        """
        if self.read_only:
            raise RefusedError("nothing is changed in read-only mode", hint="leave out --read-only")
        if self._latest is None or self._latest[0] is not plan:
            raise StalePlanError("a newer plan was made since", hint="look at it, and run that one")
        run_id = new_run_id()
        self._tasks.start(_RUN, self._latest[1](run_id, options))
        self._run_id = run_id
        return run_id

    async def finished(self, run_id: str) -> Verdict:
        """The verdict of a run, once it has ended."""

        def verdict(view: View) -> Verdict | None:
            return view.run.verdict if view.run and view.run.run_id == run_id else None

        return await self.store.wait_until(verdict)

    async def cancel(self, run_id: str) -> None:
        """Asks a run to end cleanly, and waits until it has; one that has ended is fine."""
        if run_id == self._run_id:
            await self._tasks.cancel(_RUN)

    def pause(self, run_id: str) -> None:
        """Holds a run before its next service: what has begun goes on to its end; one that has ended is fine."""
        self._pause(run_id, paused=True)

    def resume(self, run_id: str) -> None:
        """Goes on with a run that was paused."""
        self._pause(run_id, paused=False)

    def _pause(self, run_id: str, *, paused: bool) -> None:
        run = self.store.view().run
        if run is not None and run.run_id == run_id == self._run_id and run.verdict is None:
            self._runner.pause(run_id, paused=paused)

    def step_log(self, run_id: str, step_id: str) -> Path:
        """The file that gets the redacted output of a step; it may not be there yet."""
        return self._runner.step_log(run_id, step_id)

    async def verify(self, options: VerifyOptions, told: Callable[[Finding], None]) -> AcceptanceReport:
        """Checks the stack as it is live against its acceptance criteria; the report, which the journal keeps as well.

        Changes nothing unless `options.disruptive`; then it puts back what was.

        Args:
            options: what is verified.
            told: gets each finding as it comes.

        Raises:
            UsageError: no such check, or no such baseline.
            PreflightError: the stack was not deployed yet.
            RefusedError: it may not be disturbed in read-only mode.
        """
        from console.engine.verify.verifier import Verifier

        if options.disruptive and self.read_only:
            raise RefusedError("nothing is disturbed in read-only mode", hint="leave out --read-only, or --disruptive")
        return await Verifier(self, self._world, options, told).run()

    # -- looking closer

    def follow_logs(
        self,
        services: Sequence[str] = (),
        pods: Sequence[str] = (),
        *,
        follow_on: bool = True,
        previous: bool = False,
        since: float | None = None,
        tail: int | None = None,
        told: Told = lambda followed, known: None,
    ) -> AsyncGenerator[LogChunk, None]:
        """The redacted logs of many pods, merged; of all services if none is named.

        Args:
            services: only of these services.
            pods: only of the pods of these names.
            follow_on: go on with what comes, also from pods that come later.
            previous: of the containers before their last restart.
            since: only lines written after this moment, in seconds since the epoch.
            tail: only so many last lines of each container.
            told: is told how many pods are followed, and of how many.
        """
        options = LogOptions(tuple(services), tuple(pods), follow_on, previous, since, tail)
        return follow(self._world, self.store, options, told)

    async def read(self, ref: ObjectRef) -> JSON:
        """An object as it is live, without the values of Secrets.

        Raises:
            NotFoundError: it is not there.
        """
        found = await self._world.cluster.get(ref)
        if found is None:
            raise NotFoundError(f"{ref} is not there any more", where=ref.namespace)
        masked = self.redactor.data(msgspec.json.encode(mask_object(found)))
        shown: JSON = msgspec.json.decode(masked)
        return shown

    def events_of(self, uid: str) -> tuple[ClusterEvent, ...]:
        """The cluster's events about an object, the newest first."""
        events = [event for event in self.store.view().events.values() if event.about_uid == uid]
        return tuple(sorted(events, key=lambda event: event.last, reverse=True))

    async def probe_now(self, pod_uid: str, container: str, kind: ProbeKind) -> ProbeResult:
        """Asks a container's probe endpoint now, through the API server; the result also goes to the store.

        Raises:
            RefusedError: the probe cannot be asked from outside of the pod (exec, TCP).
            NotFoundError: there is no such pod, container or probe.
        """
        return await probe_now(self._world, self.store, pod_uid, container, kind)

    async def history(self) -> History:
        """Releases and runs of the stack."""
        releases = await read_releases(self._world.cluster, self.stack.name, self.stack.namespace)
        return History(releases, tuple(await self._world.journal.runs(self.stack.name)))

    async def compare(self, before: int, after: int) -> tuple[ObjectChange, ...]:
        """What lies between two releases, by their numbers; values of Secrets masked.

        Raises:
            UsageError: there is no such release.
        """
        releases = await read_releases(self._world.cluster, self.stack.name, self.stack.namespace)
        found = {release.number: release for release in releases}
        for number in (before, after):
            if number not in found:
                known = ", ".join(map(str, found)) or "none"
                raise UsageError(f"{self.stack.name} has no release {number}", hint=f"there are: {known}")
        return release_changes(found[before], found[after], self.redactor.text)

    async def drift(self) -> tuple[Drift, ...]:
        """What in the cluster differs from the last release; a rollback to that release overwrites it.

        Raises:
            PreflightError: the stack was not deployed yet.
        """
        return await read_drift(self.stack, self._world)

    async def interrupted(self) -> LockHolder | None:
        """Whose run on the stack was killed, if the last one was; it can be run again, or rolled back."""
        return await interrupted(self.stack, self._world)

    async def earlier_release(self) -> int:
        """The release that a rollback goes to if none is named: before the newest, or before what was interrupted.

        Raises:
            UsageError: there is none.
        """
        releases = await read_releases(self._world.cluster, self.stack.name, self.stack.namespace)
        left = await self.interrupted()
        # A run that was killed at its very end has made its release already.
        unmade = left is not None and releases and releases[0].at < left.since
        earlier = releases if unmade else releases[1:]
        if (good := last_good(each for each in earlier if each.kind != "stop")) is None:
            raise UsageError(f"{self.stack.name} has no earlier good release", hint="`history` lists its releases")
        return good.number

    async def evidence(self, run_id: str) -> list[EvidenceItem]:
        """What was kept of a run before anything was changed again."""
        return await self._world.journal.evidence(run_id)
