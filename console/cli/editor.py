"""The user's own editor on a text: what was written is kept in its file until it has served its purpose."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
from pathlib import Path

from console.model.errors import UsageError


def draft(name: str, text: str) -> Path:
    """A new file with a text that only its owner may read.

    Args:
        name: a part of its name.
        text: what it holds.
    """
    descriptor, path = tempfile.mkstemp(prefix=f"stack-console-{name}-", suffix=".yaml")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(path)


async def edit(file: Path) -> str:
    """Opens a file in $VISUAL, else $EDITOR, else vi; its text once the editor has ended.

    Raises:
        UsageError: there is no such editor, or it failed.
    """
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        process = await asyncio.create_subprocess_exec(*words, str(file))
    except OSError as error:
        hint = "name your editor in $EDITOR, or use `config set`"
        raise UsageError(f"{words[0]} cannot be started", why=error.strerror or str(error), hint=hint) from error
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        raise
    if code:
        raise UsageError(f"{words[0]} ended with {code}: nothing was changed")
    try:
        return await asyncio.to_thread(file.read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("what was written cannot be read", where=str(file), why=str(error)) from error
