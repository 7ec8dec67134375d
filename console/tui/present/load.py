"""Requests while a run goes on: a small chart by second, with figures and words beside every line of it."""

from __future__ import annotations

from collections.abc import Sequence

from console.model.load import Load, LoadSecond, failure_words
from console.model.wording import latency, number
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Tone, faint, line

_LABEL, _FIGURE = 10, 16
_FAILURES = 2


def load_lines(load: Load, seconds: Sequence[LoadSecond], width: int, glyphs: Glyphs) -> list[Line]:
    """Requests, failed ones and times of answers, the newest second at the right; then what failed.

    Args:
        load: all so far.
        seconds: the last ones, the oldest first.
        width: cells of a line.
        glyphs: what the chart is drawn with.
    """
    shown = seconds[-max(1, width - _LABEL - _FIGURE) :]
    failed = f"{load.failed:,} of {load.requests:,}" if load.failed else "none"
    tone = Tone.ERROR if load.failed else Tone.GOOD
    rate = f"{load.achieved:.1f}/s" if load.requests else "-"
    return [
        _row("requests", rate, spark([each.requests for each in shown], glyphs), Tone.ACCENT),
        _row("failed", failed, spark([each.failed for each in shown], glyphs), tone),
        _row("p95", latency(load.p95), spark([each.p95 for each in shown], glyphs), Tone.PLAIN),
        _rest(load),
        *(line((f"{glyphs.bad} {failure_words(each)}", Tone.ERROR)) for each in load.failures[:_FAILURES]),
        *_more(load, glyphs),
    ]


def _row(label: str, figure: str, chart: str, tone: Tone) -> Line:
    return line(faint(f"{label:<{_LABEL}}"), f"{figure:<{_FIGURE}}", (chart, tone))


def _rest(load: Load) -> Line:
    words = f"p50 {latency(load.p50)}  p99 {latency(load.p99)}  longest gap {latency(load.longest_gap)}"
    before = f"  p95 before {latency(load.steady.p95)}" if load.steady else ""
    return line(words, faint(before))


def _more(load: Load, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    if (more := sum(each.count for each in load.failures[_FAILURES:])) > 0:
        lines.append(line((f"{glyphs.bad} {more:,} failed for other reasons or by other pods", Tone.ERROR)))
    if load.held_back:
        lines.append(line((f"{glyphs.warning} {number(load.held_back, 'request')} not sent", Tone.WARNING)))
    if load.problem:
        lines.append(line((f"{glyphs.warning} {load.problem}", Tone.WARNING)))
    return lines


def spark(values: Sequence[float | None], glyphs: Glyphs) -> str:
    """One cell a value, as high as it is compared with the highest; a dot for nothing, a blank for not known."""
    highest = max((value for value in values if value), default=0.0)
    return "".join(_cell(value, highest, glyphs) for value in values)


def _cell(value: float | None, highest: float, glyphs: Glyphs) -> str:
    if value is None:
        return " "
    if not value:
        return glyphs.dot
    levels = glyphs.levels
    return levels[min(len(levels) - 1, int(value / highest * len(levels)))]
