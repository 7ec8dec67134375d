"""How long a container that ended waits for its next start (`client-go/util/flowcontrol/backoff.go`)."""

from __future__ import annotations

FIRST = 10.0
LONGEST = 300.0
FORGET_AFTER = 2 * LONGEST


class BackOff:
    """The real curve: none, 10 s, doubling to 300 s; forgotten after 10 min without a failure.

    Args:
        scale: multiplies all of these times.
        first: seconds of the first wait.
        longest: seconds of the longest wait.
    """

    def __init__(self, scale: float, first: float = FIRST, longest: float = LONGEST) -> None:
        self._first, self._longest = first * scale, longest * scale
        self._delay = 0.0
        self._updated = 0.0

    def next(self, now: float) -> float:
        """Notes a failure; the seconds to wait before this attempt, 0 for the first one."""
        if self._delay and now - self._updated > 2 * self._longest:
            self._delay = 0.0
        wait, self._updated = self._delay, now
        self._delay = min(self._delay * 2, self._longest) if self._delay else self._first
        return wait

    def again(self, now: float) -> float:
        """As `next`, for what waits before its first repetition already (image pulls)."""
        return self.next(now) or self.next(now)


def go_duration(seconds: float) -> str:
    """Seconds as Go prints a `time.Duration`: `10s`, `2m40s`, `1.28s`, `500ms`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return (f"{int(minutes)}m" if minutes else "") + f"{rest:g}s"
