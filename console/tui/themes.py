"""The console's two themes: calm, one accent, colours only where they mean something."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="stack-dark",
    primary="#6cb6ff",
    secondary="#8fa3b8",
    accent="#6cb6ff",
    warning="#dbab57",
    error="#f47d73",
    success="#6bc46d",
    foreground="#cdd6df",
    background="#10151a",
    surface="#151b22",
    panel="#1d252e",
    dark=True,
    variables={"border": "#33404d", "block-cursor-text-style": "none"},
)
LIGHT = Theme(
    name="stack-light",
    primary="#0860ca",
    secondary="#57606a",
    accent="#0860ca",
    warning="#8a5a00",
    error="#c11f2a",
    success="#1a7332",
    foreground="#1f2328",
    background="#fcfcfd",
    surface="#f4f6f8",
    panel="#e6eaef",
    dark=False,
    variables={"border": "#c3ccd6", "block-cursor-text-style": "none"},
)


def theme_for(environ: Mapping[str, str]) -> str:
    """The theme that suits the terminal's background, where it says one (`COLORFGBG`, as rxvt and konsole set it)."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in {"7", "15"} else DARK.name
