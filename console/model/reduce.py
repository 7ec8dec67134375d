"""The course of a run, from its facts: pure. A fact of another run, or of a step that is none, changes nothing."""

from __future__ import annotations

from dataclasses import replace

from console.model.events import (
    DrillMoment,
    Fact,
    LoadMeasured,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFailed,
    StepFinished,
    StepOutput,
    StepParts,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from console.model.load import SECONDS_KEPT
from console.model.run import Run, StepRun, StepState

StepFact = StepStarted | StepOutput | StepProgressed | StepParts | StepWaiting | StepFinished | StepSkipped | StepFailed


def reduce_run(run: Run | None, fact: Fact) -> Run | None:
    """The run after a fact; the very same object if the fact does not concern it."""
    if isinstance(fact, RunStarted):
        steps = {step.id: StepRun(step.id) for step in fact.plan.steps}
        return Run(fact.run_id, fact.kind, fact.plan, fact.command, fact.at, steps)
    if run is None or getattr(fact, "run_id", "") != run.run_id:
        return run
    if isinstance(fact, RunFinished):
        return replace(run, ended=fact.at, verdict=fact.verdict, paused=False)
    if isinstance(fact, RunPaused):
        return replace(run, paused=fact.paused)
    if isinstance(fact, LoadMeasured):
        return replace(run, load=fact.load, load_seconds=(*run.load_seconds, fact.second)[-SECONDS_KEPT:])
    if isinstance(fact, DrillMoment):
        return replace(run, moments=(*run.moments, fact.moment))
    if isinstance(fact, StepFact) and fact.step_id in run.steps:
        return run.with_step(reduce_step(run.steps[fact.step_id], fact))
    return run


def reduce_step(step: StepRun, fact: StepFact) -> StepRun:
    """The step after a fact."""
    match fact:
        case StepStarted():
            return replace(step, state=StepState.RUNNING, started=fact.at)
        case StepOutput():
            return replace(step, lines=fact.lines, last_line=fact.last)
        case StepProgressed():
            return replace(step, progress=fact.progress)
        case StepParts():
            parts = {part.number: part for part in (*step.parts, *fact.parts)}
            return replace(step, parts=tuple(parts[number] for number in sorted(parts)))
        case StepWaiting():
            state = StepState.WAITING if fact.diagnoses else StepState.RUNNING
            return replace(step, state=state, diagnoses=fact.diagnoses)
        case StepFinished():
            return replace(step, state=StepState.DONE, ended=fact.at, detail=fact.detail, diagnoses=())
        case StepSkipped():
            return replace(step, state=StepState.SKIPPED, ended=fact.at, detail=fact.why)
        case StepFailed():
            return replace(step, state=StepState.FAILED, ended=fact.at, detail=fact.error, diagnoses=fact.diagnoses)
