"""What the console does before its first frame, and what never leaves it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from console.tui.widgets.reading import Reading
from tests.tui.scripted import ScriptedEngine, pod
from tests.tui.terminal import connected

ROOT = Path(__file__).parents[2]
HEAVY = ("kubernetes", "aiohttp", "yaml", "jsonschema", "sqlite3", "pydantic", "msgspec", "urllib3")
HEAVY_SCREENS = ("plan", "run", "logs", "pod", "history", "stacks", "ask", "help", "text")
FIRST_FRAME = """
import asyncio, json, sys
from console.tui.app import ConsoleApp

async def never(stack, tell):
    await asyncio.Event().wait()

async def main():
    app = ConsoleApp(never, stack="todo")
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.screen.place == "home"
        print(json.dumps(sorted(sys.modules)))

asyncio.run(main())
"""
SECRET = "correct-horse-battery-staple"


def test_the_first_frame_needs_no_client_engine_or_other_screen() -> None:
    command = [sys.executable, "-W", "error", "-c", FIRST_FRAME]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(done.stdout))
    assert not loaded & set(HEAVY)
    assert not {name for name in loaded if name.startswith(("console.engine", "console.adapters"))}
    assert not loaded & {f"console.tui.screens.{name}" for name in HEAVY_SCREENS}


async def test_a_planted_secret_is_not_copied(engine: ScriptedEngine) -> None:
    """What slipped past every other mask is still masked on its way out."""
    engine.redactor.add("DATABASE_PASSWORD", SECRET)
    engine.say(pod("backend", "2xkd8").name, f"password={SECRET}\nall is well\n")
    async with connected(engine) as terminal:
        await terminal.press("l")
        await terminal.shows("all is well")
        await terminal.press("c")
        await terminal.shows("copied: the lines on screen")
        assert "all is well" in terminal.app.clipboard
        assert SECRET not in terminal.app.clipboard


async def test_a_planted_secret_in_a_diagnosis_is_not_copied(engine: ScriptedEngine) -> None:
    engine.redactor.add("WORDS", "MCP_URL is not set")
    async with connected(engine) as terminal:
        await terminal.press("G", "k", "k", "tab")
        await terminal.shows("MCP_URL is not set")
        await terminal.press("c")
        await terminal.shows("copied: the diagnosis")
        assert "exits with code 1" in terminal.app.clipboard
        assert "MCP_URL is not set" in terminal.app.screen.query_one("#why", Reading).text
        assert "MCP_URL is not set" not in terminal.app.clipboard
