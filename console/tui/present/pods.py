"""Pods as rows of the grid: state, the last result of each probe, restarts, age, usage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.model.state import ServiceState, View
from console.model.wording import age, pod_state
from console.model.workload import Pod, ProbeKind, ProbeResult, ProbeSource, ProbeSpec, Usage
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Tone

COLUMNS = (
    Column("POD", 17, flexible=True, tail=6, longest=58),
    Column("STATE", 11),
    Column("START", 5, drop=2),
    Column("READY", 6),
    Column("LIVE", 6, drop=1),
    Column("REST", 4, right=True, drop=3),
    Column("AGE", 4, right=True, drop=4),
    Column("CPU", 4, right=True, drop=5),
    Column("MEM", 6, right=True, drop=6),
    Column("NODE", 16, drop=7),
    Column("IP", 15, drop=8),
    Column("SEEN BY", 16, drop=9),
)

_SHORT = {
    "CrashLoopBackOff": "CrashLoop",
    "ContainerCreating": "Creating",
    "ImagePullBackOff": "ImagePull",
    "ErrImagePull": "ImagePull",
    "ErrImageNeverPull": "NeverPull",
    "InvalidImageName": "BadImage",
    "PodInitializing": "Init",
    "CreateContainerConfigError": "ConfigErr",
    "CreateContainerError": "CreateErr",
    "RunContainerError": "RunErr",
    "Terminating": "Ending",
}
_BAD = ("BackOff", "Err", "Invalid", "OOMKilled", "Failed", "Evicted", "Unknown", "DeadlineExceeded", "Lost")
_SOURCE = {
    ProbeSource.METRICS: "kubelet metrics",
    ProbeSource.NOW: "probe now",
    ProbeSource.EVENT: "event",
    ProbeSource.STATUS: "status only",
}
PROBE_TITLES = {ProbeKind.STARTUP: "START", ProbeKind.READINESS: "READY", ProbeKind.LIVENESS: "LIVE"}
Results = Mapping[tuple[str, ProbeKind], ProbeResult]


def pod_cells(view: View, pod: Pod, now: float, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The cells of a pod's row, one for each of COLUMNS."""
    results = view.probes.get(pod.uid, {})
    usage = view.usage.get(pod.uid)
    return (
        (pod.name, Tone.PLAIN),
        state_cell(pod, glyphs),
        *(probe_cell(pod, results, kind, now) for kind in ProbeKind),
        (str(pod.restarts), Tone.WARNING if pod.restarts else Tone.FAINT),
        (age(now - pod.created), Tone.FAINT),
        *_usage_cells(usage),
        (pod.node or "-", Tone.FAINT),
        (pod.ip or "-", Tone.FAINT),
        (_sources(results.values()), Tone.FAINT),
    )


def state_cell(pod: Pod, glyphs: Glyphs) -> Cell:
    """The pod's state: a glyph and a word."""
    word = pod_state(pod)
    glyph, tone = _standing(pod, word, glyphs)
    return f"{glyph} {_SHORT.get(word, word)}", tone


def _standing(pod: Pod, word: str, glyphs: Glyphs) -> tuple[str, Tone]:
    if pod.deleting is not None:
        return glyphs.dot, Tone.FAINT
    if word in {"Succeeded", "Completed"}:
        return glyphs.ok, Tone.FAINT
    if pod.ready:
        return glyphs.services[ServiceState.READY], Tone.GOOD
    if word.endswith("Error") or any(part in word for part in _BAD):
        return glyphs.bad, Tone.ERROR
    return glyphs.services[ServiceState.STARTING], Tone.WARNING


def probe_cell(pod: Pod, results: Results, kind: ProbeKind, now: float) -> Cell:
    """The last known result of one kind of probe: of several containers the worst.

    `ok 4s` is a success 4 seconds ago, `x 7` are seven failures in a row, `3/30` are three failures of the thirty that
    a startup probe may have, `-` is: not known yet, `.` is: there is no such probe.
    """
    specs = {each.name: spec for each in pod.containers for spec in each.probes if spec.kind is kind}
    if not specs:
        return ".", Tone.FAINT
    found = [(name, result) for (name, of), result in results.items() if of is kind and result.ok is not None]
    if not found or pod.deleting is not None:
        return "-", Tone.FAINT
    name, worst = min(found, key=lambda item: (bool(item[1].ok), -item[1].streak))
    return _result_cell(worst, specs.get(name), now)


def _result_cell(result: ProbeResult, spec: ProbeSpec | None, now: float) -> Cell:
    if not result.ok:
        if result.kind is ProbeKind.STARTUP and spec:
            return f"{result.streak}/{spec.failure_threshold}", Tone.WARNING
        return f"x {result.streak}", Tone.ERROR
    if result.kind is ProbeKind.STARTUP or result.at is None or result.source is ProbeSource.STATUS:
        return "ok", Tone.GOOD
    return f"ok {age(now - result.at)}", Tone.GOOD


def _usage_cells(usage: Usage | None) -> tuple[Cell, Cell]:
    if usage is None:
        return ("-", Tone.FAINT), ("-", Tone.FAINT)
    return (f"{100 * usage.cpu:.0f}%", Tone.PLAIN), (f"{usage.memory / 2**20:.0f}Mi", Tone.PLAIN)


def _sources(results: Iterable[ProbeResult]) -> str:
    """The most exact source among the results."""
    known = {result.source for result in results if result.ok is not None}
    return next((_SOURCE[source] for source in ProbeSource if source in known), "-")


def searchable(pod: Pod) -> str:
    """What a filter is matched against."""
    return f"{pod.name} {pod.service} {pod_state(pod)} {pod.node} {pod.ip}"
