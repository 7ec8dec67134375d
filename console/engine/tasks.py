"""Named tasks with one owner: no duplicate, nothing left behind, no failure unheard."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from console.model.errors import RefusedError

T = TypeVar("T")


def failure_in(context: Mapping[str, Any]) -> BaseException | None:
    """The failure that a loop's exception handler is told of; None for the last words of a broken connection.

    Tasks and callbacks that fail have a bug; what the system says of a socket is heard by whoever reads from it.
    """
    error = context.get("exception")
    if isinstance(error, OSError) and "task" not in context:
        return None
    return error if isinstance(error, BaseException) else None


class Tasks:
    """All that goes on in one engine."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts work under a name.

        Raises:
            RefusedError: work of that name goes on already.
        """
        if self.running(name):
            work.close()
            raise RefusedError(f"{name} is going on already", hint="wait for its end, or cancel it first")
        task = asyncio.create_task(work, name=name)
        # In the order of their start, for `close`.
        self._tasks.pop(name, None)
        self._tasks[name] = task
        task.add_done_callback(self._ended)
        return task

    def running(self, name: str) -> bool:
        """True while work of that name goes on."""
        task = self._tasks.get(name)
        return task is not None and not task.done()

    async def cancel(self, name: str) -> None:
        """Cancels the work of that name, and waits until it has ended; no such work is fine."""
        task = self._tasks.get(name)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        """Cancels everything, the newest first, each once the one before has ended."""
        for name in reversed(list(self._tasks)):
            await self.cancel(name)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if self._tasks.get(task.get_name()) is task:
            del self._tasks[task.get_name()]
        if not task.cancelled() and (error := task.exception()):
            # Nobody awaits most of these; the loop's handler is where a bug is told.
            context = {"message": f"{task.get_name()} failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
