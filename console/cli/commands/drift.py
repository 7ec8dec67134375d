"""`drift STACK`: what in the cluster differs from the last release, by whom, since when; `--write` it to the files."""

from __future__ import annotations

import difflib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli.operating import ask
from console.cli.session import Session
from console.model.outcome import Outcome
from console.model.wording import age

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from console.engine.service import Engine
    from console.model.drift import Drift
    from console.model.stack import Stack


async def run(session: Session) -> Outcome:
    """Prints the drift; with `--exit-code` 3 if there is any."""
    async with session.engine() as engine, session.time_limit("the drift was not read"):
        found = await engine.drift()
        session.output.text(_lines(found, engine.stack.name))
        session.output.result("drift", {"drift": found})
        if session.args.write and found:
            await _write(session, engine, found)
    return Outcome.CHANGES if found and session.args.exit_code else Outcome.DONE


def _lines(found: Sequence[Drift], stack: str) -> list[str]:
    if not found:
        return ["everything is as the last release has it"]
    lines, now = [], time.time()
    for each in found:
        by = f"by {each.manager}" if each.manager else "nobody says by whom"
        since = f", {age(now - each.since)} ago" if each.since else ""
        lines.append(f"{each.ref} {each.field}".rstrip())
        lines.append(f"  {each.released or '(nothing)'} -> {each.live or '(nothing)'}   {by}{since}")
    return [*lines, "", f"keep: deploy {stack} --drift keep, or --write it to the files; overwrite: --drift overwrite"]


async def _write(session: Session, engine: Engine, found: Sequence[Drift]) -> None:
    before: dict[Path, str] = {}
    after: dict[Path, str] = {}
    for each in found:
        if (place := _place(engine.stack, each)) is None or each.was is None or each.now is None:
            session.narrator.say(f"{each.ref} {each.field}: not a plain value of a file of the stack", level="warning")
            continue
        file, line = place
        before.setdefault(file, file.read_text(encoding="utf-8"))
        text = after.get(file, before[file])
        if (changed := session.outside.with_value(text, line, each.path, each.was, each.now)) is None:
            session.narrator.say(f"{each.ref} {each.field}: {file.name} does not say {each.released}", level="warning")
        else:
            after[file] = changed
    if after:
        await ask(
            session, engine, [line for file in after for line in _diff(file, before[file], after[file])], confirm=True
        )
    for file, text in after.items():
        file.write_text(text, encoding="utf-8")
        session.narrator.say(f"{file} was written")


def _place(stack: Stack, drift: Drift) -> tuple[Path, int] | None:
    places = (manifest.place for manifest in stack.manifests if manifest.ref == drift.ref)
    place = next(places, None)
    return (Path(place.file), place.line) if place else None


def _diff(file: Path, before: str, after: str) -> Iterable[str]:
    name = file.name
    return difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=1)
