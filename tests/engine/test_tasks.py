"""Named tasks: no duplicate, nothing left behind, no failure unheard."""

import asyncio

import pytest

from console.engine.tasks import Tasks
from console.model.errors import RefusedError


async def forever():
    await asyncio.Event().wait()


async def test_a_name_is_taken_while_its_work_goes_on(tasks):
    task = tasks.start("run", forever())
    assert task.get_name() == "run"
    assert tasks.running("run")
    with pytest.raises(RefusedError, match="run is going on already"):
        tasks.start("run", forever())
    await tasks.cancel("run")
    assert not tasks.running("run")
    tasks.start("run", forever())


async def test_the_result_is_had_by_awaiting(tasks):
    async def work():
        return 42

    assert await tasks.start("answer", work()) == 42


async def test_cancelling_what_does_not_go_on_is_fine(tasks):
    await tasks.cancel("nothing")


async def test_cancelling_waits_until_the_work_has_cleaned_up(tasks):
    cleaned = []

    async def work():
        try:
            await forever()
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(True)

    tasks.start("careful", work())
    await asyncio.sleep(0)
    await tasks.cancel("careful")
    assert cleaned == [True]


async def test_closing_ends_everything_the_newest_first():
    tasks, ended = Tasks(), []

    async def work(name):
        try:
            await forever()
        finally:
            ended.append(name)

    for name in ("store", "watch", "run"):
        tasks.start(name, work(name))
    await asyncio.sleep(0)
    await tasks.close()
    assert ended == ["run", "watch", "store"]
    assert len(asyncio.all_tasks()) == 1


async def test_a_failure_is_told_at_once(tasks):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["message"]))

    async def work():
        raise ValueError("a bug")

    task = tasks.start("broken", work())
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert told == ["broken failed"]
    assert not tasks.running("broken")
