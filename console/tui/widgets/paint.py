"""From tones to the theme's colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.strip import Strip

from console.tui.present.lines import Line, Tone, visible

_HUES = (210, 150, 35, 280, 180, 330, 95, 15)


class Paint:
    """The styles of one theme.

    Args:
        variables: the theme's colours by name.
        dark: whether its background is dark.
    """

    def __init__(self, variables: dict[str, str], dark: bool) -> None:
        text, ground = Color.parse(variables["foreground"]), Color.parse(variables["background"])
        self._tones = {
            Tone.PLAIN: Style(),
            Tone.STRONG: Style(bold=True),
            Tone.FAINT: Style(color=text.blend(ground, 0.42).rich_color),
            Tone.GOOD: _foreground(variables["success"]),
            Tone.WARNING: _foreground(variables["warning"]),
            Tone.ERROR: _foreground(variables["error"]),
            Tone.ACCENT: _foreground(variables["accent"]),
            Tone.FOUND: Style(color=ground.rich_color, bgcolor=Color.parse(variables["warning"]).rich_color),
        }
        lightness = 0.70 if dark else 0.34
        self._hues = [Style(color=Color.from_hsl(hue / 360, 0.5, lightness).rich_color) for hue in _HUES]

    def tone(self, tone: Tone) -> Style:
        """The style of a tone."""
        return self._tones[tone]

    def hue(self, index: int) -> Style:
        """One of several colours that tell sources apart; they repeat."""
        return self._hues[index % len(self._hues)]

    def strip(self, spans: Line, width: int, base: Style) -> Strip:
        """A line in colours, exactly `width` cells wide."""
        segments = [Segment(visible(text), base + self._tones[tone]) for text, tone in spans if text]
        return fitted(segments, width, base)


def fitted(segments: Sequence[Segment], width: int, base: Style) -> Strip:
    """The segments cut or filled to `width` cells."""
    return Strip(Segment.adjust_line_length(list(segments), width, base), width)


def paint_of(app: App[Any]) -> Paint:
    """The paint of the theme that is in use; made once a theme."""
    theme = app.current_theme
    if theme.name not in _made:
        _made[theme.name] = Paint(theme.to_color_system().generate(), theme.dark)
    return _made[theme.name]


_made: dict[str, Paint] = {}


def _foreground(color: str) -> Style:
    return Style(color=Color.parse(color).rich_color)
