"""The connections to an API server: the system watches over each, and what was idle for long is not used again."""

from __future__ import annotations

import socket
from typing import Any, Final

import aiohttp

from console.adapters.kubernetes.pulse import QUIET

# The system gives a connection up whose other side is silent for ten seconds, though asked every three (tcp(7)).
_ALIVE: Final = {
    "TCP_KEEPIDLE": 4,
    "TCP_KEEPALIVE": 4,
    "TCP_KEEPINTVL": 3,
    "TCP_KEEPCNT": 2,
    "TCP_USER_TIMEOUT": 10_000,
}


def connector(rest: Any) -> aiohttp.TCPConnector:
    """The connections of the official client's REST part (`RESTClientObject`), in place of its own."""
    return aiohttp.TCPConnector(
        limit=rest.maxsize, ssl=rest.ssl_context, keepalive_timeout=QUIET, socket_factory=_socket
    )


def _socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _ALIVE.items():
        if (option := getattr(socket, name, None)) is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
