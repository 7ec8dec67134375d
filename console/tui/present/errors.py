"""An error for people: what, where, why, and what to do next. Never a traceback."""

from __future__ import annotations

from collections.abc import Callable

from console.model.errors import ConsoleError
from console.tui.present.glyphs import Glyphs
from console.tui.present.lines import Line, Tone, faint, line, strong


def error_lines(error: ConsoleError, glyphs: Glyphs, mask: Callable[[str], str] = str) -> list[Line]:
    """An error for people: what, where, why, and what to do next."""
    lines = [line((f"{glyphs.bad} ", Tone.ERROR), strong(mask(error.what)))]
    for problem in getattr(error, "problems", ()):
        lines.append(line("  ", mask(str(problem))))
    for way in getattr(error, "ways", ()):
        lines.append(line(strong(f"  {way.key}")))
        for name, value in (("it was", way.base), ("theirs", way.theirs), ("yours", way.mine)):
            told = faint("not there") if value is None else (mask(value), Tone.PLAIN)
            lines.append(line(faint(f"    {name:<8}"), told))
    for name, text in (("where", error.where), ("why", error.why), ("try", error.hint)):
        lines += [line(faint(f"  {name:<6}"), each) for each in mask(text).splitlines()]
    return lines
