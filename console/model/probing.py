"""What is known of a probe's result, from every source there is: counters, Unhealthy events, the container's status.

The kubelet keeps single results to itself. Its counters (`prober_probe_total`) tell each one; events tell failures with
the probe's answer, rate-limited; the status tells only what the thresholds made of them. See kubernetes.io, "Configure
Liveness, Readiness and Startup Probes" and "Kubernetes Metrics Reference".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from console.model.workload import (
    ClusterEvent,
    Container,
    ContainerState,
    Pod,
    ProbeKind,
    ProbeResult,
    ProbeSource,
    ProbeSpec,
)

Results = Mapping[tuple[str, ProbeKind], ProbeResult]
Counts = tuple[int, int]
"""How often a probe succeeded and failed."""

_UNHEALTHY = re.compile(
    r"(Startup|Readiness|Liveness) probe (?:failed|errored)(?: and resulted in .*?)?: ?(.*)", re.DOTALL
)


def from_counts(
    kind: ProbeKind, before: Counts | None, now: Counts, last: ProbeResult | None, passing: bool, at: float
) -> ProbeResult | None:
    """The result that a probe's counters show, None if nothing was counted since they were last read.

    Args:
        kind: which probe.
        before: the counters when they were last read; None the first time, or of a container that was started again.
        now: the counters.
        last: the last known result.
        passing: what the container's status says; it decides where the counters leave the order open.
        at: when the counters were read.
    """
    if before is None or now[0] < before[0] or now[1] < before[1]:
        before, last = (0, 0), None
    good, bad = now[0] - before[0], now[1] - before[1]
    if not good and not bad:
        return None
    ok = passing if good and bad else bool(good)
    streak = 1 if good and bad else good or bad
    goes_on = last is not None and last.source is ProbeSource.METRICS and last.ok is ok and not (good and bad)
    answer = last.answer if last and not ok and not last.ok else ""
    return ProbeResult(kind, ok, streak + (last.streak if goes_on and last else 0), at, ProbeSource.METRICS, answer)


def from_event(event: ClusterEvent) -> ProbeResult | None:
    """The failure that an Unhealthy event tells, None for any other event."""
    found = _UNHEALTHY.match(event.message) if event.reason == "Unhealthy" else None
    if found is None:
        return None
    kind = ProbeKind(found[1].lower())
    return ProbeResult(kind, False, event.count, event.last, ProbeSource.EVENT, " ".join(found[2].split()))


def from_status(pod: Pod, container: Container, spec: ProbeSpec) -> ProbeResult:
    """What a running container's status says of one of its probes."""
    if spec.kind is ProbeKind.STARTUP:
        return _status(spec.kind, True if container.started else None, container.since)
    if spec.kind is ProbeKind.LIVENESS:
        # It would have been ended otherwise.
        return _status(spec.kind, True if container.started else None, container.since)
    if container.ready:
        condition = pod.condition("ContainersReady") or pod.condition("Ready")
        return _status(spec.kind, True, condition.since if condition else None)
    return _status(spec.kind, False if was_ready(pod, container) else None, None)


def was_ready(pod: Pod, container: Container) -> bool:
    """True if the pod lost its readiness after this container had begun, so that it is no longer just starting."""
    condition = pod.condition("Ready")
    if condition is None or condition.status == "True" or condition.since is None or container.since is None:
        return False
    return condition.since > container.since


def _status(kind: ProbeKind, ok: bool | None, at: float | None) -> ProbeResult:
    return ProbeResult(kind, ok, 0 if ok is None else 1, at, ProbeSource.STATUS)


def passing(container: Container, kind: ProbeKind) -> bool:
    """What the thresholds made of a probe, by the container's status."""
    if kind is ProbeKind.READINESS:
        return container.ready
    return container.started or (kind is ProbeKind.LIVENESS and container.state is ContainerState.RUNNING)


def faded(pod: Pod, results: Results, now: float) -> list[tuple[str, ProbeResult]]:
    """Failures that only an event told, and that the status does not confirm: the probe has passed since.

    Events tell failures and never a success, so one that nothing follows for some periods is over.
    """
    found = []
    for container in pod.containers:
        for spec in container.probes:
            last = results.get((container.name, spec.kind))
            if last is None or last.ok is not False or last.source is not ProbeSource.EVENT or last.at is None:
                continue
            if passing(container, spec.kind) and now - last.at > 2 * spec.period + spec.timeout:
                found.append((container.name, _status(spec.kind, True, now)))
    return found


def merge(last: ProbeResult | None, new: ProbeResult) -> ProbeResult:
    """The result to believe: the newest, where a more exact source has not told the same already."""
    if last is None or last.ok is None:
        return new
    if new.source is ProbeSource.STATUS and new.kind is ProbeKind.STARTUP and new.ok and not last.ok:
        # It has passed since, whenever that was: a container that has started is not probed for it again.
        return replace(new, at=None)
    if new.source is ProbeSource.EVENT and new.kind is ProbeKind.STARTUP and last.ok:
        # It tells of the time before; a new run would have begun with nothing known.
        return last
    if new.source is ProbeSource.EVENT and last.ok is False and last.source is not ProbeSource.EVENT:
        # Counters tell how often, events what the answer was.
        return replace(last, answer=new.answer) if last.source is ProbeSource.METRICS else new
    if new.source is ProbeSource.STATUS and (new.ok is None or new.ok is last.ok or _older(new, last)):
        return last
    if new.source is ProbeSource.EVENT and _older(new, last):
        return last
    return new


def _older(new: ProbeResult, last: ProbeResult) -> bool:
    """Times of a status are whole seconds: what was seen in the same second counts as newer."""
    return new.at is not None and last.at is not None and new.at < float(int(last.at))


def follow(pod: Pod, before: Pod | None, results: Results) -> Results:
    """The results of a pod's probes after its status changed; those of a run that has ended are forgotten."""
    old = {each.name: each.since for each in before.containers} if before else {}
    found = dict(results)
    for container in pod.containers:
        if not container.probes or container.state is not ContainerState.RUNNING:
            continue
        restarted = old.get(container.name, container.since) != container.since
        for spec in container.probes:
            key = (container.name, spec.kind)
            found[key] = merge(None if restarted else found.get(key), from_status(pod, container, spec))
    return found
