"""How the process ends: the exit code of an error, and the report that is left of an unexpected one."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from console import __version__
from console.model.errors import ConsoleError
from console.model.outcome import Outcome

if TYPE_CHECKING:
    from console.model.redaction import Redactor


def outcome_of(error: BaseException) -> Outcome:
    """What an error that ended a command stands for; what nobody expected is a bug of ours."""
    if isinstance(error, ConsoleError):
        return error.outcome
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return Outcome.INTERRUPTED
    return Outcome.BUG


def save_crash(error: BaseException, folder: Path, redactor: Redactor) -> Path | None:
    """Writes what a maintainer needs to find a bug, redacted; the file, or None if it cannot be written."""
    text = "\n".join(
        (
            f"stack-console {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}: {' '.join(sys.argv)}",
            "",
            "".join(traceback.format_exception(error)),
        )
    )
    file = folder / f"crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as report:
            report.write(redactor.text(text))
    except OSError:
        return None
    return file
