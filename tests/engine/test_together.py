"""Several things at once: what comes back, what is raised, and that nothing is left behind."""

import asyncio

import pytest

from console.engine.together import both, together
from console.model.errors import BuildError, PushError


async def _after(turns, result):
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(result, Exception):
        raise result
    return result


async def test_results_come_in_the_order_of_the_work():
    assert await together((_after(3 - number, number) for number in range(3)), "count") == [0, 1, 2]
    assert await both(_after(1, "one"), _after(0, 2), "two kinds") == ("one", 2)


async def test_the_first_failure_ends_the_others():
    ended = asyncio.Event()

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(BuildError, match="broken"):
        await together([endless(), _after(1, BuildError("broken"))], "work")
    assert ended.is_set()


async def test_a_bug_is_not_hidden_behind_what_the_world_did():
    with pytest.raises(ZeroDivisionError):
        await both(_after(0, PushError("refused")), _after(0, ZeroDivisionError()), "work")


async def test_groups_within_groups_are_unwrapped_too():
    inner = together([_after(0, PushError("refused"))], "inner")
    with pytest.raises(PushError, match="refused"):
        await together([inner, _after(5, None)], "outer")


async def test_cancelling_ends_all_of_it():
    task = asyncio.create_task(together([asyncio.Event().wait(), asyncio.Event().wait()], "work"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
