"""What the console reads out of a Dockerfile (docs.docker.com, Dockerfile reference)."""

from __future__ import annotations

import re
from pathlib import Path

_CONTINUED = re.compile(r"\\[ \t]*\n")
_STAGE = re.compile(r"FROM\s+(?:--\S+\s+)*\S+(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_STOPSIGNAL = re.compile(r"STOPSIGNAL\s+(\S+)", re.IGNORECASE)


def stop_signal(dockerfile: Path, target: str = "") -> str:
    """The STOPSIGNAL of the stage that is built (`target`, else the last one); empty if it names none.

    A stage that builds on an earlier one inherits its signal.
    """
    signals: dict[str, str] = {}
    stage, signal = "", ""
    for line in _instructions(dockerfile.read_text(encoding="utf-8-sig", errors="replace")):
        if started := _STAGE.match(line):
            if target and stage == target.lower():
                break
            stage = (started[1] or "").lower()
            signal = signals.get(_base(line), "")
        elif named := _STOPSIGNAL.match(line):
            signal = named[1].strip("\"'")
        if stage:
            signals[stage] = signal
    return signal


def _base(line: str) -> str:
    words = [word for word in line.split()[1:] if not word.startswith("--")]
    return words[0].lower() if words else ""


def _instructions(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    kept = "\n".join(line for line in lines if line and not line.startswith("#"))
    return _CONTINUED.sub(" ", kept).splitlines()
