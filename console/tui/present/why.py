"""Why: a diagnosis, never only a status. Cause, the line that shows it, what changed last, what would fix it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.model.diagnosis import Diagnosis
from console.model.state import Freshness, ServiceState, ServiceView, View
from console.model.wording import age, number, pod_state
from console.model.workload import Pod, ProbeResult
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Tone, faint, line, strong
from console.tui.present.services import behind


def diagnosis_lines(found: Diagnosis, glyphs: Glyphs, now: float | None = None) -> Iterator[Line]:
    """One diagnosis in full."""
    tone, sign = (Tone.ERROR, glyphs.bad) if found.terminal else (Tone.WARNING, glyphs.warning)
    since = f"  since {age(now - found.since)}" if now is not None and found.since is not None else ""
    subject = found.service or found.subject
    yield line((f"{sign} {subject}: ", tone), strong(found.summary), faint(f"  {found.cause}{since}"))
    if found.subject and found.service:
        yield line(faint(f"  {found.subject}"))
    for text in found.evidence.splitlines():
        yield line(faint("  shows it  "), text)
    if found.changed:
        yield line(faint("  changed   "), (found.changed, Tone.ACCENT))
    for hint in found.hints:
        yield line(faint("  try       "), hint)


def why_lines(view: View, service: str, pod: Pod | None, now: float, glyphs: Glyphs) -> list[Line]:
    """The Why pane for what is selected: its own diagnoses, else how it stands, else what is wrong elsewhere."""
    trouble = _trouble(view, now)
    mine = [each for each in view.diagnoses if _concerns(each, service, pod)]
    others = [each for each in view.diagnoses if each not in mine]
    lines = list(trouble)
    for each in mine:
        lines += diagnosis_lines(each, glyphs, now)
    if not mine:
        lines += _standing(view, service, pod, now, glyphs)
    if others:
        lines += [line((f"{glyphs.warning} elsewhere  ", Tone.WARNING), str(others[0]))]
        lines += [line(faint(f"  and {number(len(others) - 1, 'more finding')}"))] if others[1:] else []
    return lines


def _concerns(found: Diagnosis, service: str, pod: Pod | None) -> bool:
    if pod is not None and found.subject == f"pod/{pod.name}":
        return True
    return bool(service) and found.service == service


def _trouble(view: View, now: float) -> Iterator[Line]:
    health = view.health.get("pods")
    if health and health.freshness is Freshness.STALE:
        yield line((f"connection lost {behind(health, now)} ago", Tone.WARNING), f": {health.detail}")
        yield line(faint("  what is shown is from before; it comes back by itself"))


def _standing(view: View, service: str, pod: Pod | None, now: float, glyphs: Glyphs) -> Iterator[Line]:
    if pod is not None:
        yield from _pod_standing(view, pod, now, glyphs)
        return
    found = next((each for each in view.services if each.name == service), None)
    if found:
        yield line((f"{glyphs.services[found.state]} ", _tone(found)), strong(found.name), f"  {_words(found)}")
    for external in view.externals:
        if external.name == service:
            tone = Tone.ERROR if external.ok is False else Tone.PLAIN
            yield line(strong(external.name), faint(f"  {external.kind}  "), (external.detail, tone))


def _tone(service: ServiceView) -> Tone:
    return {ServiceState.READY: Tone.GOOD, ServiceState.FAILING: Tone.ERROR}.get(service.state, Tone.FAINT)


def _words(service: ServiceView) -> str:
    return {
        ServiceState.READY: f"all {number(service.ready, 'pod')} serve",
        ServiceState.STARTING: f"{service.ready} of {number(service.desired, 'pod')} serve, the rest starts",
        ServiceState.STOPPED: "stopped: no pods are wanted",
        ServiceState.ABSENT: "not deployed yet",
        ServiceState.UNKNOWN: "not known yet",
    }.get(service.state, f"{service.ready} of {number(service.desired, 'pod')} serve")


def _pod_standing(view: View, pod: Pod, now: float, glyphs: Glyphs) -> Iterator[Line]:
    sign, tone = (glyphs.ok, Tone.GOOD) if pod.ready else (glyphs.dot, Tone.FAINT)
    serves = "serves" if pod.ready else pod_state(pod)
    node = f" on {pod.node}" if pod.node else ""
    yield line((f"{sign} ", tone), strong(pod.name), f"  {serves}{node}", faint(f"  {pod.service}"))
    for (container, _), result in sorted(view.probes.get(pod.uid, {}).items()):
        yield probe_line(container, result, now)


def probe_line(container: str, result: ProbeResult, now: float) -> Line:
    """A probe's last result with its source: what the grid has no room for."""
    ago = f" {age(now - result.at)} ago" if result.at is not None else ""
    word, tone = {True: ("ok", Tone.GOOD), False: ("failed", Tone.ERROR), None: ("not known", Tone.FAINT)}[result.ok]
    row = f" {result.streak} in a row" if result.ok is not None and result.streak > 1 else ""
    answer = f"  {result.answer}" if result.answer else ""
    return line(
        f"  {result.kind:<10}", (word, tone), f"{row}{ago}{answer}", faint(f"  {container}, by {result.source}")
    )


def verdicts(diagnoses: Sequence[Diagnosis], glyphs: Glyphs) -> list[Line]:
    """Several diagnoses, one after the other."""
    return [each for found in diagnoses for each in diagnosis_lines(found, glyphs)]
