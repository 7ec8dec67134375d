"""A build context as a tar, piece by piece: for the classic builder, which reads no folder."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

from console.adapters.images.context import Entry, read_context
from console.model.errors import BuildError
from console.model.stack import BuildSource

DOCKERFILE = ".stack-console.Dockerfile"
"""The name of the Dockerfile in the tar: it may lie outside of the context."""
_PIECE = 1 << 20


async def context_tar(source: BuildSource) -> AsyncIterator[bytes]:
    """The context after its .dockerignore, and the Dockerfile. Raises BuildError: a file cannot be read."""
    for entry in await asyncio.to_thread(read_context, source.context, source.dockerfile):
        async for piece in _entry(entry):
            yield piece
    content = await asyncio.to_thread(source.dockerfile.read_bytes)
    info = tarfile.TarInfo(DOCKERFILE)
    info.size = len(content)
    yield _header(info) + content + _padding(len(content))
    yield bytes(2 * tarfile.BLOCKSIZE)


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
