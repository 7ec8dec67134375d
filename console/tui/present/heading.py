"""The line at the top: stack > target, namespace, release; at the right what runs, how fresh, and our own CPU."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.run import Run
from console.model.state import Freshness, View
from console.model.wording import age
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Span, Tone, faint, line, strong
from console.tui.present.runs import run_words
from console.tui.present.services import behind


@dataclass(frozen=True, slots=True)
class Standing:
    """What the app knows besides the view: names before the connection is there, notices, its own cost.

    `lag` are the seconds by which the screen is behind what was heard; `cpu` is the share of one core, 0 to 1.
    """

    stack: str
    target: str
    notice: str = ""
    read_only: bool = False
    by_pattern: bool = False
    lag: float = 0.0
    cpu: float = 0.0


def left_line(view: View | None, standing: Standing, title: str, now: float, width: int) -> Line:
    """Where we are."""
    stack, target = (view.stack, view.target) if view else (standing.stack, standing.target)
    spans: list[Span] = [(" ", Tone.PLAIN), strong(stack or "stack-console")]
    spans += [faint(" > "), (target, Tone.ACCENT)] if target else []
    if title:
        spans += [faint(" > "), strong(title)]
    if view is not None:
        spans += [faint("  ns "), (view.namespace, Tone.PLAIN)]
        spans += _release(view, now, wide=width >= 100)
    return tuple(spans)


def _release(view: View, now: float, *, wide: bool) -> list[Span]:
    if view.release is None:
        return [faint("  no release")]
    ago = f" ({age(now - view.release.at)} ago)" if wide else f" ({age(now - view.release.at)})"
    spans = [faint("  release "), (str(view.release.number), Tone.PLAIN), faint(ago)]
    if view.release.outcome not in {"", "done"}:
        spans.append((f" {view.release.outcome}", Tone.WARNING))
    return spans


def right_line(view: View | None, standing: Standing, now: float, width: int, glyphs: Glyphs) -> Line:
    """What runs, how fresh it is, what it costs."""
    spans: list[Span] = []
    if view is not None and view.run is not None and view.run.verdict is None:
        spans += _running(view.run, now, glyphs, wide=width >= 120)
    for shown, text in (
        (standing.read_only, "read-only"),
        (standing.by_pattern and width >= 100, "masking by pattern"),
    ):
        spans += [(f"{text}  ", Tone.WARNING)] if shown else []
    spans.append(_fresh(view, standing, now))
    if width >= 72:
        spans.append(faint(f"  cpu {100 * standing.cpu:.0f}%"))
    return line(*spans, " ")


def _running(run: Run, now: float, glyphs: Glyphs, *, wide: bool) -> list[Span]:
    words = run_words(run, now) if wide else run.kind
    return [(f"{glyphs.cursor if glyphs.plain else '▸'} {words}  ", Tone.ACCENT)]


def _fresh(view: View | None, standing: Standing, now: float) -> Span:
    if standing.notice:
        return standing.notice, Tone.WARNING
    if view is not None and view.mismatch:
        return "another cluster: start again", Tone.ERROR
    health = view.health.get("pods") if view else None
    if health is None or health.freshness is Freshness.LOADING:
        return "loading", Tone.FAINT
    if health.freshness is Freshness.DENIED:
        return "denied", Tone.ERROR
    if health.freshness is Freshness.STALE:
        return f"stale  {behind(health, now)} behind", Tone.WARNING
    return f"live  {standing.lag:.1f} s behind", Tone.GOOD
