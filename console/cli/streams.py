"""stdout and stderr as the process was given them: closed, without a reader, in an encoding that lacks characters."""

from __future__ import annotations

import os
from typing import TextIO


def usable(stream: TextIO | None) -> TextIO:
    """The stream, or nowhere if it was closed for us; what its encoding lacks is written as an escape."""
    if stream is None:
        return open(os.devnull, "w")  # noqa: PTH123 - lives as long as the process
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return stream


def mute(stream: TextIO) -> None:
    """Points a stream that nobody reads any more to nowhere, so that Python does not complain when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(nowhere)


def flush(stream: TextIO | None) -> None:
    """Writes what is still held back, if there is a reader."""
    if stream is None:
        return
    try:
        stream.flush()
    except BrokenPipeError:
        mute(stream)
