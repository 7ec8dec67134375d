"""Waits until a service is ready, and knows why it is not: ends at once where waiting cannot help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.engine.store import KINDS, Store
from console.model.diagnosis import Cause, Diagnosis
from console.model.errors import DeniedError, RolloutError, UnreachableError
from console.model.plan import ObjectRef
from console.model.readiness import readiness
from console.model.run import Progress
from console.model.stack import JSON
from console.model.state import Freshness, View
from console.model.workload import Container, Pod, ProbeKind, ProbeResult, ProbeSource, Workload

STEADY = 1.0
"""Seconds for which a service has to stay ready that no probe has seen serve: a process may end at once."""
STEADY_AGAIN = 10.0
"""The same for one that has ended already, and the longest that a liveness probe is given to fail."""
_RESOURCES = {kind: resource for resource, kind in KINDS.items()} | {"Pod": "pods"}


@dataclass(frozen=True, slots=True)
class Expected:
    """A workload that is waited for, as the API server answered when it was applied: nothing older counts."""

    ref: ObjectRef
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service stands: pods that are ready of those wanted, and why not all of them are.

    `steady` is for how many seconds it must stay so to be believed: 0 if probes have seen every container serve; what
    has none counts as ready as soon as it runs.
    """

    ready: bool
    pods: int
    desired: int
    steady: float = 0.0
    restarts: int = 0
    reason: str = ""
    hopeless: bool = False
    diagnoses: tuple[Diagnosis, ...] = ()


async def wait_ready(
    store: Store,
    service: str,
    expected: Sequence[Expected],
    timeout: float,
    waits: Callable[[tuple[Diagnosis, ...]], None],
    progress: Callable[[Progress], None],
) -> str:
    """Waits until the service is ready, and stays so for a moment if no probe proves it; how it stands then, in words.

    Args:
        store: kept current by the observer.
        service: what is waited for.
        expected: its workloads.
        timeout: seconds.
        waits: is told the causes whenever they change, while waiting can help.
        progress: is told how many pods are ready.

    Raises:
        RolloutError: a cause that waiting does not cure, or the time is over; with the diagnoses.
        UnreachableError: the time is over, and the cluster is out of sight.
        DeniedError: the workloads may not be watched.
    """
    standing: Standing | None = None
    told: tuple[object, ...] = ()
    try:
        async with asyncio.timeout(timeout):
            while (following := await _following(store, service, expected, standing)) is not None:
                standing = following
                progress(Progress(standing.pods, standing.desired, "pods"))
                if standing.hopeless:
                    raise _hopeless(service, standing)
                signs = tuple((*each.signature, each.summary) for each in standing.diagnoses)
                if signs != told:
                    told = signs
                    waits(standing.diagnoses)
    except TimeoutError:
        raise _too_late(store, service, timeout, standing) from None
    return f"{standing.pods}/{standing.desired} ready" if standing else ""


async def _following(
    store: Store, service: str, expected: Sequence[Expected], before: Standing | None
) -> Standing | None:
    """How the service stands as soon as that differs; None once it was ready for long enough."""

    def different(view: View) -> Standing | None:
        standing = look(view, service, expected)
        return standing if standing != before else None

    if before and before.ready and not before.steady:
        return None
    try:
        async with asyncio.timeout(before.steady if before and before.ready else None):
            return await store.wait_until(different)
    except TimeoutError:
        return None


def look(view: View, service: str, expected: Sequence[Expected]) -> Standing:
    """How a service stands by what is believed now.

    Raises:
        DeniedError: what is expected may not be watched.
    """
    found = [_found(view, each) for each in expected]
    workloads = [each for each in found if isinstance(each, Workload)]
    desired = sum(each.desired for each in workloads) + sum(not isinstance(each, Workload) for each in found)
    if len([each for each in found if each]) < len(expected):
        return Standing(False, 0, desired, reason="not seen yet")
    stands = [_stands(each) for each in found if each]
    pods = sum(pods for _, _, pods, _ in stands)
    reason = "; ".join(reason for _, ok, _, reason in stands if not ok)
    lines = [line for line in view.services if line.name == service]
    diagnoses = lines[0].diagnoses if lines else ()
    if workloads and not desired and (ending := _ending(view, service)):
        return Standing(False, ending, desired, reason=f"{ending} pod{'s' if ending > 1 else ''} still ending")
    if all(ok for _, ok, _, _ in stands):
        own = list(newest(view, service))
        steady = max((_steady(view, pod) for pod in own), default=0.0) if len(own) >= desired else STEADY
        # What only counts as ready because nothing asks it is not well while something is wrong with it.
        if not steady or all(each.cause is Cause.STARTING for each in diagnoses):
            return Standing(True, pods, desired, steady, sum(pod.restarts for pod in own))
    hopeless = any(each.terminal for each in diagnoses) or any(done and not ok for done, ok, _, _ in stands)
    return Standing(False, pods, desired, reason=reason, hopeless=hopeless, diagnoses=diagnoses)


