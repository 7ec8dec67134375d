"""Who notices a failure, and when: probes, the status of pods, requests of users; and when pods start anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator

from console.engine.store import Store
from console.model.diagnosis import Cause
from console.model.drills.calls import Injection
from console.model.drills.judging import Moment
from console.model.errors import DrillError
from console.model.events import EventObserved, Fact, LoadMeasured, PodGone, PodObserved, ProbeObserved
from console.model.state import Freshness, ServiceState, View
from console.model.wording import pod_state
from console.model.workload import ContainerState, Pod

_GRANULARITY = 1.0
"""Seconds to which events know their time (kubernetes.io, Event v1 core: whole seconds)."""
_WELL = frozenset({ServiceState.READY, ServiceState.STOPPED, ServiceState.EXTERNAL})
_BY_PROBE = frozenset({Cause.STARTUP_PROBE, Cause.READINESS_PROBE, Cause.LIVENESS_PROBE, Cause.PORT_NOT_LISTENED})
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})


class Noticing:
    """Listens from the injection on, and tells each moment once.

    Args:
        store: what is believed.
        services: whose pods are harmed.
        made: what is done to them.
        clock: seconds since the epoch.
        tell: gets each moment.
    """

    def __init__(
        self,
        store: Store,
        services: Collection[str],
        made: Injection,
        clock: Callable[[], float],
        tell: Callable[[Moment], None],
    ) -> None:
        self._store = store
        self._services = services
        self._hit, self._aside = set(made.hit), frozenset(made.aside)
        self._clock = clock
        self._tell = tell
        self._told: set[str] = set()
        self._before: dict[str, tuple[int, bool]] = {}
        self._found: set[tuple[str, str, str]] = set()
        self._failed, self._began, self._at = 0, 0.0, 0.0
        self._leave: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """From now on it counts."""
        view = self._store.view()
        own = (pod for pod in view.pods.values() if pod.service in self._services)
        self._before = {pod.uid: (pod.restarts, pod.ready) for pod in own}
        self._found = {each.signature for each in view.diagnoses}
        self._failed = view.load.failed if view.load else 0
        self._began, self._at = time.monotonic(), self._clock()
        self._leave = self._store.subscribe(self._hear)

    def close(self) -> None:
        """Listens no more."""
        self._leave()

    def moment(self, name: str, detail: str = "") -> None:
        """Tells a moment that comes now, once."""
        if name not in self._told:
            self._told.add(name)
            self._tell(Moment(name, round(time.monotonic() - self._began, 3), detail))

    @property
    def noticed(self) -> bool:
        """True once anybody noticed."""
        return any(name.startswith("noticed") for name in self._told)

    def expect_gone(self, uids: Collection[str]) -> None:
        """These pods are harmed as well."""
        self._hit |= set(uids)

    def serves_again(self, view: View) -> bool:
        """Whether all that was hit is gone or started anew, and each service has the ready pods that it wants."""
        for pod in (view.pods[uid] for uid in self._hit if uid in view.pods):
            if pod.deleting is None and pod.restarts <= self._before.get(pod.uid, (0, False))[0]:
                return False
        return all(_serves(view, service) for service in self._services)

    def still_serve(self, view: View) -> bool:
        """Whether any pod still serves that did before."""
        return any(uid in view.pods and view.pods[uid].ready for uid, (_, ready) in self._before.items() if ready)

    def newcomer_waits(self, view: View) -> Pod | None:
        """A pod that was made since then and is still not ready."""
        new = (pod for uid, pod in view.pods.items() if uid not in self._before and pod.service in self._services)
        return next((pod for pod in new if not pod.ready and pod.deleting is None), None)

    def _harms(self, pod: Pod) -> bool:
        return pod.service in self._services and pod.uid not in self._aside

    def _hear(self, fact: Fact) -> None:
        if isinstance(fact, PodObserved):
            # The store knows the service of a pod that does not name it itself.
            pod = self._store.pod(fact.pod.uid)
            for name, detail in self._of_pod(pod) if pod and self._harms(pod) else ():
                self.moment(name, detail)
        elif isinstance(fact, PodGone) and fact.uid in self._before.keys() - self._aside:
            self.moment("noticed by status", "a pod is gone")
        elif isinstance(fact, EventObserved):
            self._event(fact)
        elif isinstance(fact, ProbeObserved) and fact.result.ok is False:
            pod = self._store.pod(fact.pod_uid)
            if pod and self._served(pod) and (fact.result.at or 0.0) >= self._at:
                self.moment("noticed by probe", f"{fact.result.kind} of {pod.name}")
        elif isinstance(fact, LoadMeasured) and fact.load.failed > self._failed:
            first = fact.load.failures[0].reason if fact.load.failures else ""
            self.moment("noticed by users", first)
        self._diagnosed()

    def _diagnosed(self) -> None:
        """Of pods that only start a failed probe is nothing new; what is found to be wrong with them is."""
        for each in self._store.view().diagnoses:
            new = each.cause is not Cause.STARTING and each.signature not in self._found
            if new and each.service in self._services:
                who = "probe" if each.cause in _BY_PROBE else "status"
                self.moment(f"noticed by {who}", f"{each.subject}: {each.summary}")

    def _served(self, pod: Pod) -> bool:
        """Whether a pod served before, and was not told to go."""
        return self._harms(pod) and pod.deleting is None and self._before.get(pod.uid, (0, False))[1]

    def _of_pod(self, pod: Pod) -> Iterator[tuple[str, str]]:
        restarts, was_ready = self._before.get(pod.uid, (0, False))
        known = pod.uid in self._before
        waits = any(each.state is ContainerState.WAITING and each.reason not in _STARTING for each in pod.containers)
        harmed = pod.restarts > restarts or (was_ready and not pod.ready)
        if harmed or (waits and not known):
            yield "noticed by status", f"{pod.name} {pod_state(pod)}"
        if (not known and pod.node) or (known and pod.restarts > restarts):
            yield "rescheduled", pod.name

    def _event(self, fact: EventObserved) -> None:
        event, view = fact.event, self._store.view()
        pod, workload = view.pods.get(event.about_uid), view.workloads.get(event.about_uid)
        ours = self._served(pod) if pod else workload is not None and workload.service in self._services
        if event.type == "Warning" and event.last >= self._at - _GRANULARITY and ours:
            who = "probe" if event.reason == "Unhealthy" else "status"
            self.moment(f"noticed by {who}", f"{event.reason}: {event.message}"[:200])


def _serves(view: View, service: str) -> bool:
    own = [each for each in view.workloads.values() if each.service == service and not each.owner_uid]
    ready = sum(pod.ready for pod in view.pods.values() if pod.service == service)
    return bool(own) and ready >= sum(each.desired for each in own)


async def well(store: Store, within: float) -> None:
    """Waits until every service is ready. Raises DrillError: it took longer."""
    try:
        async with asyncio.timeout(within):
            await store.wait_until(lambda view: not unwell(view))
    except TimeoutError:
        raise DrillError("not every service is ready", why=unwell(store.view())) from None


def unwell(view: View) -> str:
    """What is not as it should be, in words; empty if all is well."""
    if view.freshness is not Freshness.LIVE:
        return f"pods are {view.freshness}"
    found = [each for each in view.services if each.state not in _WELL]
    return "; ".join(f"{each.name} {each.state}, {each.ready} of {each.desired} ready" for each in found)
