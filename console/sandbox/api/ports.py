"""What the API server needs of others: the kubelets behind the node names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from console.sandbox.api.resources import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """Which part of a container's log is wanted (query of the pod's `log` subresource).

    Attributes:
        since: lines written at or after this moment (from sinceSeconds or sinceTime).
        tail_lines: only so many last lines; None for all.
        limit_bytes: stop after so many bytes.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None


class Session(Protocol):
    """A command that runs in a container, or an attachment to the container's own process.

    Output is read as `(stream, bytes)`, stream being `stdout` or `stderr`; with a terminal all of it is `stdout`.
    """

    def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Everything written, as it comes; ends when the process has ended and its output is read."""
        ...

    async def write(self, data: bytes) -> None:
        """Passes bytes to standard input."""
        ...

    async def close_input(self) -> None:
        """Ends standard input."""
        ...

    async def resize(self, columns: int, rows: int) -> None:
        """Tells the terminal its size."""
        ...

    async def wait(self) -> int:
        """The exit code, once the process has ended (128 + n after signal n)."""
        ...

    async def close(self) -> None:
        """Ends the process if it still runs (an attachment lets go); idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container uses now: CPU in cores over `window` seconds, memory in bytes."""

    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class PodUsage:
    """A pod's use by container name, measured at `time` over `window` seconds."""

    namespace: str
    name: str
    time: datetime
    window: float
    containers: Mapping[str, Usage]


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """A node's use, and that of its pods."""

    time: datetime
    window: float
    usage: Usage
    pods: tuple[PodUsage, ...]


class NodeAgent(Protocol):
    """What a node does for the API server. `pod` is the pod object, `container` one of its container names.

    Methods raise StatusError for what the client should see: 400 `container "a" in pod "b" is waiting to start: ...`.
    """

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Opens the log; the iterator ends at the end of the log, or with `follow` when the container has ended."""
        ...

    async def exec(self, pod: Object, container: str, command: list[str], *, stdin: bool, tty: bool) -> Session:
        """Starts a command in the container."""
        ...

    async def attach(self, pod: Object, container: str, *, stdin: bool, tty: bool) -> Session:
        """Connects to the container's own process."""
        ...

    def address(self, pod: Object) -> str:
        """The address at which the pod's ports are reached from here, for `proxy` and `portforward`."""
        ...

    def probe_metrics(self) -> str:
        """The text of `/metrics/probes` in Prometheus' exposition format."""
        ...

    async def usage(self) -> NodeUsage:
        """CPU and memory now, for metrics.k8s.io and the kubelet's `/stats/summary`."""
        ...


Nodes = Mapping[str, NodeAgent]
"""The agents by node name; a node without one (virtual) has no logs and no exec."""
