"""What the API server asks of a pod that runs here: its logs, commands in its containers, what it uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

from console.sandbox.api.errors import StatusError, bad_request
from console.sandbox.api.ports import LogOptions, NodeUsage, PodUsage, Session, Usage
from console.sandbox.kubelet import exec as commands
from console.sandbox.kubelet import logs, usage
from console.sandbox.kubelet.attach import Attachment
from console.sandbox.kubelet.container import Container
from console.sandbox.kubelet.host import Host
from console.sandbox.kubelet.worker import PodWorker

Place = tuple[str, str, str]
"""Namespace, pod and container."""

_NOT_PULLED = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def read_logs(container: Container, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
    """A container's log, of its last start or the one before.

    Raises:
        StatusError: 400, it has not been started yet, or not twice.
    """
    number = _start_of(container, pod, previous=options.previous)
    process = container.process
    ended = process.wait if process and number == container.state.restarts else None
    return logs.read(logs.ContainerLog(container.launcher.logs, number), options, ended)


def _start_of(container: Container, pod: str, *, previous: bool) -> int:
    """The number of the start that is meant (`validateContainerLogStatus` in pkg/kubelet/kubelet_pods.go)."""
    state = container.state
    now = bool(state.running or state.ended)
    if previous:
        if not state.last:
            raise bad_request(f'previous terminated container "{state.name}" in pod "{pod}" not found')
        return state.restarts - now
    if now or state.last:
        return state.restarts
    reason = state.waiting.reason if state.waiting else ""
    why = _NOT_PULLED.get(reason, reason)
    raise bad_request(f'container "{state.name}" in pod "{pod}" is waiting to start: {why}')


async def execute(host: Host, container: Container, command: list[str], *, stdin: bool, tty: bool) -> Session:
    """Starts a command in a container.

    Raises:
        StatusError: 500, the container does not run, or there is no such program.
    """
    process, fitted = container.process, container.launcher.fitted
    if not process or not fitted:
        raise _not_found(container)
    words = [*host.mode.enter(process.pid, fitted.folder), *(fitted.rewrite(each) for each in command)]
    folder = "/" if fitted.entry else fitted.folder
    return await commands.start(words, fitted.environment, folder, stdin=stdin, tty=tty, ended=process.wait)


def attach(container: Container) -> Session:
    """Shows what a container writes from now on.

    Raises:
        StatusError: 500, it does not run.
    """
    if not container.process:
        raise _not_found(container)
    log = logs.ContainerLog(container.launcher.logs, container.state.restarts)
    return Attachment(log, container.process.wait)


def _not_found(container: Container) -> StatusError:
    why = f'unable to upgrade connection: container not found ("{container.state.name}")'
    return StatusError(500, "InternalError", f"Internal error occurred: {why}")


async def measure(sampler: usage.Sampler[Place], workers: Iterable[PodWorker]) -> NodeUsage:
    """What pods use now; all of them together count as the node's use."""
    shims = {
        (worker.key.namespace, worker.key.name, name): container.process.shim
        for worker in workers
        for name, container in worker.containers.by_name.items()
        if container.process
    }
    sample = await sampler.sample(shims)
    moment = datetime.fromtimestamp(sample.time, UTC)
    pods: dict[tuple[str, str], dict[str, Usage]] = {}
    for namespace, pod, name in shims:
        measured = sample.usage.get((namespace, pod, name), usage.NOTHING)
        pods.setdefault((namespace, pod), {})[name] = measured
    whole = [each for containers in pods.values() for each in containers.values()]
    total = Usage(sum(each.cpu for each in whole), sum(each.memory for each in whole))
    found = tuple(PodUsage(*key, moment, sample.window, containers) for key, containers in pods.items())
    return NodeUsage(moment, sample.window, total, found)
