"""Every key of the table does what the table says, on every screen that offers it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.widgets import Input

from console.model.errors import UnreachableError
from console.model.events import RunFinished, StepStarted
from console.tui.bindings import KEYS
from console.tui.widgets.table import Table
from tests.tui.scripted import NOW, PROBES, ScriptedEngine, crashed, plan, pod, verdict
from tests.tui.terminal import Terminal, connected, opened

FIRST, LAST = pod("backend", "2xkd8"), pod("frontend", "bb7c3")
LONG = "0123456789" + "abcdefghij" * 30
Act = Callable[[Terminal, ScriptedEngine], Awaitable[None]]
Effect = Callable[[Terminal, ScriptedEngine], object]


@dataclass(frozen=True)
class Case:
    """Pressing any of `keys` has the `effect`; `before` is what leads there."""

    keys: str
    effect: Effect
    before: Act | None = None


def press(*keys: str) -> Act:
    async def act(terminal: Terminal, engine: ScriptedEngine) -> None:
        await terminal.press(*keys)

    return act


def at(place: str) -> Effect:
    return lambda terminal, engine: terminal.place == place


def shown(words: str) -> Effect:
    return lambda terminal, engine: words in terminal.text


def copied(words: str) -> Effect:
    return lambda terminal, engine: words in terminal.app.clipboard and "copied: " in terminal.text


def logs_of(name: str, *, previous: bool) -> Effect:
    def effect(terminal: Terminal, engine: ScriptedEngine) -> object:
        asked = engine.asked_logs[-1] if engine.asked_logs else {}
        return terminal.place == "logs" and asked.get("pods") == (name,) and asked.get("previous") is previous

    return effect


def chosen(key: str, table: str = "#pods") -> Effect:
    return lambda terminal, engine: terminal.app.screen.query_one(table, Table).key == key


def focused(id: str) -> Effect:
    return lambda terminal, engine: terminal.app.focused is not None and terminal.app.focused.id == id


def typing(terminal: Terminal, engine: ScriptedEngine) -> object:
    return isinstance(terminal.app.focused, Input)


def theme_changes(terminal: Terminal, engine: ScriptedEngine) -> object:
    return not terminal.app.current_theme.dark


def left(terminal: Terminal, engine: ScriptedEngine) -> object:
    return terminal.left == [0]


async def narrow(terminal: Terminal, engine: ScriptedEngine) -> None:
    await terminal.press("slash", *"zz1k4", "enter")
    await terminal.shows("1 of 8 pods")


async def another_plan(terminal: Terminal, engine: ScriptedEngine) -> None:
    engine.next_plan = plan(expected_seconds=99.0)


async def building(terminal: Terminal, engine: ScriptedEngine) -> None:
    engine.store.dispatch(StepStarted("run-1", "build:backend", NOW))
    await terminal.until(lambda: chosen("build:backend", "#steps")(terminal, engine))
    await terminal.press("k", "k")


def between(first: str, second: str) -> list[Case]:
    """Tab goes on from pane to pane, and back."""
    return [Case("tab", focused(second)), Case("shift+tab", focused(first), press("tab"))]


BACK = Case("escape,q", at("home"))
ACTIONS = [Case("S", at("scale")), Case("R", at("restart")), Case("C", at("config")), Case("U", at("plan"))]


def wanted(count: int) -> Effect:
    return shown(f"backend  3 → {count}")


async def ended(terminal: Terminal, engine: ScriptedEngine) -> None:
    undo = "stack-console rollback todo --target dev --to 6"
    engine.store.dispatch(RunFinished("run-1", verdict(undo=undo), NOW))
    await terminal.shows("u Undo")


CASES: dict[str, list[Case]] = {
    "home": [
        Case("D", at("plan")),
        *ACTIONS,
        Case("X", at("plan")),
        Case("A", shown("nothing was interrupted")),
        Case("H", at("history")),
        Case("enter,d", at("pod")),
        Case("l", logs_of(FIRST.name, previous=False)),
        Case("p", logs_of(FIRST.name, previous=True)),
        Case("y", shown(f"name: {FIRST.name}")),
        Case("slash", typing),
        Case("c", copied(FIRST.name)),
        *between("pods", "why"),
        Case("escape", shown("─ 8 pods"), narrow),
        Case("q", left),
    ],
    "plan": [
        Case("enter", at("run")),
        Case("b", shown("On failure: rolls back.")),
        Case("m", shown("20 requests/s meanwhile.")),
        Case("r", shown("about 1 min 39 s"), another_plan),
        Case("c", copied("spec.replicas: - 2 → + 3")),
        Case("tab", focused("steps")),
        Case("shift+tab", focused("diff"), press("tab")),
        BACK,
    ],
    "run": [
        Case("H", at("history")),
        Case("ctrl+c", at("Ask")),
        Case("f", chosen("build:backend", "#steps"), building),
        Case("p", shown("paused: what has begun goes on")),
        Case("u", shown("rolled back to release 6"), ended),
        Case("c", copied("")),
        *between("steps", "log"),
        BACK,
    ],
    "logs": [
        Case("f,space", shown(" paused")),
        Case("p", logs_of(FIRST.name, previous=True)),
        Case("w", shown("wrap ")),
        Case("t", lambda terminal, engine: typing(terminal, engine) and " time " in terminal.text),
        Case("ctrl+s", lambda terminal, engine: list(Path.cwd().glob("todo-logs-*.txt"))),
        Case("right", lambda terminal, engine: "89abc" in terminal.text and "0123" not in terminal.text),
        Case("left", shown("0123"), press("right")),
        Case("slash", typing),
        Case("c", copied(LONG)),
        Case("tab,shift+tab", focused("log")),
        BACK,
    ],
    "pod": [
        *ACTIONS,
        Case("D", at("plan")),
        Case("H", at("history")),
        Case("l", logs_of(FIRST.name, previous=False)),
        Case("p", logs_of(FIRST.name, previous=True)),
        Case("y", shown(f"name: {FIRST.name}")),
        Case("n", shown("backend startup: ok  200 ready")),
        Case("c", copied(FIRST.name)),
        *between("probes", "details"),
        BACK,
    ],
    "scale": [
        *(Case(digit, wanted(int(digit))) for digit in "012456789"),
        Case("3", shown("no other number is wanted yet")),
        Case("plus,equals_sign", wanted(4)),
        Case("minus", wanted(2)),
        Case("backspace", shown("no other number is wanted yet"), press("7")),
        Case("enter", shown("backend scaled to 7"), press("7")),
        Case("c", copied("backend  3 → 7"), press("7")),
        *between("numbers", "meaning"),
        BACK,
    ],
    "restart": [
        Case("space", shown("[ ] backend")),
        Case("a", shown("[✓] frontend")),
        Case("enter", shown("backend restarted")),
        Case("c", copied("backend")),
        *between("choice", "services"),
        BACK,
    ],
    "config": [
        Case("e", at("EditScreen")),
        Case("ctrl+d", shown("- LOG_LEVEL")),
        Case("backspace", lambda terminal, engine: "- LOG_LEVEL" not in terminal.text, press("ctrl+d")),
        Case("enter", shown("configmap/backend: LOG_LEVEL changed"), press("ctrl+d")),
        Case("c", copied("kubectl-edit")),
        *between("keys-of-config", "readers"),
        BACK,
    ],
    "edit": [Case("ctrl+s", shown("~ LOG_LEVEL"), press("1")), Case("escape", at("config"))],
    "history": [
        Case("D", at("plan")),
        Case("enter", shown("release 7")),
        Case("U", shown("rolled back to release 7")),
        Case("d", shown("data.LOG_LEVEL")),
        Case("space", shown("→       7")),
        Case("w", shown("kubectl-edit")),
        Case("c", copied("7")),
        *between("releases", "runs"),
        BACK,
    ],
    "text": [
        Case("slash", typing),
        Case("c", copied("kind: Pod")),
        Case("tab,shift+tab", focused("text")),
        BACK,
    ],
    "rows": [
        Case("j,down", chosen(pod("backend", "9qdm2").uid)),
        Case("k,up", chosen(FIRST.uid), press("j")),
        Case("g,home", chosen(FIRST.uid), press("j", "j")),
        Case("G,end", chosen(LAST.uid)),
        Case("pagedown,ctrl+f", chosen(LAST.uid)),
        Case("pageup,ctrl+b", chosen(FIRST.uid), press("G")),
    ],
    "prompt": [Case("escape", lambda terminal, engine: not typing(terminal, engine))],
    "help": [Case("escape,q,question_mark", at("home"))],
    "app": [
        Case("colon,ctrl+p", at("CommandPalette")),
        Case("question_mark", at("HelpScreen")),
        Case("T", theme_changes),
        Case("ctrl+q,ctrl+c", left),
    ],
}
WAYS = {
    "home": (),
    "plan": ("D",),
    "run": ("D", "enter"),
    "logs": ("l",),
    "pod": ("enter",),
    "scale": ("S",),
    "restart": ("R",),
    "config": ("C",),
    "edit": ("C", "e"),
    "history": ("H",),
    "text": ("y",),
    "rows": (),
    "prompt": ("slash",),
    "help": ("question_mark",),
    "app": (),
}
_ARRIVED = {"plan": "Enter runs it", "run": "%", "history": "backend scaled to 3", "text": "kind: Pod", "logs": "0123"}
_ARRIVED |= {"scale": "2-6", "restart": "1 service", "config": "kubectl-edit", "edit": "Ctrl-s"}
_TESTED_BELOW = {("home", "r"), ("stacks", "enter"), ("stacks", "q")}


def test_every_key_of_the_table_is_pressed_in_these_tests() -> None:
    table = {(place, name) for key in KEYS for place in key.places for name in key.keys.split(",")}
    pressed = {(place, name) for place, cases in CASES.items() for case in cases for name in case.keys.split(",")}
    assert pressed | _TESTED_BELOW == table


async def go(terminal: Terminal, place: str) -> None:
    for key in WAYS[place]:
        await terminal.press(key)
        if key in "DC":
            await terminal.shows(_ARRIVED["plan" if key == "D" else "config"])
    await terminal.shows(_ARRIVED.get(place, ""))


async def end_run(engine: ScriptedEngine) -> None:
    """A run that goes on would be shown in place of the next plan."""
    run = engine.store.view().run
    if run is not None and run.verdict is None:
        await engine.cancel(run.run_id)


@pytest.mark.parametrize("place", CASES)
async def test_keys_do_what_the_table_says(
    place: str, engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine.say(FIRST.name, f"{LONG}\n")
    async with connected(engine, size=(160, 40)) as terminal:
        for case in CASES[place]:
            for key in case.keys.split(","):
                await go(terminal, place)
                if case.before is not None:
                    await case.before(terminal, engine)
                await terminal.press(key)
                await terminal.until(lambda case=case: case.effect(terminal, engine))
                await end_run(engine)
                await terminal.go_home()


async def test_r_connects_again_without_waiting(engine: ScriptedEngine) -> None:
    tries = []

    async def connect(stack: str | None, tell: object) -> ScriptedEngine:
        tries.append(stack)
        if len(tries) == 1:
            raise UnreachableError("the API server did not answer", why="connection refused", hint="is it running?")
        return engine

    async with opened(engine, connect=connect) as terminal:
        await terminal.shows("connection refused", "r tries now", "r Try again")
        await terminal.press("r")
        await terminal.shows("CrashLoop")
        assert tries == ["todo", "todo"]
        await terminal.until(lambda: "Try again" not in terminal.text)


async def test_of_several_stacks_one_is_chosen(engine: ScriptedEngine) -> None:
    asked = []

    async def connect(stack: str | None, tell: object) -> ScriptedEngine:
        asked.append(stack)
        return engine

    def find() -> list[tuple[str, str]]:
        return [("shop", "stacks/shop/stack.yaml"), ("todo", "stacks/todo/stack.yaml")]

    async with opened(engine, stack=None, find_stacks=find, connect=connect, place="StacksScreen") as terminal:
        await terminal.shows("Which stack?", "stacks/shop/stack.yaml", "todo")
        await terminal.press("q")
        await terminal.until(lambda: terminal.left == [0])
        await terminal.press("j", "enter")
        await terminal.until(lambda: asked)
        assert asked == ["stacks/todo/stack.yaml"]
        await terminal.shows("CrashLoop")


async def test_keys_that_need_a_connection_are_not_offered_before_there_is_one(engine: ScriptedEngine) -> None:
    async def connect(stack: str | None, tell: object) -> ScriptedEngine:
        await asyncio.Event().wait()
        return engine

    async with opened(engine, connect=connect) as terminal:
        await terminal.shows("connecting ...")
        for label in ("Open", "Logs", "Describe", "YAML", "Filter", "Copy"):
            assert label not in terminal.text.splitlines()[-1]
        await terminal.press("enter", "l", "y", "slash", "c")
        assert terminal.place == "home"


async def test_the_palette_finds_actions_services_and_pods(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await terminal.press("colon")
        await terminal.shows("Deploy", "Scale", "Stop or start", "History")
        await terminal.type("zz1")
        await terminal.shows(f"pod {crashed().name}")
        await terminal.press("down", "enter")
        await terminal.at("pod")
        await terminal.shows(crashed().name, "exit code 1")


async def test_the_palette_keeps_to_the_pods_of_a_service(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await terminal.press("colon")
        await terminal.type("service front")
        await terminal.shows("service frontend")
        await terminal.press("down", "enter")
        await terminal.shows("2 of 8 pods")


@pytest.mark.parametrize("place", ["home", "plan", "logs", "pod", "scale", "restart"])
async def test_help_shows_the_keys_of_the_screen_it_was_asked_on(place: str, engine: ScriptedEngine) -> None:
    engine.say(FIRST.name, f"{LONG}\n")
    async with connected(engine, size=(120, 60)) as terminal:
        await go(terminal, place)
        await terminal.press("question_mark")
        await terminal.at("HelpScreen")
        await terminal.shows(*(key.help for key in KEYS if {place, "rows", "app"} & set(key.places)))


async def test_a_click_on_a_key_presses_it(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await terminal.pilot.click("KeyLine", offset=(terminal.text.splitlines()[-1].index("History"), 0))
        await terminal.at("history")


async def test_enter_on_a_probe_asks_its_endpoint_and_shows_the_answer(engine: ScriptedEngine) -> None:
    async with connected(engine) as terminal:
        await terminal.press("enter")
        await terminal.at("pod")
        assert terminal.app.screen.query_one("#probes", Table).total == len(PROBES)
        await terminal.press("j", "n")
        await terminal.shows("backend readiness: ok  200 ready", "probe now")
