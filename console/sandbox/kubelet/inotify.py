"""Hearing from the system that something in a folder has changed (inotify(7))."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

_MODIFY, _MOVED_TO, _CREATE = 0x2, 0x80, 0x100  # <sys/inotify.h>
_EVENT = struct.Struct("iIII")
_PAUSE = 0.02
"""Seconds between two wake-ups: folders that change thousands of times a second wake their readers fifty times."""
_libc = ctypes.CDLL(None, use_errno=True)


class Changes:
    """The changes in one folder, inside of a `with`.

    Args:
        folder: one that exists.

    Raises:
        OSError: the folder is gone, or the system gives out no more watches.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._news = asyncio.Event()

    def __enter__(self) -> Changes:
        loop = asyncio.get_running_loop()
        watch = _watches.get(loop)
        if watch is None:
            watch = _watches[loop] = _Watch()
        self._watching = watch.watching(self._folder, self._news)
        self._watching.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._watching.__exit__(None, None, None)

    async def wait(self, end: asyncio.Future[Any]) -> None:
        """Returns once something has changed since the last call, or `end` is done."""
        news = asyncio.create_task(self._news.wait(), name=f"changes in {self._folder.name}")
        try:
            await asyncio.wait((news, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        self._news.clear()


class _Watch:
    """The one inotify instance of a loop (a user has few of them), open while anybody listens."""

    def __init__(self) -> None:
        self._file = -1
        self._listeners: dict[int, set[asyncio.Event]] = {}
        self._again: asyncio.TimerHandle | None = None

    @contextmanager
    def watching(self, folder: Path, news: asyncio.Event) -> Iterator[None]:
        """Sets `news` whenever a file in the folder is made, written or renamed."""
        if not self._listeners:
            self._open()
        number = self._add(folder)
        self._listeners.setdefault(number, set()).add(news)
        try:
            yield
        finally:
            self._listeners[number].discard(news)
            if not self._listeners[number]:
                del self._listeners[number]
                _libc.inotify_rm_watch(self._file, number)  # fails when the folder is gone, and the watch with it
            if not self._listeners:
                self._close()

    def _open(self) -> None:
        self._file = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")
        self._listen()

    def _add(self, folder: Path) -> int:
        try:
            events = _MODIFY | _MOVED_TO | _CREATE
            return _checked(_libc.inotify_add_watch(self._file, os.fsencode(folder), events), str(folder))
        except OSError:
            if not self._listeners:
                self._close()
            raise

    def _close(self) -> None:
        if self._again:
            self._again.cancel()
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)

    def _listen(self) -> None:
        self._again = None
        asyncio.get_running_loop().add_reader(self._file, self._changed)

    def _changed(self) -> None:
        data = os.read(self._file, 65536)
        while data:
            number, _, _, length = _EVENT.unpack_from(data)
            data = data[_EVENT.size + length :]
            for news in self._told(number):
                news.set()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._file)
        self._again = loop.call_later(_PAUSE, self._listen)

    def _told(self, number: int) -> set[asyncio.Event]:
        """Who listens to a watch; everybody when the system has lost some changes (IN_Q_OVERFLOW)."""
        return self._listeners.get(number, set()) if number >= 0 else set().union(*self._listeners.values())


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
