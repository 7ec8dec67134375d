"""Whether the console still looks at the cluster that it was opened on: asked at the start and when it reconnects."""

from __future__ import annotations

import asyncio

from console.engine.ports import Clock, Cluster
from console.engine.store import Store
from console.model.errors import ConsoleError, RefusedError
from console.model.events import ClusterChecked, Fact, Relisted, WatchLost


async def keep_confirming(cluster: Cluster, store: Store, clock: Clock) -> None:
    """Tells the store when the context stands for another cluster, and when it is the right one again; until cancelled.

    Args:
        cluster: confirmed.
        store: says when the connection was lost or is back, and is told.
        clock: the time.
    """
    news = asyncio.Event()
    news.set()

    def hear(fact: Fact) -> None:
        if isinstance(fact, WatchLost | Relisted) and fact.resource == "pods":
            news.set()

    leave, told = store.subscribe(hear), ""
    try:
        while True:
            await news.wait()
            news.clear()
            found = await _mismatch(cluster)
            if found is not None and found != told:
                told = found
                store.dispatch(ClusterChecked(found, clock()))
    finally:
        leave()


async def _mismatch(cluster: Cluster) -> str | None:
    """What is not as it was, empty if nothing; None where that cannot be known now."""
    try:
        await cluster.confirm()
    except RefusedError as error:
        return f"{error.what}: {error.why}"
    except ConsoleError:
        # The watches tell that the cluster is out of sight.
        return None
    return ""
