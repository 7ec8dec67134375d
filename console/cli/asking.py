"""A line that somebody types. The loop waits for it, not a thread: a signal ends the wait, and the echo is back."""

from __future__ import annotations

import asyncio
import os
import sys
import termios

_LINE = 1 << 16


async def typed(prompt: str, *, echo: bool = True) -> str:
    """The next line on the terminal that is stdin, without its end; empty at the end of input.

    Args:
        prompt: is written to stderr before.
        echo: whether what is typed can be seen.
    """
    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)
    flags = before[3] if echo else before[3] & ~termios.ECHO
    line: asyncio.Future[bytes] = loop.create_future()

    def take() -> None:
        if not line.done():
            line.set_result(os.read(terminal, _LINE))

    # Before anybody is asked: what is typed at once must not be seen either.
    termios.tcsetattr(terminal, termios.TCSADRAIN, [*before[:3], flags, *before[4:]])
    sys.stderr.write(prompt)
    sys.stderr.flush()
    loop.add_reader(terminal, take)
    try:
        return (await line).decode(errors="surrogateescape").rstrip("\r\n")
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        if not echo:
            sys.stderr.write("\n")
            sys.stderr.flush()
