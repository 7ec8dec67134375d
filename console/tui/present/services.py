"""Services and externals as rows, the freshness of what is shown, and the activity pane."""

from __future__ import annotations

import time

from console.model.state import Activity, Freshness, ResourceHealth, ServiceState, ServiceView, View
from console.model.wording import FALLBACKS, age
from console.model.workload import External
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Span, Tone, faint, line

COLUMNS = (
    Column("", 1),
    Column("SERVICE", 11, flexible=True),
    Column("READY", 5, right=True),
    Column("STATE", 7, drop=1),
)
_TONES = {
    ServiceState.READY: Tone.GOOD,
    ServiceState.STARTING: Tone.WARNING,
    ServiceState.FAILING: Tone.ERROR,
    ServiceState.EXTERNAL: Tone.GOOD,
}
_LEVELS = {"warning": Tone.WARNING, "error": Tone.ERROR}


def service_cells(service: ServiceView, glyphs: Glyphs) -> tuple[Cell, ...]:
    """A service's row: glyph, name, ready of desired pods, and its state in a word."""
    tone = _TONES.get(service.state, Tone.FAINT)
    counted = service.state not in {ServiceState.ABSENT, ServiceState.UNKNOWN}
    count = f"{service.ready}/{service.desired}" if counted else "-"
    return (
        (glyphs.services[service.state], tone),
        (service.name, Tone.PLAIN),
        (count, Tone.PLAIN),
        (service.state, tone),
    )


def services_line(view: View, now: float, glyphs: Glyphs) -> Line:
    """All services in one line, those that are not well first, and how fresh that is."""
    spans: list[Span] = []
    words, tone = freshness(view, "pods", now)
    spans += [(f" {words}", tone)] if words else []
    for service in sorted(view.services, key=lambda each: each.state is ServiceState.READY):
        (glyph, colour), (name, _), (count, _), _ = service_cells(service, glyphs)
        spans += [(f" {glyph} ", colour), (f"{name} ", Tone.PLAIN), faint(f"{count} ")]
    return tuple(spans)


def external_cells(external: External, glyphs: Glyphs) -> tuple[Cell, ...]:
    """An external's row."""
    glyph = glyphs.services[ServiceState.EXTERNAL]
    word, tone = {True: ("ok", Tone.GOOD), False: ("lost", Tone.ERROR), None: ("-", Tone.FAINT)}[external.ok]
    shown = glyphs.bad if external.ok is False else glyph
    return (shown, tone), (external.name, Tone.PLAIN), (word, tone), ("outside", Tone.FAINT)


def activity_line(entry: Activity, glyphs: Glyphs) -> Line:
    """One line of the activity pane: time, what it is about, the words."""
    tone = _LEVELS.get(entry.level, Tone.PLAIN)
    sign = {"warning": glyphs.warning, "error": glyphs.bad}.get(entry.level, " ")
    about = (f"{entry.about}  ", Tone.STRONG) if entry.about else ("", Tone.PLAIN)
    return line(faint(clock_time(entry.at)), (f" {sign} ", tone), about, (entry.text, tone))


def clock_time(at: float) -> str:
    """The time of day of a moment, as the operator's clock shows it."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def freshness(view: View, resource: str, now: float) -> tuple[str, Tone]:
    """How far a pane can be believed: the words for its title, empty while it is live."""
    health = view.health.get(resource)
    if health is None or health.freshness is Freshness.LOADING:
        return "loading", Tone.FAINT
    if health.freshness is Freshness.DENIED:
        return f"denied: {health.detail}", Tone.ERROR
    if health.freshness is Freshness.STALE:
        return f"stale, {behind(health, now)} behind", Tone.WARNING
    return "", Tone.PLAIN


def lacking(view: View, *resources: str) -> str:
    """Which rights are missing for what a pane shows besides, and what stands in place of it; empty if none is."""
    health = ((each, view.health.get(each)) for each in resources)
    denied = ((each, found) for each, found in health if found and found.freshness is Freshness.DENIED)
    return "  ".join(f"no {found.detail}: {FALLBACKS[each]}" for each, found in denied)


def behind(health: ResourceHealth, now: float) -> str:
    """How long ago the newest word about a stale resource came."""
    return age(now - (health.beat if health.beat is not None else health.since))


def empty_pods(view: View, now: float, filtered: bool) -> list[Line]:
    """What the pods pane says in place of rows; never that there are none while it cannot know."""
    health = view.health.get("pods")
    if health is None or health.freshness is Freshness.LOADING:
        return [line(faint("loading pods ..."))]
    if health.freshness is Freshness.DENIED:
        needed = line("The missing right: ", (health.detail, Tone.STRONG))
        return [line(("denied", Tone.ERROR), f"  pods of namespace {view.namespace} cannot be seen"), needed]
    if filtered:
        return [line(faint("no pod matches the filter.  Esc clears it"))]
    if health.freshness is Freshness.STALE:
        told = f"  no pods {behind(health, now)} ago; not known since: {health.detail}"
        return [line(("stale", Tone.WARNING), told)]
    deploy = line(faint("nothing runs in namespace "), view.namespace, faint(" yet.  "))
    return [deploy, line(("D", Tone.ACCENT), faint(" shows what a deploy would do"))]
