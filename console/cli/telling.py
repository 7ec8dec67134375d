"""What is told of a run while it goes on: facts -> lines on stderr, prefixed by service."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from console.cli.narrate import Narrator
from console.model.diagnosis import Cause, Diagnosis
from console.model.events import (
    Denied,
    DrillMoment,
    EventObserved,
    ExternalObserved,
    Fact,
    LoadMeasured,
    Relisted,
    RunStarted,
    StepFailed,
    StepFinished,
    StepOutput,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepWaiting,
    WatchLost,
)
from console.model.load import failure_words, load_summary
from console.model.plan import Step
from console.model.run import Progress
from console.model.wording import seconds, size
from console.model.workload import ClusterEvent

_FEW = 20
_MANY_EVERY = 5.0
"""Bytes, and pods beyond a few, are told every so many seconds, and at the end."""
_LOAD_EVERY = 5.0
_STAGE = re.compile(r"\bpulling\b|\bstarting: \w+ probe\b")
_MANY = re.compile(r"\d+ pods: ")

_NORMAL_AT_FIRST = {"FailedGetResourceMetric", "FailedComputeMetricsReplicas"}
"""Reasons of warnings that every deploy brings: an autoscaler has no figures yet of pods that just started."""
_PERSISTS = 3
"""Failures of a probe after which its event is told: the kubelet's own threshold, where none is declared."""


