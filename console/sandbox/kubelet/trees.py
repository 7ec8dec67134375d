"""Unpacked images on disk: made once, held while they are used, removed when nobody has for long.

    HEX         a tree, by the digests of its layers; its time is that of its last use
    HEX.lock    who uses the tree shares this lock, who makes or removes it has it alone; holds the tree's size in bytes
    HEX.part    a tree that is being made or removed

Clusters share the folder. Locks are flock(2)'s: a shim holds that of its container's tree, so a tree stays as long as a
process runs from it, whatever becomes of the daemon, and a daemon that is killed leaves no lock behind.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from console.sandbox.kubelet.layers import unpack

PATIENCE = 120.0
"""Seconds that another process may need to make a tree; then the pull fails, and is tried again after its back-off."""
MINIMUM_AGE = 120.0
"""Seconds since its last use for which a tree is kept in any case (`imageMinimumGCAge`)."""
_LOOK = 0.05
_NAME = re.compile(r"[0-9a-f]{64}")


def lock_of(tree: Path) -> Path:
    """The file whose lock is shared by all who use a tree."""
    return tree.with_name(f"{tree.name}.lock")


class Trees:
    """The unpacked images of one cluster, in a folder that several may share.

    Args:
        folder: where they are.
        patience: seconds to wait for another process that makes a tree.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self.folder = folder
        self._patience = patience
        self._pool = ThreadPoolExecutor(2, "unpack")  # its own: a pull that waits keeps nothing else from going on
        self._closing = threading.Event()
        self._making: dict[str, asyncio.Task[None]] = {}
        self._held: dict[Path, int] = {}

    async def get(self, tree: Path, layers: Sequence[Path]) -> None:
        """Makes a tree of layers, unless it is there, and holds it; one that is asked for twice is made once.

        Raises:
            LayerError: a layer cannot be unpacked.
            OSError: the disk is full, or another process has been at it for too long.
        """
        while not self.hold(tree):
            making = self._making.get(tree.name) or self._begin(tree, layers)
            await asyncio.shield(making)  # others may wait for it as well

    def _begin(self, tree: Path, layers: Sequence[Path]) -> asyncio.Task[None]:
        async def make() -> None:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._make, tree, layers)

        def done(task: asyncio.Task[None]) -> None:
            del self._making[tree.name]
            if not task.cancelled():
                task.exception()  # those who wait are told; there may be none left

        made = self._making[tree.name] = asyncio.create_task(make(), name=f"unpacking {tree.name[:12]}")
        made.add_done_callback(done)
        return made

    def _make(self, tree: Path, layers: Sequence[Path]) -> None:
        tree.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        deadline = time.monotonic() + self._patience
        while not tree.exists():
            with _alone(tree) as lock:
                if lock is not None:
                    _unpack(tree, layers, lock)
                    return
            if self._closing.wait(_LOOK) or time.monotonic() > deadline:
                why = f"another process has been unpacking this image for {self._patience:g} s"
                raise OSError(errno.ETIMEDOUT, why, lock_of(tree).name)

    # -- use

    def hold(self, tree: Path) -> bool:
        """Keeps a tree from being removed; False when it is not there."""
        if tree not in self._held and (lock := _shared(tree)) is not None:
            self._held[tree] = lock
        if tree in self._held:
            with suppress(FileNotFoundError):  # somebody has emptied the folder by hand
                os.utime(tree)
                return True
            os.close(self._held.pop(tree))
        return False

    def release(self, wanted: Collection[Path], youngest: float = MINIMUM_AGE) -> None:
        """Lets go of trees that no pod wants, unless they were pulled within so many seconds."""
        for tree in [each for each in self._held if each not in wanted and _age(each) >= youngest]:
            os.close(self._held.pop(tree))

    def close(self) -> None:
        """Lets go of all trees, and ends the waits for other processes."""
        self._closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._held:
            os.close(self._held.popitem()[1])


# -- removal


def collect(folder: Path, most: int, longest: float, youngest: float = MINIMUM_AGE) -> list[Path]:
    """Removes trees that no process uses, those unused for longest first; blocks on the disk.

    Args:
        folder: of the trees.
        most: bytes that all trees may have; of what is beyond only trees in use, or used just now, stay.
        longest: seconds after which an unused tree goes in any case.
        youngest: seconds since its last use for which a tree is kept in any case.

    Returns:
        What was removed.
    """
    trees = sorted(_trees(folder))
    total, removed = sum(size for _, size, _ in trees), []
    for used, size, tree in trees:
        age = time.time() - used
        if age >= youngest and (age > longest or total > most) and _remove(tree):
            total -= size
            removed.append(tree)
    return removed


class _Tree(NamedTuple):
    used: float
    size: int
    place: Path


def _trees(folder: Path) -> Iterator[_Tree]:
    """The trees, and what a broken-off attempt to make one has left."""
    for each in folder.iterdir() if folder.is_dir() else ():
        if _NAME.fullmatch(each.name) or (each.suffix == ".part" and _NAME.fullmatch(each.stem)):
            with suppress(FileNotFoundError):
                yield _Tree(each.stat().st_mtime, _known_size(each), each)


def _remove(place: Path) -> bool:
    """Removes a tree or its remains, if nobody uses it."""
    tree = place.with_suffix("")
    with _alone(tree) as lock:
        if lock is None:
            return False
        partial = tree.with_suffix(".part")
        if place == tree:
            shutil.rmtree(partial, ignore_errors=True)
            tree.rename(partial)
        shutil.rmtree(partial, ignore_errors=True)
        if not tree.exists():
            lock_of(tree).unlink(missing_ok=True)  # while it is locked: see `_taken`
        return True


def _unpack(tree: Path, layers: Sequence[Path], lock: int) -> None:
    partial = tree.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for each in layers:
        unpack(each, partial)
    os.pwrite(lock, f"{_measure(partial)}\n".encode(), 0)
    partial.rename(tree)
    os.utime(tree)


def _known_size(place: Path) -> int:
    try:
        return int(lock_of(place).read_text())
    except (OSError, ValueError):  # a `.part`, or a tree that an earlier version has made
        return _measure(place)


def _measure(tree: Path) -> int:
    """Bytes on the disk."""
    total = 0
    for folder, _, files in os.walk(tree):
        for each in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - thousands of files
            with suppress(FileNotFoundError):
                total += os.lstat(each).st_blocks * 512
    return total


def _age(tree: Path) -> float:
    try:
        return time.time() - tree.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


# -- locks


@contextmanager
def _alone(tree: Path) -> Iterator[int | None]:
    """The tree's lock for nobody else, as a descriptor; None when somebody has it."""
    lock = os.open(lock_of(tree), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock if _taken(lock, tree, fcntl.LOCK_EX) else None
    finally:
        os.close(lock)


def _shared(tree: Path) -> int | None:
    """The lock of a tree that is there, shared with others; None when there is no tree, or somebody has it alone."""
    try:
        lock = os.open(lock_of(tree), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    if tree.exists() and _taken(lock, tree, fcntl.LOCK_SH) and tree.exists():
        return lock
    os.close(lock)
    return None


def _taken(lock: int, tree: Path, kind: int) -> bool:
    """Whether the lock could be had at once, and is that of the file as it is now: it goes with its tree."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
        return os.fstat(lock).st_ino == lock_of(tree).stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
