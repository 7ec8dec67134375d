"""Panels in which services are chosen: other numbers of pods, and which of them are made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.model.scaling import Scalable
from console.model.stack import Service
from console.model.state import ServiceView
from console.tui.present.cells import Cell, Column
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Tone, faint, line, strong

SCALE_COLUMNS = (
    Column("SERVICE", 12, flexible=True, longest=30),
    Column("NOW", 4, right=True),
    Column("WANTED", 6, right=True),
    Column("AUTOSCALER", 14, drop=1),
)
RESTART_COLUMNS = (
    Column("", 3),
    Column("SERVICE", 12, flexible=True, longest=30),
    Column("PODS", 5, right=True),
    Column("AFTER", 20, drop=1),
)


def scale_cells(each: Scalable, wanted: int | None, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The row of a service: its pods now, the number that was typed, and the bounds that would be moved."""
    other = wanted is not None and wanted != each.now
    shown = (str(wanted), Tone.STRONG) if wanted is not None else ("-", Tone.FAINT)
    return (
        (each.service, Tone.PLAIN),
        (str(each.now), Tone.PLAIN),
        (shown[0], Tone.ACCENT) if other else shown,
        _bounds_cell(each, wanted, glyphs),
    )


def _bounds_cell(each: Scalable, wanted: int | None, glyphs: Glyphs) -> Cell:
    if each.bounds is None:
        return "-", Tone.FAINT
    before = "{}-{}".format(*each.bounds)
    after = each.bounds_at(wanted) if wanted is not None and wanted != each.now else each.bounds
    if after is None or after == each.bounds:
        return before, Tone.PLAIN
    return f"{before} {glyphs.arrow} {after[0]}-{after[1]}", Tone.WARNING


def scale_lines(chosen: Sequence[tuple[Scalable, int]], at: Scalable | None, glyphs: Glyphs) -> list[Line]:
    """What so many pods would mean, and what the autoscaler of the selected service would be told."""
    lines = [] if chosen else [line(faint("no other number is wanted yet"))]
    for each, wanted in chosen:
        lines.append(line(strong(each.service), f"  {each.now} {glyphs.arrow} {wanted}"))
        if words := each.warning(wanted):
            lines.append(line((f"  {glyphs.warning} ", Tone.WARNING), words))
    if at is not None and at.bounds is not None:
        lines.append(line(faint(f"An autoscaler rules {at.service}: its bounds are moved, and undo gives them back.")))
    if at is not None and at.keeps:
        lines.append(line(faint(f"{at.budget} keeps {at.keeps} of {at.service}'s pods from being evicted.")))
    return lines


def restart_cells(
    service: ServiceView, chosen: bool, declared: Mapping[str, Service], glyphs: Glyphs
) -> tuple[Cell, ...]:
    """The row of a service: whether it is chosen, its pods, and what it comes after."""
    after = declared[service.name].after if service.name in declared else ()
    mark = "x" if glyphs.plain else glyphs.ok
    return (
        (f"[{mark}]" if chosen else "[ ]", Tone.ACCENT if chosen else Tone.FAINT),
        (service.name, Tone.PLAIN),
        (str(service.desired), Tone.PLAIN),
        (", ".join(after) or "-", Tone.FAINT),
    )
