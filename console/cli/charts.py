"""Charts as inline SVG, drawn from figures alone: no script, no font, nothing from anywhere else."""

from __future__ import annotations

import html
from collections.abc import Sequence

from console.model.load import LoadSecond
from console.model.wording import seconds

WIDTH = 720
_ROW, _LABEL, _HEIGHT, _FOOT = 26, 120, 120, 18


def bars(rows: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars, one for each duration in seconds, with its words."""
    longest = max((value for _, value in rows), default=0.0) or 1.0
    room = WIDTH - _LABEL - 90
    drawn = []
    for index, (name, value) in enumerate(rows):
        y, width = index * _ROW, max(1.0, value / longest * room)
        drawn += [
            _text(_LABEL - 8, y + 17, name, "end"),
            f'<rect class="bar" x="{_LABEL}" y="{y + 4}" width="{width:.1f}" height="{_ROW - 8}"/>',
            _text(_LABEL + width + 6, y + 17, seconds(value)),
        ]
    return _svg(drawn, len(rows) * _ROW, ", ".join(f"{name} {seconds(value)}" for name, value in rows))


def requests(course: Sequence[LoadSecond], words: str) -> str:
    """Requests by second, the failed ones stacked below the others, and p95 in words at its highest."""
    if not course:
        return ""
    most = max(each.requests for each in course) or 1
    step = WIDTH / len(course)
    drawn = []
    for index, each in enumerate(course):
        x, good, bad = index * step, each.requests - each.failed, each.failed
        low, high = bad / most * _HEIGHT, good / most * _HEIGHT
        width = max(0.5, step - 1)
        drawn.append(
            f'<rect class="bar" x="{x:.1f}" y="{_HEIGHT - low - high:.1f}" width="{width:.1f}" height="{high:.1f}"/>'
        )
        if bad:
            drawn.append(
                f'<rect class="bad" x="{x:.1f}" y="{_HEIGHT - low:.1f}" width="{width:.1f}" height="{low:.1f}"/>'
            )
    drawn += [_axis(), _text(0, _HEIGHT + 14, "0 s"), _text(WIDTH, _HEIGHT + 14, f"{len(course)} s", "end")]
    drawn.append(_text(WIDTH / 2, _HEIGHT + 14, f"at most {most} requests in a second", "middle"))
    return _svg(drawn, _HEIGHT + _FOOT, words)


def trend(points: Sequence[float], unit: str, threshold: float | None, words: str) -> str:
    """Figures of one check, the oldest first, and the bound that they may not exceed."""
    top = max([*points, threshold or 0.0]) or 1.0
    height, wide = 60, WIDTH / max(1, len(points) - 1)
    places = [(index * wide, height - value / top * (height - 8)) for index, value in enumerate(points)]
    drawn = []
    if threshold:
        y = height - threshold / top * (height - 8)
        drawn.append(f'<line class="bound" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    drawn.append(f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    drawn += [f'<circle class="bar" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places]
    drawn += [
        _text(0, height + 14, f"{points[0]:g} {unit}"),
        _text(WIDTH, height + 14, f"{points[-1]:g} {unit}", "end"),
    ]
    return _svg(drawn, height + _FOOT, words)


def _axis() -> str:
    return f'<line class="axis" x1="0" x2="{WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _svg(drawn: Sequence[str], height: float, words: str) -> str:
    head = f'<svg role="img" aria-label="{html.escape(words)}" viewBox="-4 -4 {WIDTH + 8} {height + 8:.0f}">'
    return f"{head}{''.join(drawn)}</svg>"
