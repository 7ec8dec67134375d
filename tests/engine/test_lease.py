"""The lock on a stack: who may take it, who may not, and what happens to a run that loses it."""

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from functools import partial

import psutil
import pytest

from console.engine.holder import parse_holder, this_process
from console.engine.lease import TERMS, Terms, hold, lease_ref
from console.model.errors import LockedError, UnreachableError

ELSEWHERE = {"host": "build-7", "boot": "another"}


QUICK = Terms(duration=1.2, renew=0.3, look=0.2)


@pytest.fixture
def lock(near_client, namespace):
    def lock(run="run-1", client=near_client, waiting=lambda who, seconds: None, command="", terms=TERMS, **other):
        holder = replace(this_process(run), **other)
        return hold(client, namespace, "todo", holder, command=command, waiting=waiting, terms=terms)

    return lock


@pytest.fixture
def quick(lock):
    return partial(lock, terms=QUICK)


async def _lease(client, namespace):
    return await client.get(lease_ref(namespace, "todo"))


async def test_the_holder_can_be_read_and_is_given_up_at_the_end(lock, near_client, namespace):
    async with lock(command="stack-console deploy todo"):
        held = await _lease(near_client, namespace)
        assert parse_holder(held["spec"]["holderIdentity"]) == this_process("run-1")
        assert held["spec"]["leaseDurationSeconds"] == 15
        assert held["metadata"]["annotations"] == {"stack-console/command": "stack-console deploy todo"}
    assert not (await _lease(near_client, namespace))["spec"].get("holderIdentity")


async def test_a_live_holder_is_named_with_its_command(lock):
    async with lock(command="stack-console restart todo"):
        with pytest.raises(LockedError, match=r"process \d+ on .* since .* stack-console restart todo") as locked:
            await lock("run-2").__aenter__()
    holder, ours = locked.value.holder, this_process("")
    assert (holder.who, holder.host, holder.pid) == (ours.user, ours.host, ours.pid)
    assert holder.command == "stack-console restart todo"
    assert 0 <= time.time() - holder.since < 10


async def test_of_two_at_once_only_one_gets_it(lock):
    locks = [lock(f"run-{number}") for number in range(6)]
    results = await asyncio.gather(*(each.__aenter__() for each in locks), return_exceptions=True)
    assert sum(isinstance(each, hold) for each in results) == 1
    assert sum(isinstance(each, LockedError) for each in results) == 5
    await next(each for each in results if isinstance(each, hold)).__aexit__(None, None, None)


async def test_it_can_be_taken_again_once_it_was_given_up(lock, near_client, namespace):
    for run in ("run-1", "run-2"):
        async with lock(run):
            held = await _lease(near_client, namespace)
            assert parse_holder(held["spec"]["holderIdentity"]).run == run


async def test_a_killed_holder_of_this_machine_does_not_stand_in_the_way(lock, near_client, namespace):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)  # noqa: ASYNC220 - at once
    dead = {"pid": process.pid, "started": psutil.Process(process.pid).create_time()}
    left = lock("run-1", **dead)
    await left._take()
    with pytest.raises(LockedError):
        await lock("run-2").__aenter__()
    process.kill()
    process.wait()
    process.stdin.close()
    began = time.monotonic()
    async with lock("run-2"):
        assert time.monotonic() - began < 1.0


async def test_a_process_that_has_the_number_of_a_dead_one_is_another(lock):
    await lock("run-1", started=1.0)._take()
    async with lock("run-2"):
        pass


async def test_a_silent_holder_elsewhere_is_waited_out_counting_down(quick):
    await quick("run-1", **ELSEWHERE)._take()
    told = []
    async with quick("run-2", waiting=lambda who, seconds: told.append((who, seconds))):
        pass
    assert {who for who, _ in told} == {str(replace(this_process(""), **ELSEWHERE))}
    seconds = [left for _, left in told]
    assert seconds == sorted(seconds, reverse=True)


