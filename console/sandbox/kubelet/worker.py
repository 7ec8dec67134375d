"""One pod: its address and volumes, its containers in their order, its end. One task a pod."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.resources import Object
from console.sandbox.kubelet.backoff import BackOff
from console.sandbox.kubelet.container import Container
from console.sandbox.kubelet.containers import Containers
from console.sandbox.kubelet.host import ADDRESS, Host
from console.sandbox.kubelet.launching import Launcher
from console.sandbox.kubelet.references import References
from console.sandbox.kubelet.state import ContainerState
from console.sandbox.kubelet.status import PodState, pod_status
from console.sandbox.kubelet.volumes import MountError, Volumes
from console.sandbox.store import Key

log = logging.getLogger(__name__)
NOT_ENFORCED = "sandbox/not-enforced"
"""The annotation that says which fields of a pod have no effect here."""
FIRST_MOUNT_RETRY, LONGEST_MOUNT_RETRY = 0.5, 122.0
OVERDUE = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


class PodWorker:
    """Runs one pod of a node.

    Args:
        host: the node.
        pod: the pod's object.
    """

    def __init__(self, host: Host, pod: Object) -> None:
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self.key = Key("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        self.folder = host.pods / self.uid
        self._host = host
        self._news = asyncio.Event()
        self._gone = False
        self._silent = False
        self._pending: asyncio.Handle | None = None
        known = (pod.get("status") or {}).get(
            "podIP", ""
        )  # of another range when this cluster had to move to a new one
        address = known if host.addresses.holds(known) else host.addresses.take()
        self.state = PodState.restore(pod, address, ADDRESS)
        references = References(host.machinery, pod, self.state.address, ADDRESS, host.allocatable)
        self.volumes = Volumes(self.folder / "volumes", pod, references)
        made = {
            each.name: Container(host, pod, each, self._launcher(each, references), self.state.address, self.changed)
            for each in self.state.all
        }
        self.containers = Containers(self.state, made, self.changed)

    def _launcher(self, state: ContainerState, references: References) -> Launcher:
        return Launcher(self._host, self.pod, state.spec, self.volumes, references, self.folder)

    # -- what the node tells

    def update(self, pod: Object) -> None:
        """The pod's object has changed."""
        self.pod = pod
        self._news.set()
        if pod["spec"].get("readinessGates"):
            self.changed()

    def remove(self) -> None:
        """The pod's object is gone."""
        self._gone = True
        self._news.set()

    def refresh(self) -> None:
        """A ConfigMap or Secret that volumes are made of has changed."""
        if not self.state.prepared:
            self._news.set()
            return
        try:
            self.volumes.mount()
        except MountError as error:
            self._host.event(self.pod, "Warning", "FailedMount", str(error))

    @property
    def _grace(self) -> float | None:
        """Seconds left to end in; None while the pod is not to end."""
        if self._gone:
            return 0.0
        if not self.pod["metadata"].get("deletionTimestamp"):
            return None
        return float(self.pod["metadata"].get("deletionGracePeriodSeconds") or 0)

    # -- status

    def changed(self) -> None:
        """Something of the state has changed: it is written soon, several changes at once."""
        self.containers.progress.set()
        if self._pending is None:
            self._pending = asyncio.get_running_loop().call_soon(self._write)

    def resume(self) -> None:
        """The status that an earlier daemon has left is made true before anyone reads it."""
        if not self._over:
            self.containers.doubt()
            self._write()

    @property
    def _over(self) -> bool:
        return (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    def _write(self) -> None:
        self._pending = None
        if self._gone or self._silent:
            return

        def change(obj: Object) -> None:
            if obj["metadata"]["uid"] == self.uid:
                obj["status"] = pod_status(obj, self.state)

        try:
            self._host.machinery.mutate(*self.key, change, subresource="status")
        except StatusError as error:
            if error.code != 404:
                log.warning("pod %s/%s: status: %s", self.key.namespace, self.key.name, error.message)

    # -- the life

    async def run(self) -> None:
        """From the pod's arrival until nothing of it is left."""
        if self._over:
            self.state.final = True
        else:
            self._say_not_enforced()
            self.changed()
            await self._live()
        while self._grace is None:
            self._news.clear()
            await self._news.wait()
        await self._leave()

    async def _live(self) -> None:
        """Runs the containers until they have ended for good, or the pod has to end."""
        work = asyncio.create_task(self._work(), name=f"pod {self.key.namespace}/{self.key.name}")
        try:
            await self._until_over(work)
        finally:
            if not work.done():
                work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        if not work.cancelled() and (problem := work.exception()):
            raise problem
        await self._end(self._grace)
        self.state.final = True
        self._write()

    async def _until_over(self, work: asyncio.Task[None]) -> None:
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        over = times.parse(self.state.start_time) + timedelta(seconds=limit) if limit is not None else None
        while not work.done() and self._grace is None:
            self._news.clear()
            news = asyncio.create_task(self._news.wait(), name="news of the pod")
            left = (over - times.now()).total_seconds() if over else None
            if left is not None and left <= 0:
                self.state.failure = OVERDUE
            else:
                await asyncio.wait((work, news), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            if self.state.failure:
                self._host.event(self.pod, "Normal", *OVERDUE)
                return

    async def _work(self) -> None:
        await self._mount()
        await self.containers.run()

    async def _mount(self) -> None:
        back_off = BackOff(self._host.scale, FIRST_MOUNT_RETRY, LONGEST_MOUNT_RETRY)
        for state in self.state.mains if self.state.inits else ():
            if state.waiting:
                state.wait("PodInitializing")
        while True:
            try:
                await asyncio.to_thread(self.folder.mkdir, mode=0o700, parents=True, exist_ok=True)
                self.volumes.mount()
                break
            except MountError as error:
                self._host.event(self.pod, "Warning", "FailedMount", str(error))
            await asyncio.sleep(back_off.again(asyncio.get_running_loop().time()))
        self.state.prepared = True
        self.changed()

    # -- the end

    async def _end(self, grace: float | None) -> None:
        seconds = self.pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        hasten = asyncio.create_task(self._hasten(), name=f"grace of {self.key.name}")
        try:
            await self.containers.stop(float(seconds))
        finally:
            hasten.cancel()

    async def _hasten(self) -> None:
        """A second request to end, with less grace, shortens the end that goes on."""
        known = self._grace
        while True:
            self._news.clear()
            await self._news.wait()
            grace = self._grace
            if grace is not None and (known is None or grace < known):
                known = grace
                self.containers.hasten(grace)

    async def _leave(self) -> None:
        """Nothing runs: the object goes, if it has not, and all that the pod had."""
        if not self._gone:
            try:
                self._host.machinery.delete(*self.key, grace=0, uid=self.uid)
            except StatusError as error:
                if error.code not in (404, 409):
                    raise
        self._host.tally.forget(self.uid)
        self._host.addresses.release(self.state.address)
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def shut_down(self, longest: float) -> None:
        """The node stops: ends the processes, and leaves the object as it is; the next start goes on from there."""
        self._silent = True
        grace = min(float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)), longest)
        await self._end(grace)

    async def abandon(self) -> None:
        """Stops to work without touching the processes: another worker takes them over."""
        self._silent = True
        await self.containers.abandon()

    def successor(self) -> PodWorker:
        """A worker that begins anew with what is known of the pod now."""
        made = PodWorker(self._host, self.pod)
        made._gone = self._gone
        return made

    def _say_not_enforced(self) -> None:
        fields = ", ".join(self._host.mode.unenforced(self.pod))
        if not fields or NOT_ENFORCED in (self.pod["metadata"].get("annotations") or {}):
            return
        note = f"{fields} (pod mode {self._host.mode.name})"

        def change(obj: Object) -> None:
            if obj["metadata"]["uid"] == self.uid:
                obj["metadata"].setdefault("annotations", {})[NOT_ENFORCED] = note

        with suppress(StatusError):  # it may be gone already
            self._host.machinery.mutate(*self.key, change)
