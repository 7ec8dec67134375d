"""What the console reads out of a Dockerfile (docs.docker.com, Dockerfile reference): instructions and their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_STAGE_NAME = re.compile(r"\s+AS\s+(\S+)\s*$", re.IGNORECASE)
_MAKE_LAYERS = frozenset({"FROM", "RUN", "COPY", "ADD", "WORKDIR"})
"""What BuildKit counts in `[stage 2/5]`."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction: the line that it begins on, its keyword in capitals, and all of it with continuations joined."""

    line: int
    keyword: str
    text: str

    @property
    def base(self) -> str:
        """The image or stage that a FROM builds on; empty for others."""
        words = [word for word in self.text.split()[1:] if not word.startswith("--")]
        return words[0] if self.keyword == "FROM" and words else ""


def read_instructions(dockerfile: Path) -> list[Instruction]:
    """The instructions of a file in order; it may be wrong in any way. Raises OSError."""
    return list(_instructions(dockerfile.read_text(encoding="utf-8-sig", errors="replace")))


def stages(instructions: list[Instruction]) -> dict[str, list[Instruction]]:
    """The instructions by stage, in order; a stage without a name is called as BuildKit does: `stage-1`."""
    found: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for each in instructions:
        if each.keyword == "FROM":
            named = _STAGE_NAME.search(each.text)
            current = found[named[1].lower() if named else f"stage-{len(found)}"] = []
        current.append(each)
    return found


def layer(instructions: list[Instruction], stage: str, number: int, total: int) -> Instruction | None:
    """The instruction that BuildKit calls `[STAGE NUMBER/TOTAL]`; without a stage, that of the last one."""
    by_stage = stages(instructions)
    chosen = by_stage.get(stage) if stage else next(reversed(by_stage.values()), None)
    counted = [each for each in chosen or () if each.keyword in _MAKE_LAYERS]
    # A FROM that names an earlier stage is not counted.
    counted = counted[max(0, len(counted) - total) :]
    return counted[number - 1] if 0 < number <= len(counted) == total else None


def stop_signal(dockerfile: Path, target: str = "") -> str:
    """The STOPSIGNAL of the stage that is built (`target`, else the last one); empty if it names none.

    A stage that builds on an earlier one inherits its signal.
    """
    signals: dict[str, str] = {}
    signal = ""
    for name, instructions in stages(read_instructions(dockerfile)).items():
        signal = signals.get(instructions[0].base.lower(), "")
        for each in instructions:
            if each.keyword == "STOPSIGNAL":
                signal = each.text.partition(" ")[2].strip().strip("\"'")
        signals[name] = signal
        if target and name == target.lower():
            break
    return signal


def _instructions(text: str) -> Iterator[Instruction]:
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        joined = line.strip()
        if not joined or joined.startswith("#"):
            continue
        while joined.endswith("\\"):
            joined = joined[:-1].rstrip() + _continuation(lines)
        keyword = joined.split(None, 1)[0].upper()
        if keyword in {"RUN", "COPY", "ADD"}:
            for _, end in _HEREDOC.findall(joined):
                _skip_heredoc(lines, end)
        yield Instruction(number, keyword, joined)


def _continuation(lines: Iterator[tuple[int, str]]) -> str:
    """The next line; comments and empty lines may stand between. Empty at the end of the file."""
    found = (line.strip() for _, line in lines)
    return next((f" {line}" for line in found if line and not line.startswith("#")), "")


def _skip_heredoc(lines: Iterator[tuple[int, str]], end: str) -> None:
    for _, line in lines:
        if line.strip() == end:
            return
