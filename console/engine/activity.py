"""The activity pane: what happened, in plain words, with the noise folded."""

from __future__ import annotations

from dataclasses import replace

from console.model.events import (
    ClusterChecked,
    Denied,
    EventObserved,
    ExternalObserved,
    Fact,
    Relisted,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFailed,
    StepFinished,
    WatchLost,
)
from console.model.state import Activity
from console.model.wording import FALLBACKS
from console.model.workload import ClusterEvent

LIMIT = 500
# What a controller did is news; that a pod was scheduled, pulled and started, its row shows.
_NEWS = {"ScalingReplicaSet", "SuccessfulRescale", "Killing", "Completed", "TriggeredScaleUp", "Evicted", "Preempted"}


class ActivityLog:
    """The last lines, oldest first. What happens again and again is one line that counts."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lines: dict[object, Activity] = {}
        self._shown: tuple[Activity, ...] | None = ()
        self._lost: set[str] = set()
        self._externals: dict[str, bool | None] = {}

    @property
    def lines(self) -> tuple[Activity, ...]:
        """All of them, by time."""
        if self._shown is None:
            self._shown = tuple(sorted(self._lines.values(), key=lambda line: line.at))
        return self._shown

    def hear(self, fact: Fact, about: str = "") -> None:
        """Takes a fact in, if it is worth a line; `about` names the service that it concerns."""
        match fact:
            case EventObserved():
                self._event(fact.event, about)
            case RunStarted() | RunPaused() | RunFinished() | StepFinished() | StepFailed():
                self._run(fact)
            case WatchLost() | Relisted():
                self._connection(fact)
            case Denied():
                instead = f": {FALLBACKS[fact.resource]}" if fact.resource in FALLBACKS else ""
                words = f"not allowed to {fact.right}{instead}"
                self._add(fact, Activity(fact.at, fact.resource, words, "warning"))
            case ExternalObserved():
                self._external(fact)
            case ClusterChecked():
                words = fact.mismatch or "the context stands for the cluster of the start again"
                self._add(fact, Activity(fact.at, "cluster", words, "error" if fact.mismatch else "info"))
            case _:
                pass

    def _add(self, key: object, line: Activity) -> None:
        self._lines.pop(key, None)
        self._lines[key] = line
        if len(self._lines) > self._limit:
            del self._lines[next(iter(self._lines))]
        self._shown = None

    def _event(self, event: ClusterEvent, about: str) -> None:
        warning = event.type != "Normal"
        if not warning and event.reason not in _NEWS:
            return
        subject = about or f"{event.kind.lower()}/{event.name}"
        words = f"{event.reason}: {' '.join(event.message.split())}" if event.message else event.reason
        key = (event.about_uid, event.reason, event.message)
        seen = self._lines.get(key)
        # The same event counted up, or another event that says the same.
        count = max(event.count, 1 if seen is None else 2)
        line = Activity(event.last, subject, words, "warning" if warning else "info")
        self._add(key, line if count == 1 else replace(line, text=f"{words} ({count} times)"))

    def _run(self, fact: RunStarted | RunPaused | RunFinished | StepFinished | StepFailed) -> None:
        match fact:
            case RunStarted():
                self._add(("run", fact.run_id), Activity(fact.at, fact.plan.stack, f"{fact.kind} began"))
            case RunPaused():
                words = "paused: what has begun goes on to its end" if fact.paused else "goes on"
                self._add(("pause", fact.run_id, fact.at), Activity(fact.at, "", words))
            case RunFinished():
                level = "info" if fact.verdict.ok else "error"
                self._add(("end", fact.run_id), Activity(fact.at, "", fact.verdict.headline, level))
            case StepFinished():
                words = f"{fact.step_id} {fact.detail or 'done'}"
                self._add((fact.run_id, fact.step_id), Activity(fact.at, "", words))
            case StepFailed():
                words = f"{fact.step_id} failed: {fact.error}"
                self._add((fact.run_id, fact.step_id), Activity(fact.at, "", words, "error"))

    def _connection(self, fact: WatchLost | Relisted) -> None:
        """One line when sight of the cluster is lost, one when all of it is back."""
        if isinstance(fact, WatchLost):
            if not self._lost:
                self._add(("lost", fact.at), Activity(fact.at, "", f"lost sight of the cluster: {fact.why}", "warning"))
            self._lost.add(fact.resource)
        elif fact.resource in self._lost:
            self._lost.discard(fact.resource)
            if not self._lost:
                self._add(("back", fact.at), Activity(fact.at, "", "the cluster is in sight again"))

    def _external(self, fact: ExternalObserved) -> None:
        external, before = fact.external, self._externals.get(fact.external.name)
        self._externals[external.name] = external.ok
        if external.ok is before or external.ok is None or (external.ok and before is None):
            return
        words = "can be reached again" if external.ok else f"cannot be reached: {external.detail}"
        level = "info" if external.ok else "error"
        self._add((external.name, external.at), Activity(external.at or 0.0, external.name, words, level))
