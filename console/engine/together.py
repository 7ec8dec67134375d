"""Several things at once, none of them left behind, and things that are not left in their middle."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from console.model.errors import ConsoleError

T = TypeVar("T")
U = TypeVar("U")


async def together(work: Iterable[Coroutine[Any, Any, T]], name: str) -> list[T]:
    """The results in order. The first failure cancels the others, and is raised once they have ended.

    Args:
        work: what to do, all at the same time.
        name: the name of its tasks.
    """
    with _unwrapped():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each, name=name) for each in work]
    return [task.result() for task in tasks]


async def both(one: Coroutine[Any, Any, T], other: Coroutine[Any, Any, U], name: str) -> tuple[T, U]:
    """As `together`, for two things of different kinds."""
    with _unwrapped():
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(one, name=name), group.create_task(other, name=name)
    return tasks[0].result(), tasks[1].result()


async def whole(work: Coroutine[Any, Any, T], name: str, within: float | None = None) -> T:
    """Does something to its end even if it is cancelled meanwhile; the cancellation comes afterwards.

    Args:
        work: what to do.
        name: the name of its task.
        within: seconds that it may go on after a cancellation.
    """
    task = asyncio.create_task(work, name=name)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not (await asyncio.wait([task], timeout=within))[0]:
            task.cancel()
            await asyncio.wait([task])
        raise


@contextmanager
def _unwrapped() -> Iterator[None]:
    """Raises the first failure of a group of tasks in its place."""
    try:
        yield
    except BaseExceptionGroup as failures:
        # A bug of ours is not to be hidden behind what the world did at the same time.
        bugs = failures.split(ConsoleError)[1]
        raise _first(bugs or failures) from failures


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = failures.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
