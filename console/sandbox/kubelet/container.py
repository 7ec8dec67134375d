"""One container of a pod: started, followed, stopped, and started again, as its pod's restart policy says."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.kubelet import listening
from console.sandbox.kubelet.attendance import Attendance
from console.sandbox.kubelet.backoff import BackOff, go_duration
from console.sandbox.kubelet.host import Host
from console.sandbox.kubelet.images import Image
from console.sandbox.kubelet.launching import Launcher
from console.sandbox.kubelet.process import Exit, Order, Process, StartError
from console.sandbox.kubelet.pulling import Puller
from console.sandbox.kubelet.references import MissingError
from console.sandbox.kubelet.state import ContainerState, Ended

log = logging.getLogger(__name__)
CONFIG_RETRY = 10.0
"""Seconds until a ConfigMap or Secret that was missing is looked for again."""


class Container:
    """Runs one container until it has ended for good, or is stopped.

    Args:
        host: the node.
        pod: the pod's object as it was bound.
        state: is kept current.
        launcher: prepares its process.
        address: of the pod.
        changed: is told whenever the state has changed.
    """

    def __init__(
        self,
        host: Host,
        pod: Object,
        state: ContainerState,
        launcher: Launcher,
        address: str,
        changed: Callable[[], None],
    ) -> None:
        self.state, self.launcher = state, launcher
        self._host, self._pod, self._address, self._changed = host, pod, address, changed
        self._back_off = BackOff(host.scale)
        self._puller = Puller(host, state, self.event, changed)
        self._attendance: Attendance | None = None
        self._stopping = False
        self._grace = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def process(self) -> Process | None:
        """Its process, while there is one."""
        return self._attendance.process if self._attendance else None

    def event(self, type_: str, reason: str, message: str) -> None:
        """Records an Event about this container."""
        field = f"spec.{'initContainers' if self.state.init else 'containers'}{{{self.state.name}}}"
        self._host.event(self._pod, type_, reason, message, field)

    def doubt(self) -> None:
        """What an earlier daemon has written down is true only while the process is there."""
        if self.state.running and not Process.runs(self.launcher.records):
            self.state.started = self.state.ready = False

    def start(self) -> asyncio.Task[None]:
        """Begins; the task ends when the container has ended for good."""
        name = f"container {self._pod['metadata']['name']}/{self.state.name}"
        self._task = asyncio.create_task(self._run(), name=name)
        return self._task

    async def stop(self, grace: float, message: str = "") -> None:
        """Ends it for good, and returns when nothing of it runs."""
        self._stopping, self._grace = True, grace
        if self._attendance:
            self._attendance.stop(grace, message)
        elif self._task:
            self._task.cancel()
        task = self._task or self.start()  # which finds, and ends, what an earlier daemon has left
        await asyncio.gather(task, return_exceptions=True)

    async def abandon(self) -> None:
        """Stops to follow it; its process goes on, and is found again."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def hasten(self, grace: float) -> None:
        """Shortens the grace of a stop that goes on."""
        if self._attendance:
            self._attendance.stop(grace)

    # -- the life

    async def _run(self) -> None:
        process, fresh = self._find(), False
        while process or not (self._stopping or self._through()):
            if process is None:
                process, fresh = await self._start(), True
            if process:
                await self._attend(process, fresh)
                process = None

    def _through(self) -> bool:
        """It has ended and is not started again."""
        ended = self.state.ended
        if ended is None or self.state.sidecar:
            return False
        policy = self._pod["spec"].get("restartPolicy", "Always")
        if policy == "Never" or (self.state.init and ended.code == 0):
            return True
        return bool(policy == "OnFailure" and ended.code == 0)

    def _find(self) -> Process | None:
        """What an earlier daemon has started, running or ended, as far as the status does not tell of its end."""
        state, process = self.state, Process.find(self.launcher.records)
        if process and (process.alive or state.running or self._news(process)):
            self.launcher.recover(process.record, process.environment)
            if process.record["mode"] != self._host.mode.name:
                process.kill()  # the sandbox was started anew with another mode
            state.restarts, state.container_id = process.restart, process.record["container_id"]
            return process
        if state.running:
            started, id_ = state.running_since, state.container_id
            state.end(Ended(255, "Unknown", started=started, finished=times.time(), container_id=id_))
        return None

    def _news(self, process: Process) -> bool:
        """The daemon was killed before it could write down that this process had started."""
        return process.restart > self.state.restarts or not (self.state.ended or self.state.last)

    async def _start(self) -> Process | None:
        """One try to start it, after the wait that is due; None when it failed, as the state then says."""
        await self._wait_turn()
        image = await self._puller.pull()
        order = await self._prepare(image)
        number = self.state.restarts + bool(self.state.ended or self.state.last)
        self.state.image_id = image.id
        self.state.container_id = f"sandbox://{secrets.token_hex(32)}"
        self.event("Normal", "Created", f"Created container: {self.state.name}")
        try:
            process = await self._spawn(order, number)
        except StartError as error:
            self.state.restarts = number
            self._not_started(error.message)
            return None
        self.state.restarts = number
        self.event("Normal", "Started", f"Started container {self.state.name}")
        if advice := listening.advice_low(self.state.spec, self._host.mode.lowest_port):
            self.event("Warning", "PrivilegedPort", advice)
        return process

    async def _wait_turn(self) -> None:
        """Waits as the back-off says, from the second start after an end on."""
        if not (self.state.ended or self.state.last):
            return
        seconds = self._back_off.next(asyncio.get_running_loop().time())
        if not seconds:
            return
        metadata, name = self._pod["metadata"], self.state.name
        full = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        self.event("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {full}")
        why = f"back-off {go_duration(seconds)} restarting failed container={name} pod={full}"
        self.state.wait("CrashLoopBackOff", why)
        self._changed()
        await asyncio.sleep(seconds)

    async def _prepare(self, image: Image) -> Order:
        """What to run; waits for ConfigMaps and Secrets that are missing."""
        while True:
            try:
                return self.launcher.prepare(image)
            except MissingError as error:
                self.event("Warning", "Failed", f"Error: {error}")
                self.state.wait("CreateContainerConfigError", str(error))
                self._changed()
            await asyncio.sleep(CONFIG_RETRY * self._host.scale)

    async def _spawn(self, order: Order, number: int) -> Process:
        about = {"restart": number, "since": times.micro_time(), "container_id": self.state.container_id}
        about |= self.launcher.record()
        self.launcher.drop_logs(number - 1)
        log_file = self.launcher.logs / f"{number}.log"
        starting = asyncio.create_task(Process.start(self.launcher.records, log_file, order, about))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(StartError):
                process = await starting
                process.kill()
                await process.wait()
            raise

    def _not_started(self, message: str) -> None:
        self.event("Warning", "Failed", f"Error: {message}")
        moment = times.time()
        id_ = self.state.container_id
        self.state.end(Ended(128, "StartError", message, started=None, finished=moment, container_id=id_))
        if not self._through():
            self.state.wait("RunContainerError", message)
        self._changed()

    async def _attend(self, process: Process, fresh: bool) -> None:
        self._attendance = Attendance(
            self._host, self._pod, self.state, self.launcher, process, self._address, self.event, self._changed
        )
        self.state.run(times.time(times.parse(process.since)), self.state.container_id)
        self._changed()
        if self._stopping:
            self._attendance.stop(self._grace)
        exit_ = await self._attendance.run(fresh)
        self._attendance = None
        self._ended(exit_)

    def _ended(self, exit_: Exit) -> None:
        if exit_.code and (advice := listening.advice_in_use(self.state.name, exit_.tail)):
            self.event("Warning", "AddressInUse", advice)
        message = self.launcher.message(exit_.code, exit_.tail)
        self.state.end(Ended.of(exit_, self.state.running_since or "", message, self.state.container_id))
        self._changed()
