"""The operating system's words for an error, where asyncio and aiohttp put their own in their place."""

from __future__ import annotations

import os
import socket


def system_words(error: OSError) -> str:
    """`Connection refused` rather than `Connect call failed ('127.0.0.1', 6443)`."""
    if isinstance(error, socket.gaierror) or not error.errno or error.errno < 0:
        return error.strerror or str(error)
    return os.strerror(error.errno)
