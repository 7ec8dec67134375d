"""The course of a run, fact by fact."""

from console.model.diagnosis import Cause, Diagnosis
from console.model.events import (
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepOutput,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from console.model.outcome import Outcome
from console.model.plan import Plan, Step, StepKind
from console.model.reduce import reduce_run
from console.model.run import Progress, StepState, Verdict

STEPS = (Step("build:web", StepKind.BUILD, "build web", "web"), Step("wait:web", StepKind.WAIT, "wait for web", "web"))
PLAN = Plan("deploy", "todo", "sandbox", "todo", "sandbox", False, STEPS)
STARTED = RunStarted("r1", "deploy", PLAN, "stack-console deploy todo", 1.0)
SLOW = Diagnosis(Cause.STARTING, "web", "pod/web", False, "runs")


def after(*facts):
    run = None
    for fact in (STARTED, *facts):
        run = reduce_run(run, fact)
    return run


def test_a_run_begins_with_every_step_pending():
    run = after()
    assert {step.state for step in run.steps.values()} == {StepState.PENDING}
    assert (run.run_id, run.command, run.started) == ("r1", "stack-console deploy todo", 1.0)


def test_a_step_runs_prints_gets_on_and_is_done():
    step = after(
        StepStarted("r1", "build:web", 2.0),
        StepOutput("r1", "build:web", 12, "compiling", 3.0),
        StepProgressed("r1", "build:web", Progress(3, 4, "bytes"), 4.0),
        StepFinished("r1", "build:web", "built", 5.0),
    ).steps["build:web"]
    assert (step.state, step.started, step.ended, step.lines) == (StepState.DONE, 2.0, 5.0, 12)
    assert (step.last_line, step.detail, step.progress) == ("compiling", "built", Progress(3, 4, "bytes"))


def test_a_step_waits_while_there_is_something_to_name():
    waits = StepWaiting("r1", "wait:web", (SLOW,), 3.0)
    run = after(StepStarted("r1", "wait:web", 2.0), waits)
    assert (run.steps["wait:web"].state, run.steps["wait:web"].diagnoses) == (StepState.WAITING, (SLOW,))
    run = after(StepStarted("r1", "wait:web", 2.0), waits, StepWaiting("r1", "wait:web", (), 4.0))
    assert run.steps["wait:web"].state is StepState.RUNNING


def test_a_step_fails_or_is_skipped_with_a_reason():
    run = after(StepFailed("r1", "build:web", "no compiler", (), 3.0), StepSkipped("r1", "wait:web", "left out", 3.0))
    assert [(step.state, step.detail) for step in run.steps.values()] == [
        (StepState.FAILED, "no compiler"),
        (StepState.SKIPPED, "left out"),
    ]


def test_a_run_ends_with_its_verdict():
    verdict = Verdict(Outcome.DONE, "todo is ready", (), 4.0, (), 1, (), (), "")
    run = after(RunFinished("r1", verdict, 5.0))
    assert (run.verdict, run.ended) == (verdict, 5.0)


def test_facts_of_other_runs_and_unknown_steps_change_nothing():
    run = after()
    assert reduce_run(run, StepStarted("r2", "build:web", 2.0)) is run
    assert reduce_run(run, StepStarted("r1", "build:other", 2.0)) is run
    assert reduce_run(None, StepStarted("r1", "build:web", 2.0)) is None