class Telling:
    """Follows the facts of one engine, and tells each thing once.

    Args:
        narrator: who writes.
        step_log: the file with a step's redacted output, by run and step id.
        service_of: the service of a pod, by its uid; empty if it has none.
    """

    def __init__(
        self, narrator: Narrator, step_log: Callable[[str, str], Path], service_of: Callable[[str], str]
    ) -> None:
        self._narrator = narrator
        self._step_log = step_log
        self._service_of = service_of
        self._began = float("inf")
        self._steps: dict[str, Step] = {}
        self._since: dict[str, float] = {}
        self._read: dict[str, int] = {}
        self._progress: dict[str, tuple[float, float]] = {}
        self._told: set[object] = set()
        self._lost: set[str] = set()
        self._load_told = 0.0

    def __call__(self, fact: Fact) -> None:
        """Tells the fact, if it is one for people."""
        match fact:
            case RunStarted():
                self._run_started(fact)
            case StepStarted() | StepOutput() | StepProgressed() | StepWaiting():
                self._step_goes_on(fact)
            case StepFinished() | StepSkipped() | StepFailed():
                self._step_ended(fact)
            case WatchLost() | Relisted():
                self._connection(fact)
            case DrillMoment():
                moment = fact.moment
                detail = f": {moment.detail}" if moment.detail else ""
                self._narrator.say(f"{moment.name} after {seconds(moment.seconds)}{detail}", level="warning")
            case LoadMeasured():
                self._load(fact)
            case _:
                self._observed(fact)

    def _run_started(self, run: RunStarted) -> None:
        plan = run.plan
        self._began = run.at
        self._steps = {step.id: step for step in plan.steps}
        known = plan.expected_seconds and not plan.empty
        expected = f", about {seconds(plan.expected_seconds or 0)} by its own past" if known else ""
        steps = f"{len(plan.steps)} step{'s' if len(plan.steps) != 1 else ''}"
        where = f"{plan.target} (context {plan.context}, namespace {plan.namespace})"
        self._narrator.say(f"{run.kind} {plan.stack} on {where}: {steps}{expected}")
        self._narrator.say(f"run {run.run_id}")
        doubts = (f"{check.name}: {check.detail}" for check in plan.checks if check.ok is None)
        for warning in (*plan.warnings, *doubts):
            self._narrator.say(f"warning: {warning}", level="warning")

    def _step_goes_on(self, fact: StepStarted | StepOutput | StepProgressed | StepWaiting) -> None:
        if isinstance(fact, StepStarted):
            self._since[fact.step_id] = fact.at
            self._say(fact.step_id, "...")
        elif isinstance(fact, StepOutput):
            if not self._narrator.github:
                self._pass_on(fact.run_id, fact.step_id)
        elif isinstance(fact, StepProgressed):
            self._progressed(fact)
        else:
            for diagnosis in fact.diagnoses:
                self._once(_finding(diagnosis), diagnosis.service, f"waiting for {_words(diagnosis)}")

    def _progressed(self, fact: StepProgressed) -> None:
        progress = fact.progress
        before, at = self._progress.get(fact.step_id, (-1.0, float("-inf")))
        many = progress.unit == "bytes" or (progress.total or 0) > _FEW
        if progress.done == before or (many and progress.done != progress.total and fact.at - at < _MANY_EVERY):
            return
        self._progress[fact.step_id] = (progress.done, fact.at)
        self._say(fact.step_id, _amount(progress))

    def _step_ended(self, fact: StepFinished | StepSkipped | StepFailed) -> None:
        took = f" ({seconds(fact.at - self._since.get(fact.step_id, fact.at))})"
        self._pass_on(fact.run_id, fact.step_id, took)
        if isinstance(fact, StepFinished):
            self._say(fact.step_id, f"{fact.detail or 'done'}{took}")
        elif isinstance(fact, StepSkipped):
            self._say(fact.step_id, f"skipped: {fact.why}", "faint")
        else:
            self._say(fact.step_id, f"FAILED: {fact.error}{took}", "error")

    def _pass_on(self, run_id: str, step_id: str, took: str = "") -> None:
        """What the step printed since the last time; on GitHub all of it, folded, once the step has ended."""
        lines = self._new_lines(run_id, step_id, last=bool(took))
        step = self._steps.get(step_id)
        if self._narrator.github and lines:
            self._narrator.group(f"{step.title if step else step_id}{took}", lines)
        elif lines:
            self._narrator.say("\n".join(f"| {line}" for line in lines), about=step.service if step else "")

    def _new_lines(self, run_id: str, step_id: str, *, last: bool) -> list[str]:
        try:
            with self._step_log(run_id, step_id).open("rb") as log:
                log.seek(self._read.get(step_id, 0))
                data = log.read()
        except OSError:
            return []
        # A line that is still being written waits for its end.
        whole = data if last else data[: data.rfind(b"\n") + 1]
        self._read[step_id] = self._read.get(step_id, 0) + len(whole)
        return [line.rstrip() for line in whole.decode(errors="replace").splitlines() if line.strip()]

    def _observed(self, fact: Fact) -> None:
        if isinstance(fact, Denied):
            self._once(fact.right, "", f"not allowed to {fact.right}")
        elif isinstance(fact, ExternalObserved) and fact.external.ok is not None:
            external = fact.external
            state = "ok" if external.ok else "NOT REACHED"
            words = f"external {external.name}: {state}, {external.detail}"
            self._once((external.name, external.ok), "", words, "" if external.ok else "warning")
        elif isinstance(fact, EventObserved) and self._worth_telling(fact.event):
            event = fact.event
            words = f"{event.reason} {event.kind.lower()}/{event.name}: {event.message}"
            self._once((event.about_uid, event.reason, event.message), self._service_of(event.about_uid), words)

    def _worth_telling(self, event: ClusterEvent) -> bool:
        if event.type != "Warning" or event.last < self._began or event.reason in _NORMAL_AT_FIRST:
            return False
        # Every start fails a probe or two; how far it is, and what persists, is told by what waits for it.
        return event.reason != "Unhealthy" or (event.count >= _PERSISTS and not event.message.startswith("Startup"))

    def _load(self, fact: LoadMeasured) -> None:
        """Where to, once; figures every few seconds; each new way to fail at once."""
        load = fact.load
        self._once(("load", fact.run_id), "", f"load: {load.rate:g} requests a second to {load.target}", "")
        for failure in load.failures if load.first_answer is not None else ():
            key = ("load", fact.run_id, failure.reason, failure.pod)
            self._once(key, "", f"load: {failure_words(failure)}")
        if fact.at - self._load_told >= _LOAD_EVERY:
            self._load_told = fact.at
            self._narrator.say(f"load: {load_summary(load)}", level="warning" if load.failed else "")

    def _connection(self, fact: WatchLost | Relisted) -> None:
        """One line when sight of the cluster is lost, one when all of it is back."""
        if isinstance(fact, WatchLost):
            if not self._lost:
                self._narrator.say(f"lost sight of the cluster: {fact.why}; trying again", level="warning")
            self._lost.add(fact.resource)
        elif fact.resource in self._lost:
            self._lost.discard(fact.resource)
            if not self._lost:
                self._narrator.say("the cluster is in sight again")

    def _once(self, what: object, about: str, text: str, level: str = "warning") -> None:
        if what in self._told:
            return
        self._told.add(what)
        if about in self._steps:
            self._say(about, text, level)
        else:
            self._narrator.say(text, about=about, level=level)

    def _say(self, step_id: str, text: str, level: str = "") -> None:
        step = self._steps.get(step_id)
        title = step.title if step else step_id
        self._narrator.say(f"{title}: {text}", about=step.service if step else "", level=level)


def _finding(diagnosis: Diagnosis) -> object:
    """What makes a diagnosis new: its cause; of what only starts the stage, whichever pod it is."""
    if diagnosis.cause is not Cause.STARTING:
        return diagnosis.signature
    stage = _STAGE.search(diagnosis.summary)
    return (diagnosis.cause, diagnosis.service, stage[0] if stage else "")


def _words(diagnosis: Diagnosis) -> str:
    who = "" if _MANY.match(diagnosis.summary) else diagnosis.subject.removeprefix("pod/") + ": "
    return f"{who}{diagnosis.summary}{': ' + diagnosis.evidence if diagnosis.evidence else ''}"


def _amount(progress: Progress) -> str:
    """`2/3 pods`, `5.0/9.1 MB`, `12 images`: bytes in the unit that suits the whole."""
    scale, unit = 1.0, progress.unit
    if unit == "bytes":
        scale, unit = (1e6, "MB") if (progress.total or progress.done) >= 1e6 else (1e3, "kB")
    figures = [progress.done / scale, *([progress.total / scale] if progress.total is not None else [])]
    rate = f", {size(progress.rate)}/s" if progress.rate else ""
    return "/".join(f"{figure:.1f}" if scale > 1 else f"{figure:g}" for figure in figures) + f" {unit}{rate}"
