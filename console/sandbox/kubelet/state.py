"""What a kubelet knows of a pod's containers while it runs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.kubelet.process import Exit


class Waiting(NamedTuple):
    """Why a container does not run."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended; moments are RFC 3339."""

    code: int
    reason: str
    message: str = ""
    signal: int = 0
    started: str | None = None
    finished: str | None = None
    container_id: str = ""

    @classmethod
    def of(cls, exit_: Exit, started: str, message: str, container_id: str) -> Ended:
        """The end of a process, with the reason that Kubernetes gives."""
        reason = "OOMKilled" if exit_.oom else "Completed" if exit_.code == 0 else "Error"
        finished = times.time(datetime.fromtimestamp(exit_.finished, UTC) if exit_.finished else None)
        return cls(exit_.code, reason, message, exit_.signal, started, finished, container_id)

    @classmethod
    def read(cls, terminated: Object) -> Ended:
        """From `state.terminated` of a status."""
        return cls(
            code=terminated.get("exitCode", 0),
            reason=terminated.get("reason", ""),
            message=terminated.get("message", ""),
            signal=terminated.get("signal", 0),
            started=terminated.get("startedAt"),
            finished=terminated.get("finishedAt"),
            container_id=terminated.get("containerID", ""),
        )

    def record(self) -> Object:
        """The form of `state.terminated`."""
        found = {
            "exitCode": self.code,
            "reason": self.reason,
            "message": self.message,
            "signal": self.signal,
            "startedAt": self.started,
            "finishedAt": self.finished,
            "containerID": self.container_id,
        }
        return {key: value for key, value in found.items() if value or key == "exitCode"}


@dataclass(slots=True)
class ContainerState:
    """One container as it is now.

    Attributes:
        spec: the container as the pod has it.
        init: it runs before the others; with `sidecar` it then stays.
        waiting, running_since, ended: exactly one of them holds; `running_since` is RFC 3339.
        last: how it ended the time before.
        started: its startup probe has succeeded, and its postStart hook is through.
        ready: its readiness probe says so.
    """

    spec: Object
    init: bool = False
    waiting: Waiting | None = field(default_factory=lambda: Waiting("ContainerCreating"))
    running_since: str | None = None
    ended: Ended | None = None
    last: Ended | None = None
    restarts: int = 0
    started: bool = False
    ready: bool = False
    image_id: str = ""
    container_id: str = ""

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def sidecar(self) -> bool:
        """An init container that goes on running (KEP-753)."""
        return self.init and self.spec.get("restartPolicy") == "Always"

    @property
    def running(self) -> bool:
        """Its process is there."""
        return self.running_since is not None

    def wait(self, reason: str, message: str = "") -> None:
        """It does not run, and why; how it ended moves to `last`."""
        if self.ended:
            self.last, self.ended = self.ended, None
        self.waiting, self.running_since = Waiting(reason, message), None
        self.started = self.ready = False

    def run(self, since: str, container_id: str) -> None:
        """Its process runs."""
        if self.ended:
            self.last = self.ended
        self.waiting = self.ended = None
        self.running_since, self.container_id = since, container_id

    def end(self, ended: Ended) -> None:
        """Its process has ended."""
        self.waiting = self.running_since = None
        self.ended = ended
        self.started = self.ready = False

    @classmethod
    def restore(cls, spec: Object, init: bool, status: Object | None) -> ContainerState:
        """As a status that was written before says; whether it still runs has to be seen."""
        made = cls(spec, init)
        if not status:
            return made
        made.restarts = status.get("restartCount", 0)
        made.image_id, made.container_id = status.get("imageID", ""), status.get("containerID", "")
        if last := (status.get("lastState") or {}).get("terminated"):
            made.last = Ended.read(last)
        state = status.get("state") or {}
        if terminated := state.get("terminated"):
            made.end(Ended.read(terminated))
        elif running := state.get("running"):
            made.run(running.get("startedAt") or times.time(), made.container_id)
            made.started, made.ready = bool(status.get("started")), bool(status.get("ready"))
        return made