HOLDS = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.holder import this_process
from console.engine.lease import Terms, hold

async def main(kubeconfig, namespace, *seconds):
    client = KubernetesCluster(await open_transport([Path(kubeconfig)], "sandbox"), "sandbox")
    holder = replace(this_process("run-1"), host="build-7", boot="another")
    async with hold(client, namespace, "todo", holder, terms=Terms(*map(float, seconds))):
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_holder_elsewhere_that_is_killed_is_taken_over_within_the_time_of_its_lease(quick, sandbox, namespace):
    seconds = [str(each) for each in (QUICK.duration, QUICK.renew, QUICK.look)]
    line = [sys.executable, "-c", HOLDS, str(sandbox.kubeconfig), namespace, *seconds]
    process = await asyncio.create_subprocess_exec(*line, stdout=subprocess.PIPE)
    assert await process.stdout.readline() == b"held\n"
    await asyncio.sleep(QUICK.duration)  # longer than a lease lasts: it is alive, for it renews
    with pytest.raises(LockedError, match="build-7"):
        await quick("run-2").__aenter__()
    process.kill()
    await process.wait()
    began = time.monotonic()
    async with quick("run-2"):
        assert time.monotonic() - began < QUICK.duration + QUICK.look + 1.0


async def test_a_living_holder_elsewhere_is_left_alone(quick):
    async with quick("run-1", **ELSEWHERE):
        with pytest.raises(LockedError, match="build-7"):
            await quick("run-2").__aenter__()


async def test_one_that_is_silent_for_long_is_not_waited_for(lock, near_client, namespace):
    await lock("run-1", **ELSEWHERE)._take()
    ref = lease_ref(namespace, "todo")
    await near_client.patch(ref, "merge", {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}})
    async with lock("run-2"):
        pass


async def _renewed_after(cluster, moment):
    """Waits until the Lease is renewed after a moment."""

    def renewed(lease):
        return datetime.fromisoformat(lease["spec"]["renewTime"]).timestamp() > moment

    await asyncio.to_thread(cluster.until, "leases", "stack-console-todo", renewed)


async def test_it_is_renewed_for_as_long_as_it_is_held(quick, cluster):
    async with quick() as held:
        await _renewed_after(cluster, time.time() + QUICK.duration)
        await held.certain()


async def test_a_run_that_loses_it_ends(quick, near_client, namespace):
    with pytest.raises(LockedError, match="build-7"):  # noqa: PT012 - it ends in the middle
        async with quick():
            taken = replace(this_process("run-9"), **ELSEWHERE).identity
            await near_client.patch(lease_ref(namespace, "todo"), "merge", {"spec": {"holderIdentity": taken}})
            await asyncio.sleep(10)
    assert asyncio.current_task().cancelling() == 0
    held = await _lease(near_client, namespace)
    assert held["spec"]["holderIdentity"] == taken


async def test_what_else_is_written_into_it_does_no_harm(quick, near_client, cluster, namespace):
    async with quick():
        await near_client.patch(lease_ref(namespace, "todo"), "merge", {"metadata": {"labels": {"seen": "yes"}}})
        await _renewed_after(cluster, time.time())
        assert (await _lease(near_client, namespace))["metadata"]["labels"]["seen"] == "yes"


async def test_while_the_api_server_is_silent_nothing_is_certain(quick, line, far_client):
    async with quick(client=far_client) as held:
        await line.cut()
        await asyncio.sleep(QUICK.duration + QUICK.renew)
        certain = asyncio.create_task(held.certain())
        await asyncio.sleep(0.1)
        assert not certain.done()
        await line.mend()
        async with asyncio.timeout(10):
            await certain


async def test_after_a_minute_of_silence_the_run_ends(lock, line, far_client):
    terms = replace(QUICK, give_up=1.0)
    with pytest.raises(UnreachableError):  # noqa: PT012 - it ends in the middle
        async with lock(client=far_client, terms=terms):
            await line.cut()
            await asyncio.sleep(20)
    await line.mend()
