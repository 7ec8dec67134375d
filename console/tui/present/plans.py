"""A plan as lines: preflight, warnings, steps, and the diff of every object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from console.model.plan import ChangeKind, Check, FieldChange, ObjectChange, Plan, Step
from console.model.touching import Touched
from console.model.wording import number, seconds
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import CHANGE_SIGN, Glyphs
from console.tui.present.lines import BLANK, Line, Tone, faint, line, strong

STEP_COLUMNS = (Column("STEP", 18, flexible=True), Column("TAKES", 7, right=True, drop=1))
_TONES = {ChangeKind.CREATE: Tone.GOOD, ChangeKind.UPDATE: Tone.WARNING, ChangeKind.DELETE: Tone.ERROR}
_INLINE = 72


@dataclass(slots=True)
class PlanText:
    """A plan's lines, and at which line the part about each step begins.

    `roomy` while a blank line must come before the next step.
    """

    lines: list[Line] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)
    roomy: bool = True


def plan_text(plan: Plan, glyphs: Glyphs, touched: Sequence[Touched] = ()) -> PlanText:
    """The whole plan to read from top to bottom, with whose pods it touches first."""
    text = PlanText()
    text.lines += _touches(touched)
    text.anchors["preflight"] = 0
    text.lines += _checks(plan.checks, glyphs)
    text.lines += [line((f"{glyphs.warning} ", Tone.WARNING), each) for each in plan.warnings]
    text.lines += _drift(plan, glyphs)
    if plan.empty:
        text.lines += [
            BLANK,
            line((f"{glyphs.ok} ", Tone.GOOD), strong("nothing to do"), ": the cluster is as declared"),
        ]
        return text
    for step in plan.steps:
        _add_step(text, step, glyphs)
    return text


def _touches(touched: Sequence[Touched]) -> Iterator[Line]:
    for each in touched:
        yield line(strong(each.service), f"  {each.words}")
        if each.leaning:
            yield line(faint(f"  leaned on by {', '.join(each.leaning)}"))
    if touched:
        yield BLANK


def _add_step(text: PlanText, step: Step, glyphs: Glyphs) -> None:
    if step.id in text.anchors:
        return
    if step.changes or text.roomy:
        text.lines.append(BLANK)
    text.roomy = bool(step.changes)
    text.anchors[step.id] = len(text.lines)
    takes = faint(f"  about {seconds(step.expected_seconds)}") if step.expected_seconds else faint("")
    text.lines.append(line((step.title, Tone.STRONG), takes))
    text.lines += change_lines(step.changes, glyphs)


def change_lines(changes: Sequence[ObjectChange], glyphs: Glyphs) -> list[Line]:
    """Objects that change, each with the fields that differ."""
    return [each for change in changes for each in _change(change, glyphs)]


def _checks(checks: tuple[Check, ...], glyphs: Glyphs) -> Iterator[Line]:
    passed = [check for check in checks if check.ok]
    if passed:
        names = faint(f"  {', '.join(check.name for check in passed)}")
        yield line((f"{glyphs.ok} ", Tone.GOOD), f"{number(len(passed), 'check')} passed", names)
    for check in checks:
        if check.ok:
            continue
        sign, tone = (glyphs.bad, Tone.ERROR) if check.ok is False else (glyphs.warning, Tone.WARNING)
        yield line((f"{sign} {check.name}: ", tone), check.detail)
        if check.hint:
            yield line(faint("  try  "), check.hint)


def _drift(plan: Plan, glyphs: Glyphs) -> Iterator[Line]:
    if not plan.drift:
        return
    yield BLANK
    yield line((f"{glyphs.warning} ", Tone.WARNING), strong("changed by others since the last release"))
    for change in plan.drift:
        for each in change.drift:
            yield line(f"    {change.ref} ", faint(each.path), f": {each.before} {glyphs.arrow} {each.after}")


def _change(change: ObjectChange, glyphs: Glyphs) -> Iterator[Line]:
    if change.kind is ChangeKind.UNCHANGED:
        return
    note = faint("  compared by declared fields only: no right to try it") if change.declared_only else faint("")
    sign = CHANGE_SIGN[change.kind]
    yield line((f"  {sign} {change.ref}", _TONES[change.kind]), faint(f"  {change.kind}"), note)
    for each in change.fields:
        yield from _field(each, glyphs)


def _field(change: FieldChange, glyphs: Glyphs) -> Iterator[Line]:
    values = change.before + change.after
    if "\n" not in values and len(change.path + values) < _INLINE:
        yield line(faint(f"      {change.path}: "), *_values(change, glyphs))
        return
    yield line(faint(f"      {change.path}:"))
    for sign, tone, text in (("-", Tone.ERROR, change.before), ("+", Tone.GOOD, change.after)):
        for each in text.splitlines():
            yield line((f"        {sign} {each}", tone))


def _values(change: FieldChange, glyphs: Glyphs) -> Iterator[tuple[str, Tone]]:
    if change.kind is ChangeKind.CREATE:
        yield f"+ {change.after}", Tone.GOOD
    elif change.kind is ChangeKind.DELETE:
        yield f"- {change.before}", Tone.ERROR
    else:
        yield f"- {change.before}", Tone.ERROR
        yield f" {glyphs.arrow} ", Tone.FAINT
        yield f"+ {change.after}", Tone.GOOD


def step_cells(step: Step) -> tuple[Cell, ...]:
    """The row of a step in the plan's list of steps."""
    count = sum(change.kind is not ChangeKind.UNCHANGED for change in step.changes)
    title = f"{step.title} ({count})" if count else step.title
    return (title, Tone.PLAIN), (seconds(step.expected_seconds) if step.expected_seconds else "", Tone.FAINT)


def summary(plan: Plan) -> str:
    """What the plan does, in one line."""
    if plan.empty:
        return "nothing to do"
    counts = Counter(change.kind for change in plan.changes)
    told = [f"{counts[kind]} to {kind}" for kind in _TONES if counts[kind]] or ["no object changes"]
    expected = f", about {seconds(plan.expected_seconds)}" if plan.expected_seconds else ""
    return f"{number(len(plan.steps), 'step')}, {', '.join(told)}{expected}"


def refusals(plan: Plan) -> int:
    """How many checks of preflight say no."""
    return sum(check.ok is False for check in plan.checks)
