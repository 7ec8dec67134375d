"""The glyphs beside colours, in two sets: for terminals that draw Unicode, and for those that ask for plain ASCII."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.model.plan import ChangeKind
from console.model.run import StepState
from console.model.state import ServiceState

_PLAIN_TERMINALS = ("linux", "dumb", "vt100", "vt220", "ansi", "cons25")


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of glyphs. Each is one cell wide; `levels` are those of a chart, from low to high."""

    services: Mapping[ServiceState, str]
    steps: Mapping[StepState, str]
    ok: str
    bad: str
    warning: str
    cursor: str
    dot: str
    ellipsis: str
    arrow: str
    bar_done: str
    bar_left: str
    probe_ok: str
    probe_bad: str
    rule: str
    levels: str
    plain: bool = False


UNICODE = Glyphs(
    services={
        ServiceState.READY: "●",
        ServiceState.STARTING: "◐",
        ServiceState.FAILING: "✗",
        ServiceState.STOPPED: "○",
        ServiceState.EXTERNAL: "◆",
        ServiceState.ABSENT: "·",
        ServiceState.UNKNOWN: "?",
    },
    steps={
        StepState.PENDING: "·",
        StepState.RUNNING: "▸",
        StepState.WAITING: "◐",
        StepState.DONE: "✓",
        StepState.SKIPPED: "-",
        StepState.FAILED: "✗",
    },
    ok="✓",
    bad="✗",
    warning="!",
    cursor="▌",
    dot="·",
    ellipsis="…",
    arrow="→",
    bar_done="━",
    bar_left="─",
    probe_ok="▇",
    probe_bad="▁",
    rule="─",
    levels="▁▂▃▄▅▆▇█",
)

ASCII = Glyphs(
    services={
        ServiceState.READY: "*",
        ServiceState.STARTING: "~",
        ServiceState.FAILING: "!",
        ServiceState.STOPPED: "o",
        ServiceState.EXTERNAL: "+",
        ServiceState.ABSENT: ".",
        ServiceState.UNKNOWN: "?",
    },
    steps={
        StepState.PENDING: ".",
        StepState.RUNNING: ">",
        StepState.WAITING: "~",
        StepState.DONE: "*",
        StepState.SKIPPED: "-",
        StepState.FAILED: "!",
    },
    ok="*",
    bad="!",
    warning="!",
    cursor=">",
    dot="-",
    ellipsis="~",
    arrow="->",
    bar_done="#",
    bar_left="-",
    probe_ok="|",
    probe_bad="x",
    rule="-",
    levels="_.:=+*#",
    plain=True,
)

CHANGE_SIGN = {ChangeKind.CREATE: "+", ChangeKind.UPDATE: "~", ChangeKind.DELETE: "-", ChangeKind.UNCHANGED: "="}


def glyphs_for(environ: Mapping[str, str]) -> Glyphs:
    """The set that a terminal's environment asks for.

    ASCII for terminals without Unicode fonts, for locales that are not UTF-8 (POSIX, Locale: LC_ALL before LC_CTYPE
    before LANG), and where `STACK_CONSOLE_ASCII` is set.
    """
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    plain = bool(environ.get("STACK_CONSOLE_ASCII")) or environ.get("TERM", "") in _PLAIN_TERMINALS
    return ASCII if plain or "utf" not in locale.lower() else UNICODE
