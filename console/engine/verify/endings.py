"""Deletes one pod of a service under load, and watches how it ends."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from console.engine.ports import World
from console.engine.verify.meanwhile import requests_meanwhile
from console.model.events import Fact, PodGone, PodObserved
from console.model.plan import ObjectRef
from console.model.podspec import pod_spec
from console.model.verify.disturbed import Ending
from console.model.workload import Pod

if TYPE_CHECKING:
    from console.engine.service import Engine
    from console.engine.verify.hands import Hands

_OVERDUE = 30.0
"""Seconds after the grace period that a kubelet gets to tell that the pod is gone."""
_COMES_BACK = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet"})


async def end_one(engine: Engine, world: World, hands: Hands, service: str) -> Ending | None:
    """How the newest pod of a service ends; None if it has none that would come back."""
    pods = [pod for pod in engine.store.view().pods.values() if pod.service == service and pod.ready]
    pods = sorted((pod for pod in pods if pod.owner_kind in _COMES_BACK), key=lambda pod: pod.created)
    if not pods:
        return None
    pod = pods[-1]
    ref = ObjectRef("v1", "Pod", pod.namespace, pod.name)
    grace = await _grace(world, ref)
    watch = _Watch(pod)
    leave = engine.store.subscribe(watch.hear)
    try:
        async with requests_meanwhile(engine, world, hands, f"{pod.name} deleted") as work:
            began = time.monotonic()
            await world.cluster.delete(ref, uid=pod.uid)
            gone = await watch.until_gone(grace + _OVERDUE)
            took = time.monotonic() - began if gone else None
    finally:
        leave()
    return Ending(service, pod.name, grace, took, watch.codes(), work.load, alone=len(pods) == 1)


async def _grace(world: World, ref: ObjectRef) -> float:
    found = (pod_spec(await world.cluster.get(ref) or {"kind": "Pod"}) or {}).get("terminationGracePeriodSeconds")
    return 30.0 if found is None else float(found)


class _Watch:
    """The last that is told of a pod."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._gone = asyncio.Event()

    def hear(self, fact: Fact) -> None:
        """Takes a fact of the store."""
        if isinstance(fact, PodObserved) and fact.pod.uid == self._pod.uid:
            self._pod = fact.pod
        elif isinstance(fact, PodGone) and fact.uid == self._pod.uid:
            self._gone.set()

    async def until_gone(self, seconds: float) -> bool:
        """Whether it is gone within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return False
        return True

    def codes(self) -> tuple[tuple[str, int], ...]:
        """Exit codes by container, of those whose end was told."""
        return tuple((each.name, each.ended.exit_code) for each in self._pod.containers if each.ended and not each.init)
