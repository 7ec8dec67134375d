"""A run as it goes: steps with state, time and progress, what is waited for, the time left, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from console.model.load import load_words
from console.model.plan import Step
from console.model.run import Part, PartState, Progress, Run, StepRun, StepState, Verdict
from console.model.wording import seconds, size
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Tone, faint, line, strong
from console.tui.present.why import diagnosis_lines

STEP_COLUMNS = (
    Column("", 1),
    Column("STEP", 16, flexible=True, longest=32),
    Column("PROGRESS", 13, drop=1, flexible=True),
    Column("TIME", 7, right=True),
)
_TONES = {
    StepState.RUNNING: Tone.ACCENT,
    StepState.WAITING: Tone.WARNING,
    StepState.DONE: Tone.GOOD,
    StepState.FAILED: Tone.ERROR,
}


_PARTS = {
    PartState.PENDING: StepState.PENDING,
    PartState.RUNNING: StepState.RUNNING,
    PartState.CACHED: StepState.DONE,
    PartState.DONE: StepState.DONE,
    PartState.FAILED: StepState.FAILED,
}


def run_rows(run: Run, cursor: str, now: float) -> list[str]:
    """The keys of the rows: every step, and below it its notable parts (`build:web#4`) until it is done.

    The parts of a step that the cursor is in stay.
    """
    rows = []
    for step in run.plan.steps:
        rows.append(step.id)
        course = run.steps[step.id]
        if course.state is not StepState.DONE or part_of(cursor)[0] == step.id != cursor:
            rows += [f"{step.id}{part.mark.strip()}" for part in course.parts if part.notable(now)]
    return rows


def part_of(key: str) -> tuple[str, int]:
    """The step of a row and the number of the part, 0 for the step itself."""
    step, _, number = key.partition("#")
    return step, int(number or 0)


def row_cells(run: Run, key: str, now: float, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The cells of a row by its key; empty ones if it is not known."""
    step_id, number = part_of(key)
    step = next((each for each in run.plan.steps if each.id == step_id), None)
    if step is None:
        return (("", Tone.PLAIN),) * len(STEP_COLUMNS)
    if not number:
        return step_cells(step, run.steps[step_id], now, glyphs)
    part = next((each for each in run.steps[step_id].parts if each.number == number), None)
    return part_cells(part, now, glyphs) if part else (("", Tone.PLAIN),) * len(STEP_COLUMNS)