def _ending(view: View, service: str) -> int:
    """Pods that still drain, or were not told to yet: who stops a service waits for their end."""
    return sum(pod.service == service and pod.phase not in {"Succeeded", "Failed"} for pod in view.pods.values())


def newest(view: View, service: str) -> Iterator[Pod]:
    """The pods of a service that are made by its newest templates; how those of before serve proves nothing."""
    makers = {(each.kind, each.name): each for each in view.workloads.values()}
    for pod in view.pods.values():
        if pod.service == service and pod.deleting is None:
            maker = makers.get((pod.owner_kind, pod.owner_name))
            top = view.workloads.get(maker.owner_uid, maker) if maker else None
            if not pod.owner_kind or (maker and top and (top.kind != "Deployment" or maker.revision == top.revision)):
                yield pod


def _found(view: View, expected: Expected) -> Workload | Pod | None:
    """The workload once the watch has brought at least what was applied."""
    kind = expected.ref.kind
    if kind == "Pod":
        return view.pods.get(expected.uid)
    workload = view.workloads.get(expected.uid)
    health = view.health.get(_RESOURCES.get(kind, ""))
    if workload is None and health and health.freshness is Freshness.DENIED:
        raise DeniedError(health.detail or f"watch {_RESOURCES[kind]}", hint="without it nobody knows what is ready")
    return workload if workload and workload.generation >= expected.generation else None


def _stands(found: Workload | Pod) -> tuple[bool, bool, int, str]:
    """Whether it is settled, whether it is well, its ready pods, and the reason."""
    if isinstance(found, Workload):
        state = readiness(found)
        ready = found.desired if state.ok and found.kind == "Job" else min(found.available, found.updated)
        return state.done, state.ok, ready, state.reason
    ended = found.phase in {"Succeeded", "Failed"}
    ok = found.ready or found.phase == "Succeeded"
    return ended or ok, ok, int(ok), found.message or found.reason or found.phase


def _steady(view: View, pod: Pod) -> float:
    """Seconds until a pod is believed that is ready: none if its probes show that every container serves."""
    own = [each for each in pod.containers if not each.init and pod.phase != "Succeeded"]
    return max((_unproven(each, view.probes.get(pod.uid, {})) for each in own), default=0.0)


def _unproven(container: Container, results: Mapping[tuple[str, ProbeKind], ProbeResult]) -> float:
    """A liveness probe begins with "yes": it proves something once the kubelet has counted, or it could have failed."""
    kinds = {spec.kind: spec for spec in container.probes}
    if ProbeKind.STARTUP in kinds or ProbeKind.READINESS in kinds:
        return 0.0
    if container.restarts:
        return STEADY_AGAIN
    if not (live := kinds.get(ProbeKind.LIVENESS)):
        return STEADY
    result = results.get((container.name, ProbeKind.LIVENESS))
    if result and result.ok and result.source is ProbeSource.METRICS:
        return STEADY
    return min(STEADY_AGAIN, STEADY + live.initial_delay + live.period * live.failure_threshold)


def _hopeless(service: str, standing: Standing) -> RolloutError:
    certain_first = sorted(standing.diagnoses, key=lambda each: not each.terminal)
    reason = "" if certain_first else f": {standing.reason}"
    return RolloutError(f"{service} does not become ready{reason}", certain_first)


def _too_late(store: Store, service: str, timeout: float, standing: Standing | None) -> RolloutError | UnreachableError:
    view = store.view()
    if view.freshness is Freshness.STALE:
        why = view.health["pods"].detail
        hint = "deploy again once the cluster can be reached"
        return UnreachableError(f"the cluster is out of sight, {service} was not ready before", why=why, hint=hint)
    reason = f" ({standing.reason})" if standing and standing.reason else ""
    hint = f"give it longer with --timeout, or `timeout` of {service} in stack.yaml"
    diagnoses = standing.diagnoses if standing else ()
    return RolloutError(f"{service} is not ready after {timeout:.0f} s{reason}", diagnoses, hint=hint)


def expected_of(bodies: Iterable[tuple[ObjectRef, JSON]]) -> tuple[Expected, ...]:
    """What to wait for among objects as the API server gives them."""
    metas = ((ref, body["metadata"]) for ref, body in bodies if ref.kind in _RESOURCES)
    return tuple(Expected(ref, str(meta["uid"]), int(meta.get("generation") or 0)) for ref, meta in metas)
