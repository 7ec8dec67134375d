"""Digests of files, remembered by time, size and inode, so that an unchanged context costs a walk and no reading."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from hashlib import blake2b, file_digest
from pathlib import Path

import msgspec

# A file changed this recently may change again without its time moving on (the same tick of the clock).
_SETTLED_NS = 2_000_000_000
_Remembered = dict[str, tuple[int, int, int, str]]


class FileHashes:
    """The digests of one context's files. Not for two threads at once.

    Args:
        folder: where digests are kept between runs; None keeps none.
        root: the context; each has a file of its own.
    """

    def __init__(self, folder: Path | None, root: Path) -> None:
        name = blake2b(str(root.absolute()).encode(), digest_size=16).hexdigest()
        self._file = folder / f"{name}.json" if folder else None
        self._known = self._read()
        self._used: _Remembered = {}

    def of(self, file: Path, info: os.stat_result) -> str:
        """The file's digest. Raises OSError if it cannot be read."""
        path, stamp = str(file), (info.st_mtime_ns, info.st_size, info.st_ino)
        known = self._known.get(path)
        if known and known[:3] == stamp:
            digest = known[3]
        else:
            with file.open("rb") as content:
                digest = file_digest(content, lambda: blake2b(digest_size=32)).hexdigest()
        if time.time_ns() - info.st_mtime_ns > _SETTLED_NS:
            self._used[path] = (*stamp, digest)
        return digest

    def save(self) -> None:
        """Keeps what was used; another console that saves at the same time does no harm. A full disk is no error."""
        if self._file is None or self._used == self._known:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._file.parent)
            with os.fdopen(handle, "wb") as new:
                new.write(msgspec.json.encode(self._used))
            Path(name).replace(self._file)

    def _read(self) -> _Remembered:
        if self._file is None:
            return {}
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Remembered)
        except (OSError, msgspec.MsgspecError):
            return {}
