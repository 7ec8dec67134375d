"""Which file is meant: a path to a stack's folder or file, or a name under `stacks/` of the nearest parent folder."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from console.model.errors import UsageError

FILE = "stack.yaml"
LOCAL = "stack.local.yaml"
"""Personal targets, beside the stack's file."""


def find_stacks(cwd: Path) -> tuple[Path, ...]:
    """The files of the stacks under `stacks/` of the nearest parent folder that has one, by name."""
    for folder in (cwd, *cwd.parents):
        if found := sorted((folder / "stacks").glob(f"*/{FILE}")):
            return tuple(found)
    return ()


def find_stack(name: str | None, cwd: Path) -> Path:
    """The file of the stack that is meant.

    Args:
        name: a path, or a name; None takes the file in this folder, else the only stack that there is.
        cwd: where to begin.

    Raises:
        UsageError: there is no such stack, or none was named and there are several.
    """
    known = {file.parent.name: file for file in find_stacks(cwd)}
    if name is None:
        return _only(known, cwd)
    try:
        path = cwd / Path(name).expanduser()
        for file in (path, path / FILE):
            if file.is_file():
                return file.resolve()
    except (OSError, RuntimeError):  # a name that is too long, an unknown ~user
        path = cwd / FILE
    if name in known:
        return known[name]
    raise _unknown(name, list(known), path)


def _only(known: dict[str, Path], cwd: Path) -> Path:
    if (cwd / FILE).is_file():
        return (cwd / FILE).resolve()
    if len(known) == 1:
        return next(iter(known.values()))
    if known:
        hint = f"name one of: {', '.join(known)}"
        raise UsageError("which stack is meant?", why=f"there are {len(known)}", hint=hint)
    hint = f"name a folder that has a {FILE}, or go to one that has stacks/NAME/{FILE}"
    raise UsageError("no stack was found", where=str(cwd), hint=hint)


def _unknown(name: str, known: list[str], path: Path) -> UsageError:
    if path.is_dir():
        return UsageError(f"this folder has no {FILE}", where=str(path), hint="stacks/hello shows the smallest one")
    close = get_close_matches(name, known, n=1)
    there = f"; there are {', '.join(known)}" if known else ""
    hint = (f"did you mean {close[0]!r}?" if close else "name a stack under stacks/, or a path") + there
    return UsageError(f"there is no stack {name!r}", hint=hint)
