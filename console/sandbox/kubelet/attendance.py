"""What goes on while a container's process runs: its hooks, its probes, and the way it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.kubelet import hooks, listening
from console.sandbox.kubelet.host import Host
from console.sandbox.kubelet.launching import Launcher
from console.sandbox.kubelet.prober import Prober
from console.sandbox.kubelet.probes import Target
from console.sandbox.kubelet.process import Exit, Process
from console.sandbox.kubelet.shim import descendants
from console.sandbox.kubelet.state import ContainerState

log = logging.getLogger(__name__)
LOOK_AFTER = 2.0
"""Seconds from a container's start until it is looked at where it listens."""
SHORTEST_GRACE = 2.0
"""Seconds that a container has at least after its stop signal (`minimumGracePeriodInSeconds`)."""

Tell = Callable[[str, str, str], None]
"""Records an Event about the container: type, reason, message."""


class Attendance:
    """Follows one process of one container.

    Args:
        host: the node.
        pod: the pod's object as it was bound.
        state: is kept current.
        launcher: runs commands beside the process.
        process: the process.
        address: of the pod.
        tell: records Events.
        changed: is told whenever the state has changed.
    """

    def __init__(
        self,
        host: Host,
        pod: Object,
        state: ContainerState,
        launcher: Launcher,
        process: Process,
        address: str,
        tell: Tell,
        changed: Callable[[], None],
    ) -> None:
        self.process = process
        self._host, self._pod, self._state, self._launcher = host, pod, state, launcher
        self._tell, self._changed = tell, changed
        self._stopping = False
        self._ending: asyncio.Task[None] | None = None
        self._target = Target(address, state.spec, self._command)

    async def run(self, fresh: bool) -> Exit:
        """Until the process has ended; `fresh` is False for one that an earlier daemon has started."""
        tasks: list[asyncio.Task[None]] = []
        if fresh or self.process.alive:  # what has ended meanwhile is not ready, not even for a moment
            tasks.append(asyncio.create_task(self._care(fresh), name=f"care of {self._state.name}"))
        try:
            return await self.process.wait()
        finally:
            for each in tasks:
                each.cancel()
                each.add_done_callback(_complain)
            tasks += [self._ending] if self._ending else []
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _command(self, command: list[str], seconds: float) -> tuple[int | None, str]:
        return await self._launcher.run(self.process.pid, command, seconds)

    # -- care

    async def _care(self, fresh: bool) -> None:
        spec = self._state.spec
        hook = (spec.get("lifecycle") or {}).get("postStart")
        if fresh and hook and not await self._after_start(hook):
            return
        if spec.get("startupProbe") and not (self._state.started and not fresh):
            await self._prober("Startup", self._startup_settled).run()
        else:
            self._started()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look(), name="a look at the ports")
            if self._state.started and spec.get("readinessProbe"):
                group.create_task(self._prober("Readiness", self._readiness_settled).run(), name="readiness")
            if self._state.started and spec.get("livenessProbe"):
                group.create_task(self._prober("Liveness", self._liveness_settled).run(), name="liveness")

    async def _look(self) -> None:
        """Once it has settled: does it listen where only one pod can?"""
        await asyncio.sleep(LOOK_AFTER)
        pids = list(descendants(self.process.shim))
        for port in await asyncio.to_thread(listening.everywhere, pids):
            self._tell("Warning", "ListensEverywhere", listening.advice_everywhere(self._state.name, port))

    async def _after_start(self, hook: Object) -> bool:
        try:
            await hooks.run(hook, self._target, self._host.probes)
        except hooks.HookError as error:
            self._tell("Warning", "FailedPostStartHook", f"PostStartHook failed: {error}")
            self._kill("FailedPostStartHook", None)
            return False
        return True

    def _started(self) -> None:
        self._state.started = True
        if not self._state.spec.get("readinessProbe"):
            self._state.ready = True
        self._changed()

    def _prober(self, kind: str, settled: Callable[[bool], None]) -> Prober:
        metadata = self._pod["metadata"]
        age = (times.now() - times.parse(self.process.since)).total_seconds()
        labels = (self._state.name, metadata["namespace"], metadata["name"], metadata["uid"])
        return Prober(
            kind=kind,
            spec=self._state.spec[f"{kind.lower()}Probe"],
            target=self._target,
            probes=self._host.probes,
            tally=self._host.tally,
            labels=labels,
            scale=self._host.scale,
            age=age,
            known={"Startup": None, "Readiness": self._state.ready, "Liveness": True}[kind],
            settled=settled,
            failed=self._unhealthy,
        )

    def _unhealthy(self, message: str) -> None:
        if not self._stopping or message.startswith("Readiness"):
            self._tell("Warning", "Unhealthy", message)

    def _startup_settled(self, ok: bool) -> None:
        self._started() if ok else self._kill("startup probe", self._state.spec["startupProbe"])

    def _readiness_settled(self, ok: bool) -> None:
        self._state.ready = ok
        self._changed()

    def _liveness_settled(self, ok: bool) -> None:
        if not ok:
            self._kill("liveness probe", self._state.spec["livenessProbe"])

    # -- the end

    def _kill(self, what: str, probe: Object | None) -> None:
        """Ends the container because something of it failed; its restart policy decides what follows."""
        if self._stopping:
            return
        own = (probe or {}).get("terminationGracePeriodSeconds")
        grace = self._pod["spec"].get("terminationGracePeriodSeconds", 30) if own is None else own
        why = f"failed {what}, will be restarted" if probe else what
        self.stop(float(grace), f"Container {self._state.name} {why}" if probe else why)

    def stop(self, grace: float, message: str = "") -> None:
        """Begins to end the process: preStop, stop signal, and SIGKILL after `grace` seconds; again: only sooner."""
        if self._stopping:
            asyncio.get_running_loop().call_later(grace, self.process.kill)
            return
        self._stopping = True
        self._tell("Normal", "Killing", message or f"Stopping container {self._state.name}")
        self._ending = asyncio.create_task(self._end(grace), name=f"end of {self._state.name}")

    async def _end(self, grace: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        hook = (self._state.spec.get("lifecycle") or {}).get("preStop")
        if hook and grace:
            await self._before_stop(hook, grace)
        self.process.signal(_number(self._launcher.stop_signal))
        left = max(deadline - loop.time(), SHORTEST_GRACE if grace else 0.0)
        try:
            async with asyncio.timeout(left):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()

    async def _before_stop(self, hook: Object, grace: float) -> None:
        try:
            async with asyncio.timeout(grace):
                await hooks.run(hook, self._target, self._host.probes)
        except TimeoutError:
            self._tell("Warning", "FailedPreStopHook", f"PreStopHook did not complete within {grace:g} seconds")
        except hooks.HookError as error:
            self._tell("Warning", "FailedPreStopHook", f"PreStopHook failed: {error}")


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error("%s failed", task.get_name(), exc_info=task.exception())


def _number(name: str) -> int:
    """A signal by name (`SIGQUIT`, `QUIT`, `3`), as images have it; SIGTERM for what is none."""
    if name.isdigit():
        return int(name)
    full = name if name.startswith("SIG") else f"SIG{name}"
    return int(signal.Signals[full]) if full in signal.Signals.__members__ else int(signal.SIGTERM)
