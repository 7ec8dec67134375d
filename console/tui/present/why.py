"""Why: a diagnosis, never only a status. Cause, the line that shows it, what changed last, what would fix it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from console.model.diagnosis import Diagnosis
from console.model.run import LockHolder
from console.model.state import Freshness, ServiceState, ServiceView, View
from console.model.wording import age, interruption_words, number, pod_state
from console.model.workload import Pod, ProbeResult
from console.tui.bindings import KEYS
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Tone, faint, line, strong
from console.tui.present.services import behind

# Diagnoses name keys as `[l] logs`.
_KEY_HINT = re.compile(r"\[(\S+)\] (.+)")
_OTHERS = 20
"""So many diagnoses of what is not selected; nobody reads on, and a large stack in trouble has hundreds."""
_KEYS = {name for key in KEYS for name in key.keys.split(",")}


def diagnosis_lines(found: Diagnosis, glyphs: Glyphs, now: float | None = None) -> Iterator[Line]:
    """One diagnosis in full."""
    tone, sign = (Tone.ERROR, glyphs.bad) if found.terminal else (Tone.WARNING, glyphs.warning)
    since = f"  since {age(now - found.since)}" if now is not None and found.since is not None else ""
    subject = f"  {found.subject}" if found.service else ""
    yield line((f"{sign} {found.service or found.subject}: ", tone), strong(found.summary))
    for text in found.evidence.splitlines():
        yield line(faint("  shows it  "), text)
    if found.changed:
        yield line(faint("  changed   "), (found.changed, Tone.ACCENT))
    yield from _hints(found.hints)
    yield line(faint(f"  cause     {found.cause}{subject}{since}"))


def _hints(hints: Sequence[str]) -> Iterator[Line]:
    """What would fix it: sentences as they are, and in one line the keys that help, as far as there are such keys."""
    keys: list[tuple[str, Tone]] = []
    for hint in hints:
        found = _KEY_HINT.fullmatch(hint)
        if found is None:
            yield line(faint("  try       "), hint)
        elif found[1] in _KEYS:
            keys += [(found[1], Tone.ACCENT), (f" {found[2]}   ", Tone.PLAIN)]
    if keys:
        yield line(faint("  press     "), *keys)


def interruption_lines(left: LockHolder | None, stack: str, glyphs: Glyphs) -> Iterator[Line]:
    """That a run was killed, and the keys that finish or undo it."""
    if left is None:
        return
    words, hint = interruption_words(left, stack)
    yield line((f"{glyphs.warning} ", Tone.WARNING), strong(words))
    yield line(faint("  press     "), ("A", Tone.ACCENT), " finish   ", ("U", Tone.ACCENT), " undo")
    yield line(faint("  or        "), hint)


def why_lines(view: View, service: str, pod: Pod | None, now: float, glyphs: Glyphs) -> list[Line]:
    """The Why pane for what is selected: what is wrong with it, else how it stands, then what is wrong elsewhere."""
    mine = [each for each in view.diagnoses if _concerns(each, service, pod)]
    others = sorted((each for each in view.diagnoses if each not in mine), key=lambda each: not each.terminal)
    lines = [*_trouble(view, now)]
    for each in mine:
        lines += diagnosis_lines(each, glyphs, now)
    if not mine:
        lines += list(_standing(view, service, pod, now, glyphs))[: 1 if others else None]
    for each in others[:_OTHERS]:
        lines += diagnosis_lines(each, glyphs, now)
    if len(others) > _OTHERS:
        lines.append(line(faint(f"and {len(others) - _OTHERS:,} more: each service says its own")))
    return lines or [line(faint(_nothing(view)))]


def _nothing(view: View) -> str:
    """Why there is nothing to say; never that all is well while it cannot be known."""
    return {
        Freshness.LOADING: "not known yet: the pods are being listed",
        Freshness.DENIED: "not known: pods cannot be seen",
    }.get(view.freshness, "nothing is known to be wrong")


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
    yield line((f"{sign} ", tone), strong(pod.name), f"  {serves}{node}")
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
