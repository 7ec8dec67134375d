"""The containers of a pod: started in their order, and stopped in theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from console.sandbox.kubelet.container import Container
from console.sandbox.kubelet.state import ContainerState
from console.sandbox.kubelet.status import PodState


class Containers:
    """All containers of one pod.

    Args:
        state: of the pod.
        by_name: the containers.
        changed: is told whenever the state has changed.

    Attributes:
        progress: is set whenever something of a container has changed.
    """

    def __init__(self, state: PodState, by_name: Mapping[str, Container], changed: Callable[[], None]) -> None:
        self.by_name = by_name
        self.progress = asyncio.Event()
        self._state, self._changed = state, changed

    async def run(self) -> None:
        """The init containers one after the other, then all others together, until all have ended for good."""
        for state in self._state.inits:
            task = self.by_name[state.name].start()
            if state.sidecar:
                await self._started(state)
                continue
            await _ended([task])
            if not (state.ended and state.ended.code == 0):
                return
        for state in self._state.mains:
            if state.waiting and state.waiting.reason == "PodInitializing":
                state.wait("ContainerCreating")
        self._changed()
        await _ended([self.by_name[each.name].start() for each in self._state.mains])

    async def _started(self, state: ContainerState) -> None:
        while not state.started:
            self.progress.clear()
            await self.progress.wait()

    async def stop(self, grace: float) -> None:
        """Stops what runs: the containers together, then the sidecars, the last one first."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        await self._stop((each for each in self._state.all if not each.sidecar), grace)
        for state in reversed(self._state.inits):
            if state.sidecar:
                await self._stop([state], max(deadline - loop.time(), 0.0))

    async def _stop(self, states: Iterable[ContainerState], grace: float) -> None:
        await asyncio.gather(*(self.by_name[each.name].stop(grace) for each in states))

    def hasten(self, grace: float) -> None:
        """Shortens the grace of a stop that goes on."""
        for each in self.by_name.values():
            each.hasten(grace)

    async def abandon(self) -> None:
        """Stops to follow them; their processes go on."""
        await asyncio.gather(*(each.abandon() for each in self.by_name.values()))

    def doubt(self) -> None:
        """What an earlier daemon has written down of them is true only while their processes are there."""
        for each in self.by_name.values():
            each.doubt()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """Waits for tasks without owning them: a cancellation of the waiting one leaves them alone."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for each in done:
        if not each.cancelled():
            each.result()
