"""Ages as kubectl prints them (`k8s.io/apimachinery/pkg/util/duration`)."""

from __future__ import annotations

from datetime import datetime

from console.sandbox.api import times


def age(stamp: str | None, until: datetime | None = None) -> str:
    """How long ago a moment was, `<unknown>` without one."""
    return human(((until or times.now()) - times.parse(stamp)).total_seconds()) if stamp else "<unknown>"


def human(seconds: float) -> str:
    """`42s`, `3m20s`, `57m`, `2h5m`, `23h`, `4d2h`, `200d`, `2y30d`: about three significant figures."""
    s = int(seconds)
    if s < -1:
        return "<invalid>"
    if s < 0:
        return "0s"
    for limit, big, small, names in (
        (60 * 2, 1, 0, "s"),
        (60 * 10, 60, 1, "ms"),
        (3600 * 3, 60, 0, "m"),
        (3600 * 8, 3600, 60, "hm"),
        (3600 * 48, 3600, 0, "h"),
        (86400 * 8, 86400, 3600, "dh"),
        (86400 * 730, 86400, 0, "d"),
        (86400 * 365 * 8, 86400 * 365, 86400, "yd"),
    ):
        if s < limit:
            return _parts(s, big, small, names)
    return f"{s // (86400 * 365)}y"


def _parts(seconds: int, big: int, small: int, names: str) -> str:
    rest = (seconds % big) // small if small else 0
    return f"{seconds // big}{names[0]}" + (f"{rest}{names[1]}" if rest else "")
