"""Panels that act on the stack beside the live grid: chosen, previewed, asked for once, watched, undone."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from console.model.editing import ThreeWay
from console.model.errors import EditConflictError, UsageError
from console.model.events import PodObserved, RunFinished, StepStarted, WorkloadObserved
from console.model.operations import Configure, Restart, RollBack, Scale, Start, Stop
from console.model.plan import ChangeKind, FieldChange, ObjectChange, ObjectRef, Step, StepKind
from console.model.run import LockHolder
from console.tui.widgets.table import Table
from tests.tui.scripted import CONFIGURED, NOW, ScriptedEngine, plan, pod, verdict, workload
from tests.tui.terminal import Terminal, connected, empty

REF = ObjectRef("apps/v1", "Deployment", "todo", "backend")


def changing(path: str, before: str, after: str) -> tuple[Step, ...]:
    change = ObjectChange(REF, "backend", ChangeKind.UPDATE, (FieldChange(path, ChangeKind.UPDATE, before, after),))
    return (
        Step("preflight", StepKind.PREFLIGHT, "preflight"),
        Step("apply:backend", StepKind.APPLY, "apply backend", "backend", ("preflight",), (change,)),
        Step("wait:backend", StepKind.WAIT, "wait for backend", "backend", ("apply:backend",)),
    )


@pytest.fixture
def engine(engine: ScriptedEngine) -> ScriptedEngine:
    engine.next_plan = plan(steps=changing("spec.replicas", "3", "5"), expected_seconds=None)
    return engine


async def scaling(terminal: Terminal, *keys: str) -> None:
    await terminal.press("S")
    await terminal.at("scale")
    await terminal.shows("2-6")
    await terminal.press(*keys)


# -- scale


async def test_scale_shows_what_there_is_who_rules_and_what_a_budget_keeps(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal)
        await terminal.shows("NOW", "WANTED", "AUTOSCALER", "keeps 2 of backend's pods")
        await terminal.shows("3/3 ready", "2xkd8")


async def test_a_number_is_typed_and_the_bounds_that_move_are_told(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal, "1", "2")
        await terminal.shows("2-6 → 12-12", "backend  3 → 12", "An autoscaler rules backend")
        await terminal.press("backspace")
        await terminal.shows("backend  3 → 1", "fewer than poddisruptionbudget/backend keeps")
        await terminal.press("backspace")
        await terminal.until(lambda: "3 → " not in terminal.text)


async def test_plus_and_minus_count_from_what_there_is(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal, "plus", "plus", "j", "minus")
        await terminal.shows("backend  3 → 5", "mcp-server  2 → 1")
        await terminal.press("minus", "minus", "minus")
        await terminal.shows("mcp-server  2 → 0", "nothing serves any more")
        await terminal.press("enter")
        await terminal.at("plan")
        assert engine.operations == [Scale({"backend": 5, "mcp-server": 0})]


async def test_nothing_is_previewed_before_another_number_is_wanted(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal, "3", "enter")
        assert terminal.place == "scale"
        assert engine.operations == []


async def test_the_cursor_begins_at_the_service_that_was_selected(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await terminal.press("G")
        await scaling(terminal)
        assert terminal.app.screen.query_one("#numbers", Table).key == "frontend"


async def test_the_preview_says_whose_pods_and_who_leans_on_them(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal, "5", "enter")
        await terminal.at("plan")
        await terminal.shows("backend  2 pods more, 3 before, then 5", "leaned on by mcp-server")
        await terminal.shows("spec.replicas: - 3 → + 5", "backend scaled to 5", "Enter runs it", "2xkd8")
        assert engine.options == []


async def test_esc_goes_back_without_loss(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal, "5", "enter")
        await terminal.at("plan")
        await terminal.shows("Enter runs it")
        await terminal.press("escape")
        await terminal.at("scale")
        await terminal.shows("backend  3 → 5")
        assert engine.options == []


async def run_of(terminal: Terminal, *keys: str) -> None:
    await scaling(terminal, *keys, "enter")
    await terminal.at("plan")
    await terminal.shows("Enter runs it")
    await terminal.press("enter")
    await terminal.at("run")


async def test_the_effect_is_seen_in_the_grid_while_it_happens(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await run_of(terminal, "5")
        assert engine.options[0].command == "stack-console scale todo backend=5 --target dev"
        assert (engine.options[0].drift, engine.options[0].rollback) == ("keep", False)
        engine.store.dispatch(StepStarted("run-1", "wait:backend", NOW), PodObserved(pod("backend", "new01")))
        await terminal.shows("wait for backend", "new01", "Log of wait:backend")


async def test_the_verdict_has_seconds_and_u_shows_what_takes_it_back(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await run_of(terminal, "5")
        undo = "stack-console rollback todo --target dev --to 7"
        ended = verdict(headline="todo on dev: backend scaled to 5: release 8", seconds=4.2, undo=undo, addresses=())
        engine.store.dispatch(RunFinished("run-1", ended, NOW))
        await terminal.shows("backend scaled to 5: release 8", "4.2 s", "rollback todo --target dev", "u Undo")
        await terminal.press("u")
        await terminal.at("plan")
        await terminal.shows("rolled back to release 7", "Enter runs it")
        assert engine.operations[-1] == RollBack(7)
        await terminal.press("enter")
        await terminal.at("run")
        assert engine.options[-1].drift == "overwrite"
        await terminal.press("escape")
        await terminal.at("scale")


async def test_what_goes_on_cannot_be_undone(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await run_of(terminal, "5")
        await terminal.press("u")
        await terminal.pilot.pause()
        assert terminal.place == "run"


async def test_while_a_run_goes_on_every_action_shows_it(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await run_of(terminal, "5")
        for key in ("S", "R", "U", "X", "D"):
            await terminal.go_home()
            await terminal.press(key)
            await terminal.at("run")


async def test_a_click_chooses_a_service_and_keys_in_the_last_line_can_be_clicked(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal)
        await terminal.pilot.click("#numbers", offset=(6, 3))
        await terminal.press("plus")
        await terminal.shows("mcp-server  2 → 3", "Enter Preview")
        row = terminal.text.splitlines()[-1]
        await terminal.pilot.click("KeyLine", offset=(row.index("Enter"), 0))
        await terminal.at("plan")
        assert engine.operations == [Scale({"mcp-server": 3})]


async def test_a_pod_beside_the_panel_is_opened_by_two_clicks(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await scaling(terminal)
        await terminal.pilot.click("#pods", offset=(6, 3), times=2)
        await terminal.at("pod")


async def test_what_cannot_be_planned_says_why(engine: ScriptedEngine) -> None:
    engine.next_plan = UsageError("backend cannot be scaled", why="it has several: deployment/a, deployment/b")
    async with connected(engine) as terminal:
        await scaling(terminal, "5", "enter")
        await terminal.shows("backend cannot be scaled", "it has several")


@pytest.mark.parametrize("keys", [("S", "5", "enter"), ("R", "enter"), ("U",), ("X",)])
async def test_read_only_shows_every_action_and_refuses_it_with_words(
    engine: ScriptedEngine, keys: tuple[str, ...]
) -> None:
    engine.read_only = True
    async with connected(engine) as terminal:
        for key in keys:
            await terminal.press(key)
            await terminal.until(terminal.settled)
            await terminal.shows("2-6" if terminal.place == "scale" else "")
        await terminal.at("plan")
        await terminal.shows("read-only", "Enter runs it")
        await terminal.press("enter")
        await terminal.shows("nothing is changed in read-only mode")
        assert engine.options == []


async def test_a_protected_target_asks_for_the_name_of_the_stack(engine: ScriptedEngine) -> None:
    engine.next_plan = replace(engine.next_plan, protected=True)  # type: ignore[type-var]
    async with connected(engine) as terminal:
        await scaling(terminal, "5", "enter")
        await terminal.shows("Enter runs it")
        await terminal.press("enter")
        await terminal.shows("Type the stack's name, todo")
        assert engine.options == []
        await terminal.press(*"todo", "enter")
        await terminal.until(lambda: engine.options)


# -- restart


async def restarting(terminal: Terminal, *keys: str) -> None:
    await terminal.press("R")
    await terminal.at("restart")
    await terminal.press(*keys)


async def test_restart_begins_with_the_selected_service_and_a_chooses_all(engine: ScriptedEngine) -> None:
    engine.next_plan = plan(steps=changing("spec.template.metadata.annotations.restarted", "", "now"))
    async with connected(engine) as terminal:
        await restarting(terminal)
        await terminal.shows("[✓] backend", "[ ] frontend", "1 service, 3 pods")
        await terminal.press("a", "enter")
        await terminal.at("plan")
        await terminal.shows("backend  3 pods made anew", "On failure: rolls back", "everything restarted")
        assert engine.operations == [Restart()]
        await terminal.press("enter")
        await terminal.at("run")
        assert engine.options[0].rollback


async def test_a_run_is_paused_and_goes_on(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await run_of(terminal, "5")
        await terminal.press("p")
        await terminal.shows("paused: what has begun goes on, nothing else begins")
        await terminal.press("p")
        await terminal.until(lambda: "paused" not in terminal.text)
        engine.store.dispatch(RunFinished("run-1", verdict(), NOW))
        await terminal.shows("Verdict")
        assert "Pause" not in terminal.text


async def test_services_are_chosen_one_by_one(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await restarting(terminal, "space", "enter")
        await terminal.shows("Space chooses a service")
        assert terminal.place == "restart"
        await terminal.press("j", "space", "j", "space", "enter")
        await terminal.at("plan")
        assert engine.operations == [Restart(("mcp-server", "ai-agent"))]


async def test_two_clicks_choose_a_service(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await restarting(terminal)
        await terminal.pilot.click("#choice", offset=(6, 3), times=2)
        await terminal.shows("[✓] mcp-server", "2 services, 5 pods")


# -- roll back, stop and start


async def test_u_shows_what_going_back_would_do(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await terminal.press("U")
        await terminal.at("plan")
        await terminal.shows("rolled back to release 6", "Enter runs it", "2xkd8")
        assert engine.operations == [RollBack(6)]


async def test_without_an_earlier_release_u_says_so(engine: ScriptedEngine) -> None:
    engine.earlier = None
    async with connected(engine) as terminal:
        await terminal.press("U")
        await terminal.shows("todo has no earlier good release")
        assert terminal.place == "home"


async def test_x_stops_everything_and_starts_what_was_stopped(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await terminal.press("X")
        await terminal.at("plan")
        assert engine.operations == [Stop()]
        await terminal.go_home()
        empty(engine.store)
        engine.store.dispatch(
            *(WorkloadObserved(workload(each, 0, 0)) for each in ("backend", "mcp-server", "ai-agent", "frontend"))
        )
        await terminal.shows("0/0 stopped")
        await terminal.press("X")
        await terminal.at("plan")
        assert engine.operations[-1] == Start()


# -- sizes


@pytest.mark.parametrize("keys", [("S",), ("R",), ("S", "5", "enter")])
async def test_where_it_is_narrow_a_line_tells_of_every_service(engine: ScriptedEngine, keys: tuple[str, ...]) -> None:
    async with connected(engine, (80, 24)) as terminal:
        for key in keys:
            await terminal.press(key)
            await terminal.until(terminal.settled)
            await terminal.shows("2-6" if terminal.place == "scale" else "")
        await terminal.shows("mcp-server 1/2", "ai-agent 0/1", "backend 3/3")
        assert "START READY" not in terminal.text


# -- history


async def in_history(terminal: Terminal, *keys: str) -> None:
    await terminal.press("H")
    await terminal.at("history")
    await terminal.shows("backend scaled to 3")
    await terminal.press(*keys)


async def test_history_tells_who_made_each_release_with_which_command(engine: ScriptedEngine) -> None:
    async with connected(engine, (160, 40)) as terminal:
        await in_history(terminal)
        await terminal.shows("RELEASE", "scale", "backend scaled to 3", "✗ rollout", "anna@laptop")
        await terminal.shows("deployed todo to dev", "ai-agent did not become ready", "2xkd8")
        await terminal.press("tab", "j", "enter")
        await terminal.shows("Evidence  1 piece", "MCP_URL is not set")


async def test_a_release_is_compared_with_the_one_before_or_with_a_marked_one(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await in_history(terminal, "d")
        await terminal.shows("configmap/backend", "data.LOG_LEVEL")
        await terminal.press("escape")
        await terminal.at("history")
        await terminal.press("space", "G", "d")
        await terminal.shows("release 5 and 7", "data.LOG_LEVEL")
        assert engine.compared == [(6, 7), (5, 7)]


async def test_the_first_release_has_nothing_before_it(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await in_history(terminal, "G", "d")
        await terminal.shows("no other release: Space marks one")


async def test_any_release_can_be_gone_back_to(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await in_history(terminal, "G", "U")
        await terminal.at("plan")
        await terminal.shows("rolled back to release 5", "Enter runs it")
        assert engine.operations == [RollBack(5)]


async def test_runs_cannot_be_gone_back_to(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await in_history(terminal, "tab")
        await terminal.until(lambda: "U Roll back" not in terminal.text)
        await terminal.press("U")
        await terminal.pilot.pause()
        assert terminal.place == "history"


async def test_what_differs_from_the_last_release_is_told_with_its_manager(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await in_history(terminal, "w")
        await terminal.shows("deployment/backend spec.replicas", "released  2", "live      3  kubectl-edit", "--write")


# -- what was interrupted


def killed(command: str) -> LockHolder:
    return LockHolder("anna", "laptop", 4711, NOW - 60, command)


async def test_what_was_interrupted_is_told_and_finished_with_a_key(engine: ScriptedEngine) -> None:
    engine.left = killed("stack-console scale todo backend=5 --target dev")
    async with connected(engine) as terminal:
        await terminal.shows("of anna on laptop", "was interrupted", "A finish   U undo")
        await terminal.press("A")
        await terminal.at("plan")
        await terminal.shows("Enter runs it")
        assert engine.operations == [Scale({"backend": 5})]
        await terminal.press("enter")
        await terminal.at("run")
        await terminal.go_home()
        await terminal.until(lambda: "was interrupted" not in terminal.text)


async def test_what_was_interrupted_is_undone_with_a_key(engine: ScriptedEngine) -> None:
    engine.left = killed("stack-console scale todo backend=5 --target dev")
    async with connected(engine) as terminal:
        await terminal.shows("A finish   U undo")
        await terminal.press("U")
        await terminal.at("plan")
        assert engine.operations == [RollBack(6)]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("stack-console deploy todo --target dev", "What changes on dev"),
        ("stack-console config set todo backend LOG_LEVEL=debug", "to finish it, run: stack-console"),
    ],
)
async def test_other_commands_are_finished_too_or_named(engine: ScriptedEngine, command: str, words: str) -> None:
    engine.left = killed(command)
    async with connected(engine) as terminal:
        await terminal.shows("was interrupted")
        await terminal.press("A")
        await terminal.shows(words)
        assert engine.operations == []


# -- configuration


async def configuring(terminal: Terminal, *keys: str) -> None:
    await terminal.press("C")
    await terminal.at("config")
    await terminal.shows("LOG_LEVEL", "settings.yaml")
    await terminal.press(*keys)


async def test_every_key_says_who_reads_it_and_what_a_change_takes(engine: ScriptedEngine) -> None:
    async with connected(engine, (160, 40)) as terminal:
        await configuring(terminal)
        await terminal.shows(
            "$LOG_LEVEL, needs a restart", "by kubectl-edit", "other than in the last release: warning"
        )
        await terminal.press("j")
        await terminal.shows("settings.yaml, taken up by itself", "itself")
        await terminal.press("j")
        await terminal.shows("no container of the stack reads it", "unread", "2xkd8")


async def test_a_value_is_edited_shown_as_a_diff_and_previewed_with_what_it_was_made_from(
    engine: ScriptedEngine,
) -> None:
    async with connected(engine) as terminal:
        await configuring(terminal, "e")
        await terminal.at("EditScreen")
        await terminal.press(*["backspace"] * 4, *"debug", "ctrl+s")
        await terminal.shows("~ LOG_LEVEL", "- info", "+ debug")
        await terminal.press("enter")
        await terminal.at("plan")
        await terminal.shows("configmap/backend: LOG_LEVEL changed", "On failure: rolls back")
        (operation,) = engine.operations
        assert isinstance(operation, Configure)
        assert (operation.values, operation.base) == ({"LOG_LEVEL": "debug"}, dict(CONFIGURED[0].live or {}))
        await terminal.press("escape")
        await terminal.at("config")
        await terminal.shows("+ debug")


async def test_esc_leaves_a_value_as_it_is(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await configuring(terminal, "e")
        await terminal.at("EditScreen")
        await terminal.press("x", "escape")
        await terminal.at("config")
        await terminal.press("enter")
        assert terminal.place == "config"
        assert engine.operations == []


async def test_the_value_of_a_secret_is_neither_shown_nor_in_a_command(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await configuring(terminal, "G")
        await terminal.shows("TOKEN  secret/backend")
        assert "secret-value" not in terminal.text
        assert "c2VjcmV0" not in terminal.text
        await terminal.press("e")
        await terminal.at("EditScreen")
        await terminal.press(*"hunter22", "enter")
        await terminal.shows("another value")
        assert "hunter22" not in terminal.text
        await terminal.press("enter")
        await terminal.at("plan")
        await terminal.shows("Enter runs it")
        (operation,) = engine.operations
        assert isinstance(operation, Configure)
        assert operation.values == {"TOKEN": base64.b64encode(b"hunter22").decode()}
        assert engine.redactor.text("it is hunter22") != "it is hunter22"
        await terminal.press("enter")
        await terminal.at("run")
        assert "hunter22" not in engine.options[0].command


async def test_what_somebody_else_wrote_meanwhile_is_shown_three_ways(engine: ScriptedEngine) -> None:
    engine.next_plan = EditConflictError("configmap/backend", [ThreeWay("LOG_LEVEL", "info", "trace", "debug")])
    async with connected(engine) as terminal:
        await configuring(terminal, "ctrl+d", "enter")
        await terminal.shows("somebody else changed LOG_LEVEL", "it was  info", "theirs  trace", "yours   debug")
