"""Layers of images as they were packed: plain, or by gzip (OCI Image Format Specification 1.1, layer media types)."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from console.model.errors import PushError

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 1 << 20


async def unpacked(packed: AsyncIterator[bytes], media_type: str, name: str, most: int) -> AsyncIterator[bytes]:
    """The bytes of a blob, unpacked as its media type says.

    Raises:
        PushError: it is packed otherwise, is damaged, or has more than `most` bytes.
    """
    if "zstd" in media_type:
        raise PushError(f"{name} is not read", why=f"a layer is of {media_type}")
    unpack, size = zlib.decompressobj(_GZIP) if "gzip" in media_type else None, 0
    async for piece in packed:
        rest = piece
        while rest:
            try:
                plain = await asyncio.to_thread(unpack.decompress, rest, _PIECE) if unpack else rest
            except zlib.error as error:
                raise PushError(f"{name} is not read", why=f"a layer is damaged: {error}") from error
            rest = unpack.unconsumed_tail if unpack else b""
            size += len(plain)
            if size > most:
                raise PushError(f"{name} is not read", why=f"a layer has more than {most:,} bytes, unpacked")
            yield plain
