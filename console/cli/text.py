"""Plans and verdicts as lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from console.cli.style import Style
from console.model.diagnosis import Diagnosis
from console.model.drills.judging import DrillResult, result_words
from console.model.load import load_words
from console.model.plan import ChangeKind, Check, FieldChange, ObjectChange, Plan
from console.model.run import Verdict
from console.model.wording import seconds

_SIGN = {ChangeKind.CREATE: "+", ChangeKind.UPDATE: "~", ChangeKind.DELETE: "-"}
_MEANING = {ChangeKind.CREATE: "good", ChangeKind.UPDATE: "warning", ChangeKind.DELETE: "error"}

_NOTHING = {
    "deploy": "nothing to do: the cluster is as it should be",
    "destroy": "nothing to do: nothing of it is there",
}


def plan_lines(plan: Plan, style: Style) -> list[str]:
    """A plan: where it goes, its checks, its steps, and the diff of every object."""
    guarded = ", protected" if plan.protected else ""
    where = f"{plan.target} (context {plan.context}, namespace {plan.namespace}{guarded})"
    lines = [style.paint("strong", f"{plan.kind} {plan.stack} on {where}" + (f": {plan.about}" if plan.about else ""))]
    lines += [line for check in plan.checks for line in _check(check, style)]
    lines += [style.paint("warning", f"warning: {warning}") for warning in plan.warnings]
    if plan.empty:
        return [*lines, _NOTHING.get(plan.kind, "nothing to do: it is so already")]
    lines += ["", "steps:", *(f"  {step.title}" for step in plan.steps)]
    if plan.changes:
        lines += ["", "changes:", *change_lines(plan.changes, style)]
    if plan.drift:
        lines += ["", "changed by others since the last release:"]
        lines += [line for change in plan.drift for line in _drift(change, style)]
    return [*lines, "", _summary(plan)]


def change_lines(changes: Sequence[ObjectChange], style: Style) -> list[str]:
    """Objects that change, each with the fields that differ."""
    return [line for change in changes for line in _change(change, style)]


def _check(check: Check, style: Style) -> Iterator[str]:
    word, meaning = {True: ("ok", "good"), False: ("FAILED", "error"), None: ("warning", "warning")}[check.ok]
    yield f"  {style.paint(meaning, f'{word:8}')}{check.name}: {check.detail}"
    if check.hint and not check.ok:
        yield f"          {check.hint}"


def _change(change: ObjectChange, style: Style) -> Iterator[str]:
    note = "  (compared by declared fields only: no right to try it)" if change.declared_only else ""
    yield style.paint(_MEANING[change.kind], f"  {_SIGN[change.kind]} {change.ref}  {change.kind}{note}")
    for field in change.fields:
        yield from _field(field, style)


def _field(field: FieldChange, style: Style) -> Iterator[str]:
    if "\n" not in field.before + field.after:
        yield f"      {field.path}: " + " -> ".join(part for part in (field.before, field.after) if part)
        return
    yield f"      {field.path}:"
    for sign, meaning, text in (("-", "error", field.before), ("+", "good", field.after)):
        yield from (style.paint(meaning, f"        {sign} {line}") for line in text.splitlines())


def _drift(change: ObjectChange, style: Style) -> Iterator[str]:
    yield style.paint("warning", f"  ! {change.ref}")
    for field in change.drift:
        yield f"      {field.path}: {field.before} -> {field.after}"


def _summary(plan: Plan) -> str:
    counts = Counter(change.kind for change in plan.changes)
    told = [f"{counts[kind]} to {kind}" for kind in _SIGN if counts[kind]] or ["no object changes"]
    expected = f"; about {seconds(plan.expected_seconds)}" if plan.expected_seconds else ""
    return ", ".join(told) + expected


def verdict_lines(verdict: Verdict, stack: str, style: Style) -> list[str]:
    """A verdict: the headline, seconds by phase, where the stack can be reached, what to do now."""
    meaning = "good" if verdict.ok else "error"
    lines = [style.paint(meaning, f"{verdict.headline}  ({seconds(verdict.seconds)})")]
    if verdict.phases:
        lines.append("  " + " · ".join(f"{name} {seconds(took)}" for name, took in verdict.phases))
    lines += drill_lines(verdict.drill) if verdict.drill else []
    lines += [f"  {address}" for address in verdict.addresses]
    lines += [f"  load: {line}" for line in load_words(verdict.load)] if verdict.load else []
    lines += [style.paint("warning", f"  warning: {warning}") for warning in verdict.warnings]
    lines += [f"  undo: {verdict.undo}"] if verdict.undo else []
    return lines + _next(verdict, stack)


def drill_lines(result: DrillResult) -> list[str]:
    """What a drill measured: each moment with its seconds since the injection, and the last runs."""
    lines = [
        f"  {each.seconds:7.1f} s  {each.name}{f': {each.detail}' if each.detail else ''}" for each in result.moments
    ]
    return [*lines, f"  {result_words(result)}"]


def failure_lines(verdict: Verdict, stack: str) -> list[str]:
    """Every failure of a run in one block: cause, evidence, what changed, what would fix it."""
    outcome = verdict.outcome
    lines = ["", f"{outcome.word} (exit {outcome.code}): {verdict.headline}"]
    lines += diagnosis_lines(verdict.diagnoses, stack)
    lines += [f"  load: {line}" for line in load_words(verdict.load)] if verdict.load else []
    if verdict.evidence:
        lines.append(f"  evidence kept: {', '.join(verdict.evidence)}")
    return lines + _next(verdict, stack)


def _next(verdict: Verdict, stack: str) -> list[str]:
    service = verdict.diagnoses[0].service if verdict.diagnoses else ""
    return [f"  next: {as_command(verdict.next_step, stack, service)}"] if verdict.next_step else []


def diagnosis_lines(diagnoses: Sequence[Diagnosis], stack: str) -> list[str]:
    """Diagnoses: the cause, the line that shows it, what changed last, what would fix it."""
    lines = []
    for each in diagnoses:
        lines.append(f"  {each.service or each.subject}: {each.summary} [{each.cause}]")
        lines += [f"    evidence: {line}" for line in each.evidence.splitlines()]
        lines += [f"    changed: {each.changed}"] if each.changed else []
        lines += [f"    try: {as_command(hint, stack, each.service)}" for hint in each.hints]
    return lines


def as_command(hint: str, stack: str, service: str) -> str:
    """A hint that names keys of the console (`[l] logs`), with the commands that do the same."""
    commands = {
        "[l] logs": f"stack-console logs {stack} {service}".rstrip(),
        "[C] config": f"correct the ConfigMap of {service or stack}",
        "[D] deploy": f"stack-console deploy {stack}",
    }
    for key, command in commands.items():
        hint = hint.replace(key, command)
    return hint
