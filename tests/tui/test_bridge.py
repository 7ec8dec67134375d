"""The clock of the console."""

from __future__ import annotations

import pytest
from textual.message_pump import MessagePump

from console.engine.store import Store
from console.model.state import View
from console.tui.bridge import Bridge, Cost


class Screen:
    """Notes what it is to draw."""

    pace = 0.2

    def __init__(self) -> None:
        self.taken: list[View] = []
        self.flushed = 0

    def take(self, view: View) -> None:
        self.taken.append(view)

    def flush(self) -> None:
        self.flushed += 1

    def tick(self, now: float) -> None:
        pass


class Dear(Cost):
    """Every look costs the same."""

    rest = 3600.0

    def pause(self, computed: float) -> float:
        return self.rest


@pytest.fixture
def store() -> Store:
    return Store("shop", "dev", "default", ["web"], [])


def test_a_look_at_the_store_takes_a_small_share_of_a_core_however_much_there_is() -> None:
    cost = Cost()
    assert cost.pause(0.0) == 0.0
    assert cost.pause(0.002) == pytest.approx(0.1)
    assert cost.pause(0.006) == pytest.approx(0.3)
    assert cost.pause(2.0) == 0.5, "a reason is on the screen within a second all the same"


def test_what_is_new_waits_after_a_dear_look_while_all_else_is_drawn(store: Store) -> None:
    screen, cost = Screen(), Dear()
    bridge = Bridge(MessagePump(), lambda: 0.0, lambda: screen, cost)
    bridge.watch(store)
    bridge.turn()
    store.connected("kind-dev")
    bridge.turn()
    assert (len(screen.taken), screen.flushed) == (1, 2)
    cost.rest = 0.0
    bridge._rested = 0.0
    bridge.turn()
    assert [view.context for view in screen.taken] == ["", "kind-dev"]


def test_another_screen_is_drawn_at_once(store: Store) -> None:
    first, second = Screen(), Screen()
    uppermost = [first]
    bridge = Bridge(MessagePump(), lambda: 0.0, lambda: uppermost[-1], Dear())
    bridge.watch(store)
    bridge.turn()
    uppermost.append(second)
    bridge.turn()
    assert len(second.taken) == 1


def test_the_screen_counts_as_behind_until_what_is_new_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("console.tui.bridge.time.monotonic", lambda: now[0])
    cost = Cost()
    for at, behind in ((0.0, False), (0.1, True), (0.2, True), (0.4, False), (2.1, False)):
        now[0] = at
        if at == 2.1:
            cost.paused()
        cost.turn(behind=behind)
    assert cost.lag == pytest.approx(0.4)
