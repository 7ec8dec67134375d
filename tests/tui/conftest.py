"""What tests of the console share: a scripted engine, and one time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.scripted import ScriptedEngine
from tests.tui.terminal import filled_engine


@pytest.fixture(autouse=True)
def _universal_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def engine(tmp_path: Path) -> ScriptedEngine:
    """An engine that has seen a stack of which one service starts and one fails."""
    return filled_engine(tmp_path)
