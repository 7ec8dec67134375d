"""History: releases as the cluster keeps them, runs as this machine does, and the evidence of a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.model.load import load_words
from console.model.outcome import Outcome
from console.model.release import Release
from console.model.wording import age, number, seconds
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import BLANK, Line, Tone, faint, line, strong

if TYPE_CHECKING:
    from console.engine.ports import EvidenceItem, RunRecord
    from console.model.drift import Drift

RELEASE_COLUMNS = (
    Column("", 1),
    Column("RELEASE", 7, right=True),
    Column("KIND", 8),
    Column("OUTCOME", 9),
    Column("AGE", 4, right=True),
    Column("ABOUT", 20, flexible=True, longest=60),
    Column("BY", 18, drop=1, longest=40),
    Column("OBJECTS", 7, right=True, drop=2),
)
RUN_COLUMNS = (
    Column("KIND", 8),
    Column("OUTCOME", 13),
    Column("VERDICT", 30, flexible=True),
    Column("TOOK", 7, right=True, drop=1),
    Column("STARTED", 12, drop=2),
    Column("RUN", 20, drop=3),
)


def release_cells(release: Release, now: float, glyphs: Glyphs, *, marked: bool = False) -> tuple[Cell, ...]:
    """The row of a release; `marked` is the one that others are compared with."""
    return (
        (glyphs.arrow[-1] if marked else "", Tone.ACCENT),
        (str(release.number), Tone.STRONG),
        (release.kind, Tone.PLAIN),
        outcome_cell(release.outcome, glyphs),
        (age(now - release.at), Tone.PLAIN),
        (release.about, Tone.PLAIN),
        (release.by, Tone.FAINT),
        (str(len(release.objects)), Tone.FAINT),
    )


def run_cells(run: RunRecord, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The row of a run."""
    took = seconds(run.ended - run.started) if run.ended is not None else "-"
    return (
        (run.kind, Tone.PLAIN),
        outcome_cell(run.outcome, glyphs),
        (run.headline, Tone.PLAIN),
        (took, Tone.PLAIN),
        (time.strftime("%d %b %H:%M", time.localtime(run.started)), Tone.FAINT),
        (run.run_id, Tone.FAINT),
    )


def outcome_cell(word: str, glyphs: Glyphs) -> Cell:
    """An outcome's word with its glyph; a run without one was never finished."""
    if not word:
        return f"{glyphs.dot} unfinished", Tone.FAINT
    good = word == Outcome.DONE.word
    return f"{glyphs.ok if good else glyphs.bad} {word}", Tone.GOOD if good else Tone.ERROR


def evidence_lines(run: RunRecord, items: Sequence[EvidenceItem], glyphs: Glyphs) -> list[Line]:
    """A run of the past: how it ended, its phases, and what was kept before anything was changed again."""
    lines = [line(outcome_cell(run.outcome, glyphs), "  ", strong(run.headline))]
    lines.append(line(faint("  repeat    "), run.command))
    if run.phases:
        lines.append(line(faint("  phases    "), "  ".join(f"{name} {seconds(took)}" for name, took in run.phases)))
    if run.load is not None:
        lines += [line(faint("  load      "), words) for words in load_words(run.load)]
    if run.release is not None:
        lines.append(line(faint("  release   "), str(run.release)))
    kept = number(len(items), "piece") if items else "none"
    lines += [BLANK, line(strong("Evidence"), faint(f"  {kept}"))]
    for item in items:
        lines += [BLANK, line((f"{item.kind}: ", Tone.ACCENT), strong(item.subject))]
        lines += [line(f"  {text}") for text in item.text.splitlines()]
    return lines


def release_lines(release: Release, glyphs: Glyphs) -> list[Line]:
    """What a release consists of: images and the names of its objects, never their bodies."""
    lines = [line(strong(f"release {release.number}"), "  ", outcome_cell(release.outcome, glyphs))]
    made = f"{release.kind}: {release.about}" if release.about else release.kind
    when = time.strftime("%d %b %Y %H:%M:%S", time.localtime(release.at))
    lines += [line(faint("  made by   "), made), line(faint("  at        "), when)]
    lines += [line(faint("  by        "), release.by), BLANK, line(strong("Images"))]
    lines += [line(f"  {service}  ", faint(image)) for service, image in sorted(release.images.items())]
    lines += [BLANK, line(strong("Objects"))]
    names = sorted((str(body["kind"]), str(body["metadata"]["name"])) for body in release.objects)
    return [*lines, *(line(faint(f"  {kind:<24}"), name) for kind, name in names)]


def drift_lines(found: Sequence[Drift], stack: str, now: float) -> list[Line]:
    """What differs from the newest release, and what can be done about it."""
    if not found:
        return [line(("everything is as the last release has it", Tone.GOOD))]
    lines: list[Line] = []
    for each in found:
        by = each.manager or "nobody says by whom"
        since = f", {age(now - each.since)} ago" if each.since else ""
        lines.append(line(strong(str(each.ref)), f" {each.field}"))
        lines.append(line(faint("  released  "), each.released or "nothing"))
        lines.append(line(faint("  live      "), (each.live or "nothing", Tone.WARNING), faint(f"  {by}{since}")))
    keep = line(faint("keep       "), f"stack-console drift {stack} --write brings it to the files")
    return [*lines, BLANK, line(faint("overwrite  "), "go back to the newest release, in the history with U"), keep]
