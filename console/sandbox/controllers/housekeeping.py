"""What is done once in a while: old Events go."""

from __future__ import annotations

import asyncio

from console.sandbox.api.machinery import Machinery

EVERY = 60.0
"""Seconds between two rounds."""


async def keep_house(machinery: Machinery) -> None:
    """Removes expired Events, until cancelled."""
    while True:
        more = machinery.expire_events()
        await asyncio.sleep(0 if more else EVERY)
