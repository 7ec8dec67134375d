"""Releases in the cluster: numbered without gaps or doubles, bounded, whole or honest about it."""

import asyncio
import base64
import random
from dataclasses import replace

from console.engine import releases as module
from console.engine.releases import last_good, next_number, read_releases, release_ref, write_release
from console.model.release import Release

WEB = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"A": "1"}}
FIRST = Release(1, "todo", "test", 1_700_000_000.5, "me@here", "done", {"web": "registry/web:1"}, (WEB,), "ab" * 32)


async def _numbers(client, namespace):
    return [release.number for release in await read_releases(client, "todo", namespace)]


async def test_a_release_comes_back_as_it_was_written(near_client, cluster, namespace):
    assert await write_release(near_client, FIRST, namespace) == (FIRST, ())
    assert await read_releases(near_client, "todo", namespace) == (FIRST,)
    secret = cluster.get("secrets", "stack-console.todo.v1")
    assert (secret["type"], secret["immutable"]) == ("stack-console/release.v1", True)


async def test_of_many_at_once_each_gets_a_number_of_its_own(near_client, namespace):
    runs = (replace(FIRST, at=float(at)) for at in range(5))
    written = await asyncio.gather(*(write_release(near_client, each, namespace) for each in runs))
    assert sorted(release.number for release, _ in written) == [1, 2, 3, 4, 5]
    assert await _numbers(near_client, namespace) == [5, 4, 3, 2, 1]


async def test_one_whose_answer_was_lost_is_kept_once(near_client, namespace):
    await write_release(near_client, FIRST, namespace)
    assert await write_release(near_client, FIRST, namespace) == (FIRST, ())
    assert await _numbers(near_client, namespace) == [1]


async def test_the_oldest_go(near_client, namespace, monkeypatch):
    monkeypatch.setattr(module, "KEEP", 3)
    for number in range(1, 6):
        await write_release(near_client, replace(FIRST, number=number), namespace)
    assert await _numbers(near_client, namespace) == [5, 4, 3]


async def test_one_that_is_too_large_is_kept_without_its_objects_and_says_so(near_client, namespace):
    noise = base64.b64encode(random.Random(1).randbytes(1_200_000)).decode()
    large = replace(FIRST, objects=(WEB, {**WEB, "data": {"noise": noise}}))
    kept, warnings = await write_release(near_client, large, namespace)
    assert kept.objects == ()
    assert warnings == ("release 1 is too large to be kept whole: it cannot be rolled back to",)
    assert await read_releases(near_client, "todo", namespace) == (kept,)


async def test_what_is_no_release_is_left_out(near_client, cluster, namespace):
    await write_release(near_client, FIRST, namespace)
    labels = {"stack-console/stack": "todo", "stack-console/kind": "release"}
    for name, kind, data in (
        ("foreign", "Opaque", {"release": "eA=="}),
        ("broken", module.RELEASE_TYPE, {"release": "eA=="}),
        ("empty", module.RELEASE_TYPE, {}),
    ):
        cluster.create("secrets", {"metadata": {"name": name, "labels": labels}, "type": kind, "data": data})
    assert await read_releases(near_client, "todo", namespace) == (FIRST,)


async def test_other_stacks_of_the_namespace_have_their_own(near_client, namespace):
    await write_release(near_client, FIRST, namespace)
    assert await read_releases(near_client, "other", namespace) == ()
    other, _ = await write_release(near_client, replace(FIRST, stack="other"), namespace)
    assert other.number == 1


async def test_there_are_none_where_there_is_no_namespace(near_client):
    assert await read_releases(near_client, "todo", "nowhere") == ()


def test_the_last_good_one_is_one_that_can_be_applied_again():
    failed, bare = replace(FIRST, number=3, outcome="rollout"), replace(FIRST, number=2, objects=())
    assert last_good([failed, bare, FIRST]) is FIRST
    assert last_good([failed, bare]) is None
    assert next_number([failed, bare]) == 4
    assert next_number([]) == 1


def test_where_a_release_is_kept():
    assert release_ref("todo", 7, "ns").name == "stack-console.todo.v7"
