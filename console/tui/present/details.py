"""One pod in full: containers with how they are and how they ended, conditions, probes, events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from console.model.diagnosis import Diagnosis
from console.model.state import View
from console.model.wording import age
from console.model.workload import ClusterEvent, Container, ContainerState, Pod, ProbeResult, ProbeSpec, Termination
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import BLANK, Line, Tone, faint, line, strong
from console.tui.present.pods import state_cell
from console.tui.present.services import clock_time
from console.tui.present.why import diagnosis_lines

PROBE_COLUMNS = (
    Column("CONTAINER", 12, drop=1),
    Column("PROBE", 9),
    Column("LAST", 10),
    Column("ROW", 4, right=True),
    Column("AGO", 4, right=True),
    Column("HISTORY", 20, drop=2),
    Column("ASKS", 22, flexible=True, longest=44, drop=5),
    Column("SEEN BY", 16, drop=3),
    Column("ANSWER", 24, drop=4),
)


def probe_cells(
    container: str, spec: ProbeSpec, result: ProbeResult | None, past: Sequence[bool], now: float, glyphs: Glyphs
) -> tuple[Cell, ...]:
    """The row of a probe; `past` are its results since the console looks, the newest last."""
    known = result is not None and result.ok is not None
    word, tone = ("-", Tone.FAINT)
    if result is not None and known:
        word, tone = ("ok", Tone.GOOD) if result.ok else (f"{glyphs.bad} failed", Tone.ERROR)
    ago = age(now - result.at) if result is not None and result.at is not None else "-"
    bad = tone is Tone.ERROR
    return (
        (container, Tone.PLAIN),
        (spec.kind, Tone.PLAIN),
        (word, tone),
        (str(result.streak) if result is not None and known else "-", tone),
        (ago, Tone.FAINT),
        (sparkline(past, 20, glyphs), Tone.WARNING if bad else Tone.GOOD),
        (spec.action, Tone.FAINT),
        (result.source if result is not None and known else "-", Tone.FAINT),
        (result.answer if result is not None else "", Tone.PLAIN),
    )


def sparkline(past: Sequence[bool], width: int, glyphs: Glyphs) -> str:
    """Results over time, the newest at the right: high is a success, low a failure."""
    return "".join(glyphs.probe_ok if ok else glyphs.probe_bad for ok in past[-width:])


def pod_lines(
    view: View, pod: Pod, diagnoses: Iterable[Diagnosis], events: Sequence[ClusterEvent], now: float, glyphs: Glyphs
) -> list[Line]:
    """Everything about a pod save its probes."""
    lines = [*_head(pod, now, glyphs), BLANK]
    for found in diagnoses:
        lines += [*diagnosis_lines(found, glyphs, now), BLANK]
    for container in pod.containers:
        lines += [*_container(container, now, glyphs), BLANK]
    usage = view.usage.get(pod.uid)
    if usage:
        lines += [line(faint("uses  "), f"{usage.cpu:.3f} cores, {usage.memory / 2**20:.0f} MiB"), BLANK]
    return [*lines, *_conditions(pod, now, glyphs), BLANK, *_events(events, now, glyphs)]


def _head(pod: Pod, now: float, glyphs: Glyphs) -> Iterator[Line]:
    ready = "ready" if pod.ready else "not ready"
    yield line(state_cell(pod, glyphs), f", {ready}", faint(f"  since {age(now - pod.created)}"))
    owner = f"{pod.owner_kind} {pod.owner_name}".strip() or "nobody"
    yield line(faint("  service "), pod.service or "-", faint("  owner "), owner)
    yield line(faint("  node "), pod.node or "none yet", faint("  ip "), pod.ip or "none yet")
    if pod.message:
        yield line(faint("  says "), pod.message)


def _container(container: Container, now: float, glyphs: Glyphs) -> Iterator[Line]:
    running = container.state is ContainerState.RUNNING
    done = container.ended is not None and container.ended.exit_code == 0
    sign, tone = (glyphs.ok, Tone.GOOD) if container.ready or done else (glyphs.warning, Tone.WARNING)
    kind = faint("  init") if container.init else faint("")
    since = f" since {age(now - container.since)}" if container.since is not None and running else ""
    reason = f" ({container.reason})" if container.reason else ""
    yield line((f"{sign} ", tone), strong(container.name), kind, f"  {container.state}{reason}{since}")
    yield line(faint("    image  "), container.image)
    if container.message:
        yield line(faint("    says   "), container.message)
    if container.ended:
        yield line(faint("    ended  "), *_termination(container.ended, now))
    if container.restarts or container.last:
        yield line(faint("    starts "), f"{container.restarts} again")
    if container.last:
        yield line(faint("    before "), *_termination(container.last, now))


def _termination(end: Termination, now: float) -> Iterator[tuple[str, Tone]]:
    tone = Tone.GOOD if end.exit_code == 0 else Tone.ERROR
    signal = f", signal {end.signal}" if end.signal else ""
    ago = f" {age(now - end.finished)} ago" if end.finished is not None else ""
    ran = f" after {age(end.finished - end.started)}" if end.finished is not None and end.started is not None else ""
    yield f"exit code {end.exit_code}{signal}", tone
    yield f"  {end.reason}{ran}{ago}", Tone.PLAIN
    if end.message:
        yield f"  {' '.join(end.message.split())}", Tone.PLAIN


def _conditions(pod: Pod, now: float, glyphs: Glyphs) -> Iterator[Line]:
    yield line(strong("Conditions"))
    for each in pod.conditions:
        sign, tone = (glyphs.ok, Tone.GOOD) if each.status == "True" else (glyphs.bad, Tone.WARNING)
        since = f"  {age(now - each.since)}" if each.since is not None else ""
        why = f"  {each.reason} {each.message}".rstrip() if each.status != "True" else ""
        yield line((f"  {sign} ", tone), f"{each.type:<26}{each.status}", faint(since), why)


def _events(events: Sequence[ClusterEvent], now: float, glyphs: Glyphs) -> Iterator[Line]:
    yield line(strong("Events"), faint("" if events else "  none"))
    for each in events:
        tone = Tone.WARNING if each.type == "Warning" else Tone.PLAIN
        sign = glyphs.warning if each.type == "Warning" else " "
        count = f" ({each.count} times)" if each.count > 1 else ""
        when = faint(f"  {clock_time(each.last)} {age(now - each.last):>4} ago")
        yield line(when, (f" {sign} {each.reason}", tone), f"  {' '.join(each.message.split())}{count}")
