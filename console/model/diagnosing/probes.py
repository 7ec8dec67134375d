"""Containers that run and do not serve: what their probes say, or what is still waited for."""

from __future__ import annotations

import re

from console.model.diagnosing.sight import CONFIG, LOGS, Sight, ends, times
from console.model.diagnosis import Cause, Diagnosis
from console.model.probing import was_ready
from console.model.wording import image_name
from console.model.workload import (
    ClusterEvent,
    Container,
    ContainerState,
    ProbeKind,
    ProbeResult,
    ProbeSource,
    ProbeSpec,
    Termination,
)

_CAUSES = {
    ProbeKind.STARTUP: Cause.STARTUP_PROBE,
    ProbeKind.READINESS: Cause.READINESS_PROBE,
    ProbeKind.LIVENESS: Cause.LIVENESS_PROBE,
}
# A failing liveness probe is about to end the container, so it comes first.
_ORDER = (ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS)
_PORT = re.compile(r":(\d+)")
_KILLS = re.compile(r"failed (liveness|startup) probe")


def probes(sight: Sight, container: Container) -> Diagnosis | None:
    """The probe that fails, of a container that runs; one that only starts has all the time that its probes give."""
    if container.state is not ContainerState.RUNNING:
        return None
    failed = {kind: result for (name, kind), result in sight.probes.items() if name == container.name}
    failed = {kind: failed[kind] for kind in _ORDER if kind in failed and failed[kind].ok is False}
    kind = next((kind for kind, result in failed.items() if not _may_pass_yet(sight, container, result)), None)
    if kind:
        return failing(sight, container, kind)
    return next((_on_the_way(sight, container, result) for result in failed.values()), None)


def killed_for(sight: Sight, container: Container, end: Termination) -> ProbeKind | None:
    """The probe for which the kubelet ended that run of a container, if it was for one."""
    event = sight.event("Killing", container=container.name, containing="probe")
    found = _KILLS.search(event.message) if event else None
    if event is None or found is None or event.last < (end.started or 0.0):
        return None
    return ProbeKind(found[1])


def _may_pass_yet(sight: Sight, container: Container, result: ProbeResult) -> bool:
    """True if a container that has never served fails a probe less often than the probe itself allows."""
    spec, since = _spec(container, result.kind), container.since
    if spec is None or since is None or container.ready or was_ready(sight.pod, container):
        return False
    if container.last and killed_for(sight, container, container.last) is result.kind:
        return False
    if result.kind is not ProbeKind.LIVENESS and sight.around.down(sight.pod.service):
        return False
    # The others are not asked before the startup probe has passed.
    ahead = [each for each in container.probes if each is spec or each.kind is ProbeKind.STARTUP]
    until = since + sum(each.initial_delay + each.period * each.failure_threshold for each in ahead)
    return _failures(sight, container, result) < spec.failure_threshold and (result.at or since) < until


def _failures(sight: Sight, container: Container, result: ProbeResult) -> int:
    """Failures in a row; an event may have counted those of earlier runs as well."""
    if result.source is ProbeSource.EVENT and (event := _unhealthy(sight, container, result.kind)):
        return 1 if event.first < (container.since or 0.0) else result.streak
    return result.streak


def _on_the_way(sight: Sight, container: Container, result: ProbeResult) -> Diagnosis:
    spec, answer = _spec(container, result.kind), _answer(sight, container, result.kind, result)
    tries = f"{_failures(sight, container, result)} of {spec.failure_threshold}" if spec else ""
    what = f"{sight.who(container)}starting: {result.kind} probe {tries}".rstrip()
    action = f"{spec.action}: {answer}" if spec and answer else answer
    return sight.finding(Cause.STARTING, what, evidence=action, since=container.since)


def failing(sight: Sight, container: Container, kind: ProbeKind, *, terminal: bool = False) -> Diagnosis:
    """A container whose probe fails.

    Args:
        sight: its pod.
        container: the container.
        kind: the probe.
        terminal: it was ended for that so often that waiting does not help.
    """
    result = sight.probes.get((container.name, kind))
    answer, spec = _answer(sight, container, kind, result), _spec(container, kind)
    who, since = sight.who(container), result.at if result else None
    external = sight.around.down(sight.pod.service)
    if external and kind is not ProbeKind.LIVENESS:
        summary = f"{external.name} cannot be reached, so {who}its {kind} probe fails"
        evidence = f"{external.detail}; {answer}" if answer else external.detail
        return sight.finding(Cause.EXTERNAL_UNREACHABLE, summary, evidence=evidence, hints=(LOGS,), since=external.at)
    end = container.ended or container.last
    ended = f"; ended for it {times(ends(container))}" if end and killed_for(sight, container, end) is kind else ""
    if "connection refused" in answer.lower():
        port = _PORT.search(spec.action) if spec else None
        summary = f"{who}runs, but nothing listens on port {port[1] if port else 'of its probe'}{ended}"
        hint = "let it listen on the pod's address, on the port that the probe asks"
        cause, hints = Cause.PORT_NOT_LISTENED, (hint, LOGS, CONFIG)
        return sight.finding(cause, summary, terminal=terminal, evidence=answer, hints=hints, since=since)
    often = f", {result.streak} in a row" if result and result.ok is False and result.streak > 1 else ""
    summary = f"{who}its {kind} probe fails{often}{ended}".strip()
    evidence = f"{spec.action}: {answer}" if spec and answer else answer or (spec.action if spec else "")
    return sight.finding(_CAUSES[kind], summary, terminal=terminal, evidence=evidence, hints=(LOGS,), since=since)


def _answer(sight: Sight, container: Container, kind: ProbeKind, result: ProbeResult | None) -> str:
    """The probe's own words: of the result, else of the newest event."""
    if result and result.ok is False and result.answer:
        return result.answer
    event = _unhealthy(sight, container, kind)
    return event.message.partition(": ")[2] if event else ""


def _unhealthy(sight: Sight, container: Container, kind: ProbeKind) -> ClusterEvent | None:
    return sight.event("Unhealthy", container=container.name, containing=f"{kind.capitalize()} probe")


def _spec(container: Container, kind: ProbeKind) -> ProbeSpec | None:
    return next((spec for spec in container.probes if spec.kind is kind), None)


def starting(sight: Sight, container: Container) -> Diagnosis:
    """Nothing is wrong: what a container that does not serve yet waits for."""
    who = sight.who(container)
    if container.state is ContainerState.RUNNING:
        kind = ProbeKind.READINESS if container.started else ProbeKind.STARTUP
        spec = _spec(container, kind) or _spec(container, ProbeKind.READINESS)
        what = f"{who}running, its {spec.kind} probe has not passed yet" if spec else f"{who}running"
        return sight.finding(Cause.STARTING, what, evidence=spec.action if spec else "", since=container.since)
    pulling = sight.event("Pulling", "Pulled", container=container.name)
    if pulling and pulling.reason == "Pulling":
        return sight.finding(Cause.STARTING, f"pulling {image_name(container.image)}", since=pulling.last)
    if container.reason in ("", "ContainerCreating", "PodInitializing"):
        return sight.finding(Cause.STARTING, f"{who}being created", since=sight.pod.created)
    return sight.finding(Cause.UNKNOWN, f"{who}waiting: {container.reason}", evidence=container.message)
