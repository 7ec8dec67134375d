"""Containers that run and do not serve: what their probes say, or what is still waited for."""

from __future__ import annotations

import re

from console.model.diagnosing.sight import CONFIG, LOGS, Sight, ends, times
from console.model.diagnosis import Cause, Diagnosis
from console.model.workload import Container, ContainerState, ProbeKind, ProbeResult, ProbeSpec

_CAUSES = {
    ProbeKind.STARTUP: Cause.STARTUP_PROBE,
    ProbeKind.READINESS: Cause.READINESS_PROBE,
    ProbeKind.LIVENESS: Cause.LIVENESS_PROBE,
}
# A failing liveness probe is about to end the container, so it comes first.
_ORDER = (ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS)
_PORT = re.compile(r":(\d+)")


def probes(sight: Sight, container: Container) -> Diagnosis | None:
    """The probe that fails, of a container that runs."""
    if container.state is not ContainerState.RUNNING:
        return None
    failed = {kind for (name, kind), result in sight.probes.items() if name == container.name and result.ok is False}
    kind = next((kind for kind in _ORDER if kind in failed), None)
    return failing(sight, container, kind) if kind else None


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
    ended = f"; ended for it {times(ends(container))}" if ends(container) else ""
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
    event = sight.event("Unhealthy", container=container.name, containing=f"{kind.capitalize()} probe")
    return event.message.partition(": ")[2] if event else ""


def _spec(container: Container, kind: ProbeKind) -> ProbeSpec | None:
    return next((spec for spec in container.probes if spec.kind is kind), None)


def starting(sight: Sight, container: Container) -> Diagnosis:
    """Nothing is wrong: what a container that does not serve yet waits for."""
    who = sight.who(container)
    if container.state is ContainerState.RUNNING:
        kind = ProbeKind.READINESS if container.started else ProbeKind.STARTUP
        spec = _spec(container, kind) or _spec(container, ProbeKind.READINESS)
        what = f"{who}runs, and its {spec.kind} probe has not passed yet" if spec else f"{who}runs"
        return sight.finding(Cause.STARTING, what, evidence=spec.action if spec else "", since=container.since)
    pulling = sight.event("Pulling", "Pulled", container=container.name)
    if pulling and pulling.reason == "Pulling":
        return sight.finding(Cause.STARTING, f"pulls {container.image}", evidence=pulling.message, since=pulling.last)
    if container.reason in ("", "ContainerCreating", "PodInitializing"):
        return sight.finding(Cause.STARTING, f"{who}is being created", since=sight.pod.created)
    return sight.finding(Cause.UNKNOWN, f"{who}waits: {container.reason}", evidence=container.message)
