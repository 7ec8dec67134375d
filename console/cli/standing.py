"""How a stack is, as lines for people: services, pods with their probes, and why something is not ready."""

from __future__ import annotations

from collections.abc import Iterator

from console.cli.style import Style, table
from console.cli.text import diagnosis_lines
from console.model.run import LockHolder
from console.model.state import Freshness, ServiceState, ServiceView, View
from console.model.wording import FALLBACKS, age, interruption_words, pod_state
from console.model.workload import External, Pod, ProbeKind, ProbeResult

_AT_REST = {ServiceState.READY, ServiceState.STOPPED, ServiceState.EXTERNAL}
_PODS = ("POD", "STATE", "START", "READY", "LIVE", "REST", "AGE", "CPU", "MEMORY")


def interruption_lines(left: LockHolder | None, stack: str, style: Style) -> list[str]:
    """What was interrupted, and what to do about it; nothing if nothing was."""
    if left is None:
        return []
    what, hint = interruption_words(left, stack)
    return ["", style.paint("warning", f"interrupted: {what}"), f"  {hint}"]


def not_ready(view: View) -> dict[str, str]:
    """Services and externals that are not as they should be, and why; a stopped service is as it should be."""
    waiting = {service.name: _why(service) for service in view.services if service.state not in _AT_REST}
    return waiting | {external.name: external.detail for external in view.externals if external.ok is False}


def _why(service: ServiceView) -> str:
    return "; ".join(map(str, service.diagnoses)) or str(service.state)


def status_lines(view: View, now: float, style: Style) -> list[str]:
    """The whole picture at one moment, `now` in seconds since the epoch."""
    lines = [style.paint("strong", _title(view, now)), ""]
    services = [(each.name, _count(each), str(each.state)) for each in view.services]
    lines += table(("SERVICE", "READY", "STATE"), services + [_external(each) for each in view.externals])
    if view.pods:
        rows = [_pod(view, pod, now) for pod in sorted(view.pods.values(), key=lambda pod: (pod.service, pod.name))]
        lines += ["", *table(_PODS, rows)]
    if view.diagnoses:
        lines += ["", "why:", *diagnosis_lines(view.diagnoses, view.stack)]
    return [*lines, *(style.paint("warning", line) for line in _health(view))]


def _title(view: View, now: float) -> str:
    release = view.release
    told = f"release {release.number} ({release.outcome}, {age(now - release.at)} ago)" if release else "no release"
    return f"{view.stack} > {view.target}   context {view.context}   namespace {view.namespace}   {told}"


def _count(service: ServiceView) -> str:
    return f"{service.ready}/{service.desired}"


def _external(external: External) -> tuple[str, str, str]:
    word = {True: "ok", False: "not reached", None: "not checked"}[external.ok]
    return external.name, "", f"external {word}{': ' + external.detail if not external.ok and external.detail else ''}"


def _health(view: View) -> Iterator[str]:
    for resource, health in view.health.items():
        if health.freshness is Freshness.DENIED:
            instead = f" ({FALLBACKS[resource]})" if resource in FALLBACKS else ""
            yield f"{resource}: denied, {health.detail}{instead}"
        elif health.freshness is Freshness.STALE:
            yield f"{resource}: stale, {health.detail}"


def service_line(service: ServiceView) -> str:
    """A service in one line."""
    return f"{service.name:<14}{_count(service)} {service.state}"


def pod_line(pod: Pod) -> str:
    """A pod in one line."""
    return f"{pod.service:<14}{pod.name}  {pod_state(pod)}{' ready' if pod.ready else ''}"


def _pod(view: View, pod: Pod, now: float) -> tuple[str, ...]:
    probes = view.probes.get(pod.uid, {})
    cells = [_worst([result for (_, kind), result in probes.items() if kind is wanted], now) for wanted in ProbeKind]
    usage = view.usage.get(pod.uid)
    figures = (f"{usage.cpu:.3f}", f"{usage.memory / 2**20:.0f}Mi") if usage else ("-", "-")
    return (pod.name, pod_state(pod), *cells, str(pod.restarts), age(now - pod.created), *figures)


def _worst(results: list[ProbeResult], now: float) -> str:
    """The cell of one kind of probe: the worst of the containers' results, `x 7` for seven failures in a row."""
    known = [result for result in results if result.ok is not None]
    if not known:
        return "-"
    worst = min(known, key=lambda result: (bool(result.ok), -result.streak))
    since = f" {age(now - worst.at)}" if worst.at is not None else ""
    return f"ok{since}" if worst.ok else f"x {worst.streak}{since}"
