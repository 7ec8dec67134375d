"""Unpacked images: made once whoever waits, kept while a process runs from them, removed in their order."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import signal
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.sandbox.api import times
from console.sandbox.kubelet.process import Order, Process
from console.sandbox.kubelet.trees import Trees, collect, lock_of

NAMES = [each * 64 for each in "abc"]


@pytest.fixture
async def trees(tmp_path: Path) -> AsyncIterator[Trees]:
    made = Trees(tmp_path / "cache", patience=0.2)
    yield made
    made.close()


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer of one file of 100 kB."""
    path = tmp_path / "layer.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("data")
        info.size = 100_000
        archive.addfile(info, io.BytesIO(os.urandom(info.size)))
    return path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A layer that arrives as slowly as somebody writes it."""
    path = tmp_path / "slow.tar"
    os.mkfifo(path)
    return path


async def _until_made(partial: Path) -> None:
    def look() -> None:
        deadline = time.monotonic() + 5
        while not partial.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    await asyncio.to_thread(look)


def _copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


async def _run(folder: Path, tree: Path) -> Process:
    """A process of a container whose image is the tree."""
    order = Order(["sleep", "60"], {"PATH": os.environ["PATH"]}, str(folder), 0, "", {}, str(lock_of(tree)))
    return await Process.start(folder, folder / "0.log", order, {"restart": 0, "since": times.micro_time()})


async def test_of_two_that_wait_for_a_tree_one_may_give_up(trees: Trees, slow: Path, layer: Path) -> None:
    tree = trees.folder / NAMES[0]
    gives_up, waits = (asyncio.create_task(trees.get(tree, [slow])) for _ in range(2))
    await _until_made(tree.with_suffix(".part"))
    gives_up.cancel()
    await asyncio.gather(gives_up, return_exceptions=True)
    await asyncio.to_thread(_copy, layer, slow)
    async with asyncio.timeout(5):
        await waits
    assert (tree / "data").stat().st_size == 100_000


async def test_many_that_give_up_keep_nobody_from_pulling_something_else(trees: Trees, slow: Path, layer: Path) -> None:
    tree, other = (trees.folder / each for each in NAMES[:2])
    for _ in range(20):
        pull = asyncio.create_task(trees.get(tree, [slow]))
        await _until_made(tree.with_suffix(".part"))
        pull.cancel()
        await asyncio.gather(pull, return_exceptions=True)
    async with asyncio.timeout(5):
        await trees.get(other, [layer])
        await asyncio.to_thread(_copy, layer, slow)
        await trees.get(tree, [slow])


async def test_a_process_that_never_ends_to_unpack_is_not_waited_for_without_end(trees: Trees, layer: Path) -> None:
    tree = trees.folder / NAMES[0]
    trees.folder.mkdir()
    with lock_of(tree).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process has been unpacking"):
            await trees.get(tree, [layer])
    await trees.get(tree, [layer])
    assert (tree / "data").exists()


async def test_what_a_killed_process_was_unpacking_is_unpacked_anew(trees: Trees, slow: Path, layer: Path) -> None:
    tree = trees.folder / NAMES[0]
    program = (
        "import asyncio, sys, pathlib\n"
        "from console.sandbox.kubelet.trees import Trees\n"
        "tree = pathlib.Path(sys.argv[1])\n"
        "asyncio.run(Trees(tree.parent).get(tree, [pathlib.Path(sys.argv[2])]))\n"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tree), str(slow))
    await _until_made(tree.with_suffix(".part"))
    writer = await asyncio.to_thread(slow.open, "wb", 0)
    writer.write(b"half a layer")
    other.send_signal(signal.SIGKILL)
    await other.wait()
    writer.close()
    assert tree.with_suffix(".part").exists()
    await trees.get(tree, [layer])
    assert (tree / "data").stat().st_size == 100_000
    assert not tree.with_suffix(".part").exists()


async def test_a_tree_stays_while_a_process_runs_from_it_though_its_daemon_is_gone(
    trees: Trees, layer: Path, tmp_path: Path
) -> None:
    tree = trees.folder / NAMES[0]
    await trees.get(tree, [layer])
    process = await _run(tmp_path, tree)
    trees.release((), youngest=0)
    assert collect(trees.folder, 0, 0, 0) == []
    process.kill()
    await process.wait()
    assert collect(trees.folder, 0, 0, 0) == [tree]
    assert list(trees.folder.iterdir()) == []


async def test_what_was_used_longest_ago_goes_first_and_only_as_far_as_needed(trees: Trees, layer: Path) -> None:
    made = [trees.folder / each for each in NAMES]
    for number, each in enumerate(made):
        await trees.get(each, [layer])
        os.utime(each, (time.time(), time.time() - 1000 + number))
    trees.release((), youngest=0)
    one = int(lock_of(made[0]).read_text())
    assert one >= 100_000
    assert collect(trees.folder, 2 * one, 5000) == [made[0]]
    assert collect(trees.folder, 2 * one, 5000) == []
    assert collect(trees.folder, 2 * one, 900) == made[1:]


async def test_what_was_used_just_now_or_is_wanted_stays(trees: Trees, layer: Path) -> None:
    wanted, fresh = (trees.folder / each for each in NAMES[:2])
    for each in (wanted, fresh):
        await trees.get(each, [layer])
    os.utime(wanted, (0, 0))
    trees.release({wanted})
    assert collect(trees.folder, 0, 0) == []


async def test_trees_go_while_they_are_asked_for_and_come_again(trees: Trees, layer: Path) -> None:
    """Whoever has got a tree keeps it, whatever a collector of another cluster does at the same time."""
    tree = trees.folder / NAMES[0]
    stop = asyncio.Event()
    removed = 0

    async def remove() -> None:
        nonlocal removed
        while not stop.is_set():
            removed += len(await asyncio.to_thread(collect, trees.folder, 0, 0, 0))

    removing = asyncio.create_task(remove())
    async with asyncio.timeout(20):
        while removed < 20:
            await trees.get(tree, [layer])
            assert (tree / "data").stat().st_size == 100_000
            trees.release((), youngest=0)
            await asyncio.sleep(0)
    stop.set()
    await removing


async def test_remains_of_a_broken_off_attempt_go(trees: Trees) -> None:
    partial = trees.folder / f"{NAMES[0]}.part"
    partial.mkdir(parents=True)
    (partial / "half").write_bytes(b"x")
    os.utime(partial, (0, 0))
    assert collect(trees.folder, 1 << 30, 10) == [partial]
    assert list(trees.folder.iterdir()) == []
