"""The one clock of the console: ten times a second it looks whether the store has something new, and hands it on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from textual.message_pump import MessagePump
from textual.timer import Timer

from console.model.state import View
from console.model.workload import ProbeKind

if TYPE_CHECKING:
    from console.engine.store import Store

FLOWING, CALM, AWAY = 0.1, 0.2, 0.25
"""Seconds between two turns: where text flows, elsewhere, and while nobody looks."""
_COST_EVERY = 2.0
_SHARE, _LONGEST = 0.02, 0.5
"""The share of a core that looking may take; the seconds that it pauses for that at most."""
_HISTORY = 40
_MOST_PODS = 1000


class Taker(Protocol):
    """Whoever draws.

    Attributes:
        pace: seconds between two turns while it draws.
    """

    pace: float

    def take(self, view: View) -> None:
        """Draws what changed."""
        ...

    def flush(self) -> None:
        """At every turn: draws what does not come through the store."""
        ...

    def tick(self, now: float) -> None:
        """Once a second: draws what differs because time has passed."""
        ...


class Cost:
    """What the console costs, measured over two seconds; and how far it may go.

    Attributes:
        lag: seconds between two turns after which all was shown, of the slowest: so far the screen may be behind.
        cpu: the share of one core that this process takes.
    """

    def __init__(self) -> None:
        self.lag = CALM
        self.cpu = 0.0
        self._turn: float | None = None
        self._slowest = 0.0
        self._began, self._spent = time.monotonic(), time.process_time()

    def paused(self) -> None:
        """The pace changes: the time until the next turn says nothing."""
        self._turn = None

    def pause(self, computed: float) -> float:
        """Seconds until the next look at the store, after one that took so many of computing.

        Of ten thousand pods each look takes a while. Keys are to be answered in between.
        """
        return min(computed / _SHARE, _LONGEST)

    def turn(self, *, behind: bool) -> None:
        """The clock has turned; `behind` if it leaves something new for later."""
        now = time.monotonic()
        if self._turn is not None:
            self._slowest = max(self._slowest, now - self._turn)
        if not behind:
            self._turn = now
        if now - self._began >= _COST_EVERY:
            spent = time.process_time()
            self.cpu = (spent - self._spent) / (now - self._began)
            self.lag, self._slowest = self._slowest, 0.0
            self._began, self._spent = now, spent


class Bridge:
    """Pulls frozen views at a steady pace, slower where they are dear; does nothing while nothing is new.

    Args:
        pump: whose timers are used.
        clock: seconds since the epoch.
        taker: gives whoever draws now.
        cost: measures the clock's turns.

    Attributes:
        view: the newest view, None while there is no connection.
        history: results of each probe since the console looks, by (pod uid, container, kind).
    """

    def __init__(
        self, pump: MessagePump, clock: Callable[[], float], taker: Callable[[], Taker | None], cost: Cost
    ) -> None:
        self.view: View | None = None
        self.history: dict[tuple[str, str, ProbeKind], deque[bool]] = {}
        self._seen: dict[tuple[str, str, ProbeKind], float | None] = {}
        self._pump = pump
        self._clock = clock
        self._taker = taker
        self._store: Store | None = None
        self._version = -1
        self._rested = 0.0
        self._second = -1
        self._last: Taker | None = None
        self._timer: Timer | None = None
        self._focused = True
        self._cost = cost

    def watch(self, store: Store) -> None:
        """From now on, this store."""
        self._store, self._version = store, -1

    def hurry(self) -> None:
        """What else is drawn once a second is drawn at the next turn."""
        self._second = -1

    def attend(self, *, focused: bool) -> None:
        """Whether somebody looks at the terminal: how often the clock turns."""
        self._focused = focused
        self._beat(self._last.pace if self._last else CALM)

    def _beat(self, pace: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._cost.paused()
        self._timer = self._pump.set_interval(pace if self._focused else AWAY, self.turn, name="bridge")

    def turn(self) -> None:
        """One look."""
        taker, store = self._taker(), self._store
        new = store is not None and store.version != self._version
        rests = new and taker is self._last and time.monotonic() < self._rested
        self._cost.turn(behind=rests)
        if taker is None:
            return
        if store is not None and not rests and (new or taker is not self._last):
            self._pull(store, taker)
        taker.flush()
        now = self._clock()
        if int(now) != self._second:
            self._second = int(now)
            taker.tick(now)
        if self._timer is not None and (self._last is None or self._last.pace != taker.pace):
            self._beat(taker.pace)
        self._last = taker

    def _pull(self, store: Store, taker: Taker) -> None:
        began = time.thread_time()
        view = store.view("tui")
        self._version = store.version
        self.view = view
        self._remember(view, view.pods if view.changed_all else view.changed)
        if taker is not self._last:
            # Whoever was covered has missed changes.
            view = store.view()
        taker.take(view)
        self._rested = time.monotonic() + self._cost.pause(time.thread_time() - began)

    def _remember(self, view: View, uids: Iterable[str]) -> None:
        """Keeps results for sparklines, in stacks of a size at which somebody looks at single pods."""
        if len(view.pods) > _MOST_PODS:
            return
        if view.changed_all:
            for uid in {uid for uid, *_ in self.history} - view.pods.keys():
                self._forget(uid)
        for uid in uids:
            for (container, kind), result in view.probes.get(uid, {}).items():
                key = (uid, container, kind)
                if result.ok is not None and self._seen.get(key) != result.at:
                    self._seen[key] = result.at
                    self.history.setdefault(key, deque(maxlen=_HISTORY)).append(result.ok)
            if uid not in view.pods:
                self._forget(uid)

    def _forget(self, uid: str) -> None:
        for key in [key for key in self.history if key[0] == uid]:
            del self.history[key], self._seen[key]
