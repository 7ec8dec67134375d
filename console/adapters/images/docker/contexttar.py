"""A build context as a tar, piece by piece: for the classic builder, which reads no folder."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from console.adapters.images.context import Entry, read_context
from console.model.errors import BuildError
from console.model.stack import BuildSource

ADDED = ".stack-console.Dockerfile"
"""The name in the tar of a Dockerfile that is not part of its context."""
_IGNORE = ".dockerignore"
_PIECE = 1 << 20


async def context_tar(source: BuildSource) -> tuple[str, AsyncIterator[bytes]]:
    """The name of the Dockerfile in the tar, and the tar: the context after its .dockerignore.

    Raises:
        BuildError: a file cannot be read; also while the tar is read.
    """
    entries = await asyncio.to_thread(read_context, source.context, source.dockerfile)
    for entry in entries:
        if entry.source == source.dockerfile:
            return entry.path, _pieces(entries, {})
    # The engine takes out again what a .dockerignore names, once it has read the Dockerfile.
    ignored = await asyncio.to_thread(_ignored, entries)
    added = {ADDED: await asyncio.to_thread(source.dockerfile.read_bytes), _IGNORE: ignored}
    return ADDED, _pieces(entries, added)


async def _pieces(entries: Sequence[Entry], added: Mapping[str, bytes]) -> AsyncIterator[bytes]:
    for entry in entries:
        if entry.path not in added:
            async for piece in _entry(entry):
                yield piece
    for name, content in added.items():
        info = tarfile.TarInfo(name)
        info.size = len(content)
        yield _header(info) + content + _padding(len(content))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _ignored(entries: Sequence[Entry]) -> bytes:
    """The .dockerignore of the context if that is part of it, and the names that are only in the tar."""
    own = next((entry for entry in entries if entry.path == _IGNORE), None)
    return f"{own.source.read_text()}\n{ADDED}\n".encode() if own else f"{_IGNORE}\n{ADDED}\n".encode()


async def _entry(entry: Entry) -> AsyncIterator[bytes]:
    info = tarfile.TarInfo(entry.path)
    # No time: the builder's cache looks at contents alone, and so does the image's tag.
    info.mode = entry.info.st_mode & 0o7777
    if entry.is_folder:
        info.type = tarfile.DIRTYPE
    elif entry.is_link:
        info.type, info.linkname = tarfile.SYMTYPE, str(entry.source.readlink())
    else:
        info.size = entry.info.st_size
    yield _header(info)
    if info.size:
        async for piece in _content(entry.source, info.size):
            yield piece
        yield _padding(info.size)


async def _content(file: Path, size: int) -> AsyncIterator[bytes]:
    left = size
    with await asyncio.to_thread(file.open, "rb") as content:
        while left:
            piece = await asyncio.to_thread(content.read, min(left, _PIECE))
            if not piece:
                raise BuildError("the build context changed while it was read", where=str(file), hint="build again")
            left -= len(piece)
            yield piece


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