def part_cells(part: Part, now: float, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The row of a part of a step, indented: state, name, whether it was cached, how long it took."""
    state = _PARTS[part.state]
    tone = _TONES.get(state, Tone.FAINT)
    words = "" if part.state in {PartState.PENDING, PartState.RUNNING} else part.state.value
    took = part.seconds if part.seconds is not None else now - part.started if part.started is not None else None
    name = (f"  {part.name}", Tone.PLAIN if part.state is PartState.RUNNING else Tone.FAINT)
    return (glyphs.steps[state], tone), name, (words, tone), ("" if took is None else seconds(took), Tone.FAINT)


def step_cells(step: Step, course: StepRun, now: float, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The row of a step: state, title, how far it is, how long it took."""
    tone = _TONES.get(course.state, Tone.FAINT)
    title = (step.title, Tone.FAINT if course.state in {StepState.PENDING, StepState.SKIPPED} else Tone.PLAIN)
    return (glyphs.steps[course.state], tone), title, (_progress(course), tone), (_time(step, course, now), Tone.FAINT)


def _time(step: Step, course: StepRun, now: float) -> str:
    if course.started is None:
        return f"~{seconds(step.expected_seconds)}" if step.expected_seconds and not course.state.ended else ""
    return seconds((course.ended if course.ended is not None else now) - course.started)


def _progress(course: StepRun) -> str:
    if course.state is StepState.FAILED:
        return "failed"
    if course.state is StepState.DONE:
        return course.detail or "done"
    if course.state is StepState.SKIPPED:
        return course.detail or "skipped"
    if course.state is StepState.PENDING:
        return ""
    if course.progress:
        return progress_words(course.progress)
    return f"{course.lines:,} lines" if course.lines else course.state


def progress_words(progress: Progress) -> str:
    """How far a step is: `2/3 pods`, `1.2 MB of 4.1 MB, 3.4 MB/s`."""
    if progress.unit == "bytes":
        total = f" of {size(progress.total)}" if progress.total is not None else ""
        rate = f", {size(progress.rate)}/s" if progress.rate else ""
        return f"{size(progress.done)}{total}{rate}"
    total = f"/{progress.total:g}" if progress.total is not None else ""
    return f"{progress.done:g}{total} {progress.unit}"


def waiting_lines(run: Run, glyphs: Glyphs) -> list[Line]:
    """What is waited for, named; and what failed."""
    lines: list[Line] = []
    for course in run.steps.values():
        if course.state in {StepState.WAITING, StepState.FAILED}:
            for found in course.diagnoses:
                lines += diagnosis_lines(found, glyphs)
            if course.state is StepState.FAILED and not course.diagnoses:
                lines.append(line((f"{glyphs.bad} {course.step_id}: ", Tone.ERROR), course.detail))
    return lines


def done_share(run: Run, now: float) -> float:
    """How much of the run is behind it, 0 to 1: by expected times where they are known, else by steps."""
    if run.ended is not None:
        return 1.0
    steps = run.plan.steps
    weights = {step.id: step.expected_seconds or 1.0 for step in steps}
    total = sum(weights.values()) or 1.0
    return sum(weights[step.id] * _share(step, run.steps[step.id], now) for step in steps) / total


def _share(step: Step, course: StepRun, now: float) -> float:
    if course.state.ended:
        return 1.0
    if course.started is None:
        return 0.0
    if course.progress and course.progress.total:
        return min(0.95, course.progress.done / course.progress.total)
    # Never quite done before it says so.
    return min(0.95, (now - course.started) / step.expected_seconds) if step.expected_seconds else 0.0


def time_left(run: Run, now: float) -> float | None:
    """Seconds until the run should be done, None where its past is not known."""
    if run.expected_seconds is None or run.ended is not None:
        return None
    return max(0.0, run.expected_seconds * (1 - done_share(run, now)))


def progress_line(run: Run, now: float, width: int, glyphs: Glyphs) -> Line:
    """The bar over the whole run, with the time that passed and the time left."""
    share = done_share(run, now)
    passed = seconds((run.ended if run.ended is not None else now) - run.started)
    left = time_left(run, now)
    words = f" {100 * share:3.0f} %  {passed}" + (f"  about {seconds(left)} left" if left is not None else "")
    room = max(10, width - len(words))
    full = round(room * share)
    tone = Tone.ACCENT if run.verdict is None else Tone.GOOD if run.verdict.ok else Tone.ERROR
    return line((glyphs.bar_done * full, tone), faint(glyphs.bar_left * (room - full)), words)


def verdict_lines(verdict: Verdict, glyphs: Glyphs) -> list[Line]:
    """The one verdict: headline, causes with evidence, what to do now, addresses, what was kept, phases."""
    sign, tone = (glyphs.ok, Tone.GOOD) if verdict.ok else (glyphs.bad, Tone.ERROR)
    lines = [line((f"{sign} {verdict.headline}", tone), faint(f"  {seconds(verdict.seconds)}"))]
    for found in verdict.diagnoses:
        lines += diagnosis_lines(found, glyphs)
    return [*lines, *_facts(verdict, glyphs)]


def _facts(verdict: Verdict, glyphs: Glyphs) -> Iterator[Line]:
    if verdict.next_step:
        yield line(faint("  next      "), strong(verdict.next_step))
    if verdict.undo:
        yield line(faint("  undo      "), verdict.undo, faint("  "), ("u", Tone.ACCENT), faint(" here"))
    for address in verdict.addresses:
        yield line(faint("  open      "), (address, Tone.ACCENT))
    for words in load_words(verdict.load) if verdict.load else ():
        yield line(faint("  load      "), words)
    for warning in verdict.warnings:
        yield line((f"{glyphs.warning} ", Tone.WARNING), warning)
    if verdict.evidence:
        yield line(faint("  evidence  "), ", ".join(verdict.evidence))
    if verdict.release is not None:
        yield line(faint("  release   "), str(verdict.release))
    if verdict.phases:
        yield line(faint("  phases    "), "  ".join(f"{name} {seconds(took)}" for name, took in verdict.phases))
    if not verdict.ok:
        yield line(faint("  exit code "), f"{verdict.outcome.code}, {verdict.outcome.meaning}")


def run_words(run: Run, now: float) -> str:
    """A run in a few words, for the header line."""
    if run.verdict is not None:
        return run.verdict.headline
    running = [step.title for step in run.plan.steps if run.steps[step.id].state.value in {"running", "waiting"}]
    return f"{run.kind} {100 * done_share(run, now):.0f} %" + (f", {running[0]}" if running else "")
