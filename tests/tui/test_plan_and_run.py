"""The plan before it runs, and the run until its verdict."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from console.model.diagnosis import Cause, Diagnosis
from console.model.errors import ApplyError, BuildError
from console.model.events import (
    LoadMeasured,
    RunFinished,
    StepFailed,
    StepFinished,
    StepOutput,
    StepParts,
    StepProgressed,
    StepStarted,
    StepWaiting,
)
from console.model.load import Failure, Load, LoadSecond
from console.model.outcome import Outcome
from console.model.plan import ChangeKind, Check, FieldChange, ObjectChange, ObjectRef, Step, StepKind
from console.model.run import Part, PartState, Progress
from tests.tui.scripted import NOW, ScriptedEngine, plan, verdict
from tests.tui.terminal import Terminal, opened


def planned(engine: ScriptedEngine, size: tuple[int, int] = (120, 40)) -> AbstractAsyncContextManager[Terminal]:
    """The console opened at the plan."""
    return opened(engine, size, place="plan", plan=True)


async def test_the_plan_shows_steps_diffs_checks_and_what_it_takes(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("D")
        await terminal.shows("build backend", "8.0 s", "+ configmap/backend", "~ deployment/backend", "data.LOG_LEVEL")
        await terminal.shows(
            "spec.replicas: - 2 → + 3", "2 checks passed", "quota", "1 to create, 1 to update, about 17 s"
        )


async def test_nothing_happens_before_enter(engine: ScriptedEngine) -> None:
    async with opened(engine, (120, 40)) as terminal:
        await terminal.shows("8 pods")
        await terminal.press("D")
        await terminal.shows("Enter runs it")
        assert engine.options == []
        await terminal.press("enter")
        await terminal.at("run")
        assert engine.options[0].command == "stack-console deploy todo --target dev"


async def test_an_empty_plan_says_so_and_cannot_be_run(engine: ScriptedEngine) -> None:
    engine.next_plan = plan(steps=(Step("preflight", StepKind.PREFLIGHT, "preflight"),))
    async with planned(engine) as terminal:
        await terminal.shows("nothing to do: the cluster is as declared")
        await terminal.press("enter")
        await terminal.pilot.pause()
        assert engine.options == []


async def test_a_failed_check_keeps_the_plan_from_running(engine: ScriptedEngine) -> None:
    engine.next_plan = plan(checks=(Check("push", False, "denied", "log in to the registry"),))
    async with planned(engine) as terminal:
        await terminal.shows("preflight says no: 1 check failed", "push: denied", "log in to the registry")
        await terminal.press("enter")
        await terminal.pilot.pause()
        assert engine.options == []


async def test_what_cannot_be_planned_says_why_and_is_planned_again(engine: ScriptedEngine) -> None:
    engine.next_plan = BuildError("the build context is not there", where="services/backend", hint="create it")
    async with planned(engine) as terminal:
        await terminal.shows("the build context is not there", "services/backend", "create it", "r plans again")
        engine.next_plan = plan()
        await terminal.press("r")
        await terminal.shows("Enter runs it")


async def test_a_protected_target_asks_for_the_name_of_the_stack(engine: ScriptedEngine) -> None:
    engine.next_plan = plan(protected=True)
    async with planned(engine) as terminal:
        await terminal.shows("protected", "Enter runs it")
        await terminal.press("enter")
        await terminal.shows("Type the stack's name, todo")
        await terminal.press(*"tod", "enter")
        await terminal.shows("That is not todo")
        assert engine.options == []
        await terminal.press("o", "enter")
        await terminal.until(lambda: engine.options)


async def test_drift_is_shown_and_asked_about(engine: ScriptedEngine) -> None:
    field = FieldChange("spec.replicas", ChangeKind.UPDATE, "3", "5")
    ref = ObjectRef("apps/v1", "Deployment", "todo", "backend")
    change = ObjectChange(ref, "backend", ChangeKind.UPDATE, (field,), drift=(field,))
    engine.next_plan = plan(steps=(Step("apply:backend", StepKind.APPLY, "apply backend", "backend", (), (change,)),))
    async with planned(engine) as terminal:
        await terminal.shows("changed by others since the last release", "Enter runs it")
        await terminal.press("enter")
        await terminal.shows("Overwrite", "Keep theirs")
        await terminal.press("t")
        await terminal.until(lambda: engine.options)
        assert engine.options[0].drift == "keep"
        assert engine.options[0].command.endswith("--drift keep")


async def test_rolling_back_on_failure_can_be_asked_for(engine: ScriptedEngine) -> None:
    async with planned(engine) as terminal:
        await terminal.shows("On failure: stays as it is")
        await terminal.press("b")
        await terminal.shows("On failure: rolls back")
        await terminal.press("enter")
        await terminal.until(lambda: engine.options)
        assert engine.options[0].rollback


async def test_requests_meanwhile_can_be_asked_for(engine: ScriptedEngine) -> None:
    async with planned(engine) as terminal:
        await terminal.shows("stays as it is.  Enter runs it")
        await terminal.press("m")
        await terminal.shows("20 requests/s meanwhile.  Enter runs it")
        await terminal.press("m")
        await terminal.shows("stays as it is.  Enter runs it")
        await terminal.press("m", "enter")
        await terminal.until(lambda: engine.options)
        assert engine.options[0].probe_load == 0
        assert engine.options[0].command.endswith("--probe-load")


async def test_requests_meanwhile_are_a_chart_below_the_steps(engine: ScriptedEngine) -> None:
    async with planned(engine) as terminal:
        await terminal.shows("Enter runs it")
        await terminal.press("enter")
        await terminal.at("run")
        assert "longest gap" not in terminal.text
        load = Load("http://web/", 20.0, 10.0, 200, 1, (Failure("timeout", "web-1", 1),), 0.004, 0.009, 0.02, 0.2)
        engine.store.dispatch(LoadMeasured("run-1", load, LoadSecond(NOW, 20, 1, 0.009), NOW))
        await terminal.shows(
            "http://web/", "20.0/s", "1 of 200", "p95", "longest gap 200 ms", "1 failed: timeout, by web-1"
        )
        engine.store.dispatch(RunFinished("run-1", verdict(outcome=Outcome.VERIFY, load=load), NOW))
        await terminal.shows("longest time without an answer", "15, verify failed")


async def test_read_only_refuses_with_words(engine: ScriptedEngine) -> None:
    engine.read_only = True
    async with planned(engine) as terminal:
        await terminal.shows("read-only", "Enter runs it")
        await terminal.press("enter")
        await terminal.shows("nothing is changed in read-only mode")


@asynccontextmanager
async def begun(engine: ScriptedEngine, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Terminal]:
    """A run that builds."""
    async with planned(engine, size) as terminal:
        await terminal.shows("Enter runs it")
        await terminal.press("enter")
        await terminal.at("run")
        engine.store.dispatch(
            StepStarted("run-1", "preflight", NOW - 9),
            StepFinished("run-1", "preflight", "14 checks", NOW - 8.5),
            StepStarted("run-1", "build:backend", NOW - 8),
            StepOutput("run-1", "build:backend", 2, "done", NOW),
        )
        yield terminal


async def test_the_log_of_the_running_step_is_read_as_it_grows(engine: ScriptedEngine, tmp_path: Path) -> None:
    log = tmp_path / "build-backend.log"
    log.write_text("#1 load\n#2 RUN pip")
    async with begun(engine) as terminal:
        await terminal.shows("14 checks", "2 lines", "8.0 s", "Log of build:backend", "#1 load")
        text = terminal.text
        assert "#2 RUN" not in text, "half a line is not shown"
        with log.open("a") as stream:
            stream.write(" install\n#3 export\n")
        engine.store.dispatch(StepOutput("run-1", "build:backend", 3, "#3 export", NOW))
        await terminal.shows("#2 RUN pip install", "#3 export", "3 lines")


async def test_each_part_of_a_build_has_its_row_and_its_own_log(engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "build-backend.log").write_text("#1 FROM x\n#1 pulled\n#2 RUN make\n#2 compiling\n#12 not this\n")
    parts = (
        Part(1, "[1/3] FROM x", PartState.CACHED, NOW - 8, 0.0),
        Part(2, "[2/3] RUN make", PartState.RUNNING, NOW - 3),
        Part(3, "[3/3] COPY y /y"),
    )
    async with begun(engine) as terminal:
        engine.store.dispatch(StepParts("run-1", "build:backend", parts, NOW))
        await terminal.shows("[1/3] FROM x", "cached", "[2/3] RUN make", "3.0 s", "[3/3] COPY y /y")
        await terminal.shows("Log of build:backend", "#1 pulled", "#2 compiling")
        await terminal.press("j", "j")
        await terminal.shows("Log of build:backend#2", "RUN make", "compiling")
        await terminal.until(lambda: "pulled" not in terminal.text and "not this" not in terminal.text)
        failed = replace(parts[1], state=PartState.FAILED, seconds=3.4)
        engine.store.dispatch(StepParts("run-1", "build:backend", (failed,), NOW))
        await terminal.shows("failed", "3.4 s")


async def test_the_cursor_follows_what_runs_until_somebody_moves_it(engine: ScriptedEngine) -> None:
    async with begun(engine) as terminal:
        await terminal.shows("Log of build:backend")
        await terminal.press("k")
        await terminal.shows("Log of preflight")
        engine.store.dispatch(
            StepFinished("run-1", "build:backend", "built", NOW), StepStarted("run-1", "push:backend", NOW)
        )
        await terminal.shows("built", "Log of preflight")
        await terminal.press("f")
        await terminal.shows("Log of push:backend")


async def test_what_is_waited_for_is_named(engine: ScriptedEngine) -> None:
    found = Diagnosis(Cause.STARTUP_PROBE, "backend", "pod/b", False, "3 of 30 startup probes failed", "refused")
    async with begun(engine) as terminal:
        engine.store.dispatch(
            StepStarted("run-1", "wait:backend", NOW),
            StepProgressed("run-1", "wait:backend", Progress(2, 3, "pods"), NOW),
            StepWaiting("run-1", "wait:backend", (found,), NOW),
        )
        await terminal.shows("Waiting for", "3 of 30 startup probes failed", "refused", "2/3 pods")


async def test_cancel_is_asked_once_and_ends_with_a_verdict(engine: ScriptedEngine) -> None:
    async with begun(engine) as terminal:
        await terminal.press("ctrl+c")
        await terminal.shows("Cancel this run?", "Let it go on")
        await terminal.press("escape")
        assert engine.cancelled == []
        await terminal.press("ctrl+c")
        await terminal.shows("Cancel this run?")
        await terminal.press("y")
        await terminal.shows("Verdict", "interrupted", "exit code 130")
        assert engine.cancelled == ["run-1"]


async def test_a_run_goes_on_at_home_and_d_comes_back_to_it(engine: ScriptedEngine) -> None:
    async with begun(engine) as terminal:
        await terminal.press("escape")
        await terminal.shows("Pods and probes", "build backend")
        await terminal.press("D")
        await terminal.shows("Log of build:backend")


async def test_a_failure_ends_in_a_verdict_with_cause_evidence_and_next_step(engine: ScriptedEngine) -> None:
    cause = engine.store.view().diagnoses[0]
    ended = verdict(
        outcome=Outcome.ROLLOUT,
        headline="ai-agent did not become ready",
        diagnoses=(cause,),
        release=None,
        evidence=("previous log of ai-agent",),
        addresses=(),
        next_step="repair the ConfigMap and deploy again",
    )
    async with begun(engine) as terminal:
        engine.store.dispatch(
            StepFailed("run-1", "wait:backend", "not ready", (cause,), NOW), RunFinished("run-1", ended, NOW)
        )
        await terminal.shows("Verdict", "ai-agent did not become ready", cause.summary, "previous log of ai-agent")
        await terminal.shows("repair the ConfigMap and deploy again", "exit code 14", "failed")
        text = terminal.text
        assert "Cancel" not in text
        await terminal.press("c")
        assert "ai-agent did not become ready" in terminal.app.clipboard


async def test_success_names_release_and_address(engine: ScriptedEngine) -> None:
    async with begun(engine, (80, 24)) as terminal:
        engine.store.dispatch(RunFinished("run-1", verdict(), NOW))
        await terminal.shows("deployed todo to dev", "http://127.0.0.1:8080/", "100 %")


async def test_leaving_during_a_run_asks_and_ends_it(engine: ScriptedEngine) -> None:
    async with begun(engine) as terminal:
        await terminal.press("ctrl+q")
        await terminal.shows("A run goes on")
        await terminal.press("escape")
        assert terminal.left == []
        await terminal.press("ctrl+q")
        await terminal.shows("A run goes on")
        await terminal.press("y")
        await terminal.until(lambda: engine.cancelled == ["run-1"] and terminal.left == [0])


async def test_a_run_that_is_refused_leaves_the_plan_open(engine: ScriptedEngine) -> None:

    def refuse(*_: object) -> str:
        raise ApplyError("a newer plan was made since", hint="look at it, and run that one")

    engine.run = refuse  # type: ignore[method-assign]
    async with planned(engine) as terminal:
        await terminal.shows("Enter runs it")
        await terminal.press("enter")
        await terminal.shows("a newer plan was made since", "What changes")
