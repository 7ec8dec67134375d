"""The kubelet's probe counters, read again and again: what differs since the last time are the results."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from console.engine.ports import Cluster, ProbeCount
from console.engine.store import Store
from console.model.errors import NotFoundError, UnreachableError
from console.model.events import Fact, ProbeObserved
from console.model.probing import Counts, from_counts, passing
from console.model.state import View
from console.model.workload import ProbeKind, ProbeSource

_AT_ONCE = 8
_Key = tuple[str, str, ProbeKind]


class ProbeCounters:
    """Reads the counters of every node that has pods of the namespace.

    Args:
        cluster: where.
        namespace: whose pods.
        store: gets the results.
    """

    def __init__(self, cluster: Cluster, namespace: str, store: Store) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._store = store
        self._seen: dict[_Key, Counts] = {}
        self._without: set[str] = set()
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def read(self, at: float) -> None:
        """One round; `at` is the time that results are told with.

        Raises:
            DeniedError: the right to get nodes/proxy is missing: events and the status have to do.
        """
        view = self._store.view()
        nodes = {pod.node for pod in view.pods.values() if pod.node and any(each.probes for each in pod.containers)}
        rounds = [self._read_node(node) for node in nodes - self._without]
        found = [count for counts in await asyncio.gather(*rounds) for count in counts]
        self._seen = {key: counts for key, counts in self._seen.items() if key[0] in view.pods}
        if told := self._compare(found, self._store.view(), at):
            self._store.dispatch(*told)

    async def _read_node(self, node: str) -> Sequence[ProbeCount]:
        async with self._gate:
            try:
                return await self._cluster.probe_counters(node, self._namespace)
            except NotFoundError:
                # A node whose kubelet counts nothing (virtual ones).
                self._without.add(node)
            except UnreachableError:
                # One node that does not answer is no reason to learn nothing of the others.
                pass
            return ()

    def _compare(self, found: Sequence[ProbeCount], view: View, at: float) -> list[Fact]:
        told: list[Fact] = []
        for count in found:
            pod = view.pods.get(count.pod_uid)
            container = next((each for each in pod.containers if each.name == count.container), None) if pod else None
            if container is None:
                continue
            key, now = (count.pod_uid, count.container, count.kind), (count.ok, count.failed)
            last = view.probes.get(count.pod_uid, {}).get((count.container, count.kind))
            before, self._seen[key] = self._seen.get(key), now
            known = last if last and last.source is ProbeSource.METRICS else None
            result = from_counts(count.kind, before, now, known or last, passing(container, count.kind), at)
            if result:
                told.append(ProbeObserved(count.pod_uid, count.container, result))
        return told
