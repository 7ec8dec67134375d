"""The only writer of what the console believes. Mutable inside; what it hands out is frozen, and says what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from console.engine.activity import ActivityLog
from console.engine.events import EventBook
from console.engine.judge import Judge
from console.engine.members import Members
from console.model import events as facts
from console.model.diagnosis import Diagnosis
from console.model.events import Fact
from console.model.probing import Results, follow, from_event, merge
from console.model.reduce import reduce_run
from console.model.run import Run
from console.model.standing import stand
from console.model.state import Freshness, ReleaseInfo, ResourceHealth, ServiceState, ServiceView, View
from console.model.surroundings import Surroundings
from console.model.workload import External, Pod, ProbeResult, Usage

T = TypeVar("T")
KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "jobs": "Job",
}
"""Watched workloads, by the name of their resource."""


class Store:
    """What is believed of one stack on one target.

    Args:
        stack: its name.
        target: the target's name.
        namespace: the namespace that is watched.
        services: their names, in the order in which they are shown.
        externals: their names and kinds.
    """

    def __init__(
        self, stack: str, target: str, namespace: str, services: Sequence[str], externals: Sequence[tuple[str, str]]
    ) -> None:
        self.version = 0
        self._place = (stack, target)
        self._namespace = namespace
        self._context = ""
        self._members = Members()
        self._book = EventBook()
        self._probes: dict[str, Results] = {}
        self._usage: dict[str, Usage] = {}
        self._health: dict[str, ResourceHealth] = {}
        self._externals = {name: External(name, kind, None, "not checked yet", None) for name, kind in externals}
        self._judge = Judge(self._members, self._book, self._probes)
        self._activity = ActivityLog()
        self._release: ReleaseInfo | None = None
        self._run: Run | None = None
        self._mismatch = ""
        self._services = {name: ServiceView(name, ServiceState.UNKNOWN, 0, 0) for name in services}
        self._diagnoses: tuple[Diagnosis, ...] = ()
        self._takers: dict[str, set[str] | None] = {}
        self._listeners: list[Callable[[Fact], None]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._rules: dict[type, Callable[[Any], None]] = {
            facts.PodObserved: self._pod,
            facts.PodGone: lambda fact: self._pod_gone(fact.uid),
            facts.WorkloadObserved: self._workload,
            facts.WorkloadGone: lambda fact: self._members.drop_workload(fact.uid),
            facts.EventObserved: self._event,
            facts.ProbeObserved: lambda fact: self._probed(fact.pod_uid, fact.container, fact.result),
            facts.UsageObserved: self._used,
            facts.ExternalObserved: self._external,
            facts.Relisted: self._relisted,
            facts.WatchBeat: self._beat,
            facts.WatchLost: self._lost,
            facts.Denied: self._denied,
            facts.ClueFound: self._clue,
            facts.ClusterChecked: self._checked,
            facts.ReleaseObserved: self._released,
        }

    # -- writing

    def connected(self, context: str) -> None:
        """The kubeconfig's context that is watched."""
        self._context = context
        self._next()

    def surround(self, around: Surroundings) -> None:
        """What the stack stands on, which a diagnosis may blame."""
        self._members.declare(around.workloads)
        self._judge.surround(around)
        self._next()

    def dispatch(self, *told: Fact) -> None:
        """Applies facts, in their order and as one; then tells everybody who listens or waits."""
        for fact in told:
            if rule := self._rules.get(type(fact)):
                rule(fact)
            else:
                self._run = reduce_run(self._run, fact)
            self._activity.hear(fact, self._about(fact))
        self._next()
        for listener in tuple(self._listeners):
            for fact in told:
                listener(fact)

    def subscribe(self, listener: Callable[[Fact], None]) -> Callable[[], None]:
        """Calls the listener with each fact once it is applied; the way to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _next(self) -> None:
        self.version += 1
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _about(self, fact: Fact) -> str:
        """The service that an event is about."""
        if not isinstance(fact, facts.EventObserved):
            return ""
        uid = fact.event.about_uid
        found = self._members.pods.get(uid) or self._members.workloads.get(uid)
        return found.service if found else ""

    # -- reading

    def view(self, taker: str = "") -> View:
        """What is believed now; valid until the next fact.

        Args:
            taker: who asks. `changed` of the view says which pods differ since the same one asked last; without a
                name everything may have changed.
        """
        self._refresh()
        changed = self._takers.get(taker) if taker else None
        if taker:
            self._takers[taker] = set()
        return View(
            self.version,
            *self._place,
            context=self._context,
            namespace=self._namespace,
            connected=any(health.freshness is Freshness.LIVE for health in self._health.values()),
            services=tuple(self._services.values()),
            pods=MappingProxyType(self._members.pods),
            workloads=MappingProxyType(self._members.workloads),
            events=MappingProxyType(self._book.events),
            probes=MappingProxyType(self._probes),
            usage=MappingProxyType(self._usage),
            externals=tuple(self._externals.values()),
            diagnoses=self._diagnoses,
            health=MappingProxyType(self._health),
            release=self._release,
            run=self._run,
            mismatch=self._mismatch,
            activity=self._activity.lines,
            changed=frozenset(changed or ()),
            changed_all=changed is None,
        )

    def pod(self, uid: str) -> Pod | None:
        """One pod, without the price of a view."""
        return self._members.pods.get(uid)

    async def wait_until(self, holds: Callable[[View], T | None]) -> T:
        """Waits for a view of which `holds` gives something; what it gave. None and False count as nothing."""
        while (found := holds(self.view())) is None or found is False:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        return found

    def _refresh(self) -> None:
        """Brings services and diagnoses up to date, as far as something new is known about them."""
        self._judge.examine()
        touched = self._members.touched & self._services.keys()
        self._members.touched.clear()
        if not touched:
            return
        listed = all(self._listed(resource) for resource in KINDS)
        for name in touched:
            diagnoses, lost = self._judge.of_service(name)
            own = self._members.workloads_of(name)
            self._services[name] = stand(name, own, self._members.crew(name), diagnoses, lost=lost, listed=listed)
        found = (each for service in self._services.values() for each in service.diagnoses)
        self._diagnoses = (*self._judge.of_externals(), *found)

    def _listed(self, resource: str) -> bool:
        health = self._health.get(resource)
        return health is not None and health.beat is not None

    # -- pods and workloads

    def _pod(self, fact: facts.PodObserved) -> None:
        uid = fact.pod.uid
        before = self._members.pods.get(uid)
        self._members.put_pod(fact.pod)
        if any(container.probes for container in fact.pod.containers):
            self._probes[uid] = follow(fact.pod, before, self._probes.get(uid, {}))
        self._changed(uid)

    def _pod_gone(self, uid: str) -> None:
        if pod := self._members.drop_pod(uid):
            self._judge.forget(pod)
            self._probes.pop(uid, None)
            self._usage.pop(uid, None)
            self._changed(uid)

    def _workload(self, fact: facts.WorkloadObserved) -> None:
        for uid in self._members.put_workload(fact.workload):
            self._changed(uid)

    def _changed(self, uid: str) -> None:
        """For each taker; who asks no more is not counted for without end."""
        self._judge.suspect(uid)
        for taker, changed in self._takers.items():
            if changed is not None:
                changed.add(uid)
                if len(changed) > 2 * len(self._members.pods) + 1000:
                    self._takers[taker] = None

    # -- what is known about them

    def _event(self, fact: facts.EventObserved) -> None:
        event = fact.event
        self._book.put(event)
        if event.about_uid in self._members.pods:
            if result := from_event(event):
                self._probed(event.about_uid, event.container, result)
            self._judge.suspect(event.about_uid)
        elif workload := self._members.workloads.get(event.about_uid):
            self._members.touched.add(workload.service)

    def _probed(self, uid: str, container: str, result: ProbeResult) -> None:
        if uid in self._members.pods:
            before = self._probes.get(uid, {})
            key = (container, result.kind)
            self._probes[uid] = {**before, key: merge(before.get(key), result)}
            self._changed(uid)

    def _used(self, fact: facts.UsageObserved) -> None:
        for uid in [uid for uid in self._usage if uid not in fact.usage]:
            del self._usage[uid]
            self._changed(uid)
        for uid, usage in fact.usage.items():
            if self._usage.get(uid) != usage:
                self._usage[uid] = usage
                self._changed(uid)

    def _external(self, fact: facts.ExternalObserved) -> None:
        self._externals[fact.external.name] = fact.external
        self._judge.external(fact.external)
        self._members.touched |= self._services.keys()

    def _clue(self, fact: facts.ClueFound) -> None:
        if fact.pod_uid in self._members.pods:
            self._judge.clue(fact.pod_uid, fact.container, fact.text)

    def _released(self, fact: facts.ReleaseObserved) -> None:
        self._release = ReleaseInfo(fact.number, fact.at, fact.outcome, fact.by)
        self._judge.change(fact.changes)

    # -- how far it can be believed

    def _checked(self, fact: facts.ClusterChecked) -> None:
        self._mismatch = fact.mismatch

    def _relisted(self, fact: facts.Relisted) -> None:
        if fact.resource == "pods":
            for uid in [uid for uid in self._members.pods if uid not in fact.uids]:
                self._pod_gone(uid)
        elif fact.resource == "events":
            self._book.keep(fact.uids)
        else:
            for uid in self._members.missing(KINDS[fact.resource], fact.uids):
                self._members.drop_workload(uid)
        self._health[fact.resource] = ResourceHealth(Freshness.LIVE, fact.at, fact.at)
        self._members.touched |= self._services.keys()

    def _beat(self, fact: facts.WatchBeat) -> None:
        health = self._health.get(fact.resource)
        if health and health.freshness is Freshness.LIVE:
            self._health[fact.resource] = ResourceHealth(Freshness.LIVE, health.since, fact.at)

    def _lost(self, fact: facts.WatchLost) -> None:
        health = self._health.get(fact.resource)
        beat = health.beat if health else None
        self._health[fact.resource] = ResourceHealth(Freshness.STALE, fact.at, beat, fact.why)

    def _denied(self, fact: facts.Denied) -> None:
        self._health[fact.resource] = ResourceHealth(Freshness.DENIED, fact.at, None, fact.right)
        self._members.touched |= self._services.keys()
