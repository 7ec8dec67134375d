"""SIGINT, SIGTERM and SIGHUP: the first ends a command cleanly, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console.model.outcome import Outcome

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def cancelled_by_signal(tell: Callable[[str], None]) -> Iterator[None]:
    """Cancels the current task at the first signal; ends the process at the second."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    asked = False

    def end(number: signal.Signals) -> None:
        nonlocal asked
        if asked or task is None:
            tell(f"{number.name} again: ended at once; what was begun may still go on in the cluster")
            os._exit(Outcome.INTERRUPTED.code)
        asked = True
        tell(f"{number.name}: ending cleanly; once more ends at once")
        task.cancel()

    # A parent that ignores a signal for us (nohup) means it.
    heeded = [each for each in _ENDING if signal.getsignal(each) is not signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
