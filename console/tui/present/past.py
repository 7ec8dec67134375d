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

RELEASE_COLUMNS = (
    Column("RELEASE", 7, right=True),
    Column("OUTCOME", 13),
    Column("AGE", 5, right=True),
    Column("OBJECTS", 10, right=True, drop=2),
    Column("BY", 18, flexible=True, drop=1, longest=40),
)
RUN_COLUMNS = (
    Column("RUN", 20),
    Column("WHAT", 9),
    Column("OUTCOME", 13),
    Column("TOOK", 10, right=True, drop=1),
    Column("STARTED", 12, drop=2),
    Column("VERDICT", 20, flexible=True),
)


def release_cells(release: Release, now: float, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The row of a release."""
    return (
        (str(release.number), Tone.STRONG),
        outcome_cell(release.outcome, glyphs),
        (age(now - release.at), Tone.PLAIN),
        (str(len(release.objects)), Tone.FAINT),
        (release.by, Tone.FAINT),
    )


def run_cells(run: RunRecord, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The row of a run."""
    took = seconds(run.ended - run.started) if run.ended is not None else "-"
    return (
        (run.run_id, Tone.PLAIN),
        (run.kind, Tone.PLAIN),
        outcome_cell(run.outcome, glyphs),
        (took, Tone.PLAIN),
        (time.strftime("%d %b %H:%M", time.localtime(run.started)), Tone.FAINT),
        (run.headline, Tone.PLAIN),
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
    lines += [line(faint("  by        "), release.by), BLANK, line(strong("Images"))]
    lines += [line(f"  {service}  ", faint(image)) for service, image in sorted(release.images.items())]
    lines += [BLANK, line(strong("Objects"))]
    names = sorted((str(body["kind"]), str(body["metadata"]["name"])) for body in release.objects)
    return [*lines, *(line(faint(f"  {kind:<24}"), name) for kind, name in names)]
