"""What the console looks like at 80x24 and at 120x40, kept as pictures.

`pytest tests/tui/test_snapshots.py --snapshot-update` makes them anew; look at each before it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from console.engine.store import Store
from console.model.diagnosis import Cause, Diagnosis
from console.model.events import (
    Denied,
    Fact,
    LoadMeasured,
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepWaiting,
    WatchLost,
)
from console.model.load import Failure, Load, LoadSecond, Steady
from console.model.outcome import Outcome
from console.model.run import LockHolder, Progress
from tests.tui.scripted import NOW, ScriptedEngine, crashed, plan, verdict
from tests.tui.terminal import Terminal, console_of, empty, heal

SMALL, LARGE = (80, 24), (120, 40)
Compare = Callable[..., bool]
Prepare = Callable[[Terminal], Awaitable[None]]
ASCII = {"LANG": "C", "TERM": "linux"}


@pytest.fixture
def looks(snap_compare: Compare) -> Callable[..., bool]:
    """Whether a screen looks as it did; `words` are on it once it is ready."""

    def compare(
        engine: ScriptedEngine,
        size: tuple[int, int],
        *keys: str,
        words: str,
        prepare: Prepare | None = None,
        **app: Any,
    ) -> bool:
        async def lead(pilot: Pilot[int]) -> None:
            terminal = Terminal(pilot.app, pilot)  # type: ignore[arg-type]
            await terminal.at("home")
            await terminal.until(lambda: terminal.app.bridge.view is not None or "connect" in app)
            for key in keys:
                await terminal.press(key)
                await terminal.until(terminal.settled)
            if prepare is not None:
                await prepare(terminal)
            await terminal.shows(words)
            await terminal.until(terminal.settled)
            await pilot.pause()

        return snap_compare(console_of(engine, **app), terminal_size=size, run_before=lead)

    return compare


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_home_with_a_service_that_fails(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, size, "G", "k", "k", words="MCP_URL")


def test_home_with_all_services_serving(engine: ScriptedEngine, looks: Compare) -> None:
    heal(engine.store)
    assert looks(engine, LARGE, words="1/1 ready")


def test_home_on_a_terminal_without_unicode(engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, SMALL, words="CrashLoop", environ=ASCII)


def test_home_in_light_colours(engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, SMALL, "T", words="CrashLoop")


def test_home_before_the_connection(engine: ScriptedEngine, looks: Compare) -> None:
    async def connect(stack: str | None, tell: Callable[[str], None]) -> ScriptedEngine:
        await asyncio.Event().wait()
        return engine

    assert looks(engine, SMALL, words="connecting ...", connect=connect)


def test_home_while_pods_are_listed(tmp_path: Path, looks: Compare) -> None:
    engine = ScriptedEngine(tmp_path)
    assert looks(engine, SMALL, words="loading pods ...")


def test_home_without_the_right_to_see_pods(tmp_path: Path, looks: Compare) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.store.dispatch(*(Denied(each, f"list {each} in todo", NOW) for each in ("pods", "deployments", "events")))
    assert looks(engine, SMALL, words="The missing right")


def _without_figures(engine: ScriptedEngine) -> None:
    for resource, right in (("probes", "get nodes/proxy"), ("usage", "list pods.metrics.k8s.io in todo")):
        engine.store.dispatch(Denied(resource, right, NOW))


def test_home_without_the_right_to_figures(engine: ScriptedEngine, looks: Compare) -> None:
    _without_figures(engine)
    assert looks(engine, SMALL, words="no get nodes/proxy")


def test_pod_without_the_right_to_figures(engine: ScriptedEngine, looks: Compare) -> None:
    _without_figures(engine)
    assert looks(engine, SMALL, "enter", words="no get nodes/proxy")


def test_home_after_the_connection_was_lost(engine: ScriptedEngine, looks: Compare) -> None:
    engine.store.dispatch(WatchLost("pods", NOW - 12, "connection refused"))
    assert looks(engine, LARGE, words="stale")


def test_home_of_an_empty_namespace(engine: ScriptedEngine, looks: Compare) -> None:
    empty(engine.store)
    assert looks(engine, SMALL, words="nothing runs in namespace todo")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_a_plan_with_its_diff(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, size, "D", words="LOG_LEVEL")


REASON = Diagnosis(
    Cause.READINESS_PROBE,
    "backend",
    "pod/backend-7c9f8d6b5c-2xkd8",
    False,
    "its readiness probe fails",
    "HTTP probe failed with statuscode: 503",
)


def so_far(store: Store, kind: str = "deploy") -> None:
    """A run that waits for its pods."""
    done: list[Fact] = [RunStarted("run-1", kind, plan(kind=kind), f"stack-console {kind} todo", NOW - 12)]
    for step, at in (("preflight", 0.4), ("build:backend", 7.2)):
        done += [StepStarted("run-1", step, NOW - 12), StepFinished("run-1", step, "", NOW - 12 + at)]
    done += [StepSkipped("run-1", "push:backend", "unchanged", NOW - 4)]
    done += [StepStarted("run-1", "apply:backend", NOW - 4)]
    done += [StepFinished("run-1", "apply:backend", "2 objects", NOW - 3.6)]
    done += [StepStarted("run-1", "wait:backend", NOW - 3.6)]
    done += [StepProgressed("run-1", "wait:backend", Progress(2, 3, "pods"), NOW - 1)]
    done += [StepWaiting("run-1", "wait:backend", (REASON,), NOW - 1)]
    store.dispatch(*done)


def test_a_run_in_progress(engine: ScriptedEngine, looks: Compare) -> None:
    so_far(engine.store)
    engine.step_log("run-1", "wait:backend").write_text("2 of 3 pods ready\nbackend-2xkd8 answers 503\n")
    assert looks(engine, LARGE, "D", words="answers 503")


def measured(store: Store) -> None:
    """Requests while a rolling change goes on, some of which one pod fails."""
    failures = (Failure("503 Service Unavailable", "backend-7c9f8d6b5c-2xkd8", 5),)
    steady = Steady(60, 0, 0.008)
    for second in range(60):
        failed = (0, 2, 3)[second % 3] if second in (40, 41) else 0
        load = Load(
            *("http://127.0.0.1:8080/", 20.0, second + 1.0, 20 * second + 20, 5, failures, 0.0042, 0.0091, 0.031, 0.21),
            steady=steady,
            first_answer=0.01,
        )
        p95 = 0.008 + 0.004 * (second % 5) + (0.04 if second > 38 else 0.0)
        ended = LoadSecond(NOW - 60 + second, 20 - second % 2, failed, p95)
        store.dispatch(LoadMeasured("run-1", load, ended, NOW - 60 + second))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_a_run_with_requests_meanwhile(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    so_far(engine.store)
    measured(engine.store)
    assert looks(engine, size, "D", words="longest gap")


def test_a_run_with_requests_meanwhile_without_unicode(engine: ScriptedEngine, looks: Compare) -> None:
    so_far(engine.store)
    measured(engine.store)
    assert looks(engine, SMALL, "D", words="longest gap", environ=ASCII)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_the_verdict_of_a_run_that_failed(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    so_far(engine.store)
    failed = verdict(
        outcome=Outcome.ROLLOUT,
        headline="backend did not become ready",
        diagnoses=(REASON,),
        release=None,
        addresses=(),
        evidence=("previous log of backend-7c9f8d6b5c-2xkd8",),
        next_step="mend /ready, then deploy again",
    )

    async def fail(terminal: Terminal) -> None:
        engine.store.dispatch(StepFailed("run-1", "wait:backend", "deadline passed", (REASON,), NOW))
        engine.store.dispatch(RunFinished("run-1", failed, NOW))
        await terminal.shows("Verdict", "did not become ready")

    assert looks(engine, size, "D", words="%", prepare=fail)


def test_a_pod_in_full(engine: ScriptedEngine, looks: Compare) -> None:
    async def open_it(terminal: Terminal) -> None:
        terminal.app.open_pod(crashed().uid)
        await terminal.at("pod")

    assert looks(engine, LARGE, words="Back-off", prepare=open_it)


def test_logs_of_two_pods(engine: ScriptedEngine, looks: Compare) -> None:
    for number in range(6):
        engine.say("backend-7c9f8d6b5c-2xkd8", f"GET /todos 200 in {number} ms\n")
        engine.say("frontend-7c9f8d6b5c-aa2b9", f"WARNING upstream answered after {number} s\n")
    assert looks(engine, SMALL, "tab", "tab", "tab", "l", words="after 5 s")


def test_the_help_of_home(engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, LARGE, "question_mark", words="Moving about")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_the_panel_to_scale(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    async def wish(terminal: Terminal) -> None:
        await terminal.shows("2-6")
        await terminal.press("5", "j", "minus")

    assert looks(engine, size, "S", words="mcp-server  2 → 1", prepare=wish)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_the_panel_to_restart(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, size, "R", "j", "space", words="2 services, 5 pods")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_the_preview_of_an_operation(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, size, "U", words="Enter runs it")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_an_operation_beside_the_grid(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    so_far(engine.store, "scale")
    engine.step_log("run-1", "wait:backend").write_text("2 of 3 pods ready\nbackend-2xkd8 answers 503\n")
    # From the first step on, so that it does not matter when the rows were laid out.
    assert looks(engine, size, "S", "g", "f", words="answers 503")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_the_verdict_of_an_operation(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    so_far(engine.store, "scale")
    undo = "stack-console rollback todo --target dev --to 7"
    ended = verdict(headline="todo on dev: backend scaled to 5: release 8", seconds=4.2, undo=undo)

    async def end(terminal: Terminal) -> None:
        engine.store.dispatch(RunFinished("run-1", ended, NOW))
        await terminal.shows("u Undo")

    assert looks(engine, size, "S", words="%", prepare=end)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_releases_and_runs(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    assert looks(engine, size, "H", words="backend scaled to 3")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_what_lies_between_two_releases(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    async def compare(terminal: Terminal) -> None:
        await terminal.shows("backend scaled to 3")
        await terminal.press("d")

    assert looks(engine, size, "H", words="data.LOG_LEVEL", prepare=compare)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_home_after_a_run_was_killed(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    command = "stack-console scale todo backend=5 --target dev"
    engine.left = LockHolder("anna", "laptop", 4711, NOW - 60, command)
    assert looks(engine, size, words="finish   U undo")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_the_configuration_of_a_service(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    async def edit(terminal: Terminal) -> None:
        await terminal.shows("kubectl-edit")
        await terminal.press("e")
        await terminal.at("EditScreen")
        await terminal.press(*["backspace"] * 4, *"debug", "ctrl+s")
        await terminal.at("config")

    assert looks(engine, size, "C", words="+ debug", prepare=edit)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_a_value_is_edited(size: tuple[int, int], engine: ScriptedEngine, looks: Compare) -> None:
    async def edit(terminal: Terminal) -> None:
        await terminal.shows("kubectl-edit")
        await terminal.press("j", "e")
        await terminal.at("EditScreen")

    assert looks(engine, size, "C", words="cache: 10", prepare=edit)
