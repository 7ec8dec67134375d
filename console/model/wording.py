"""Words that every surface shares: durations, ages, sizes, and one word for a pod."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.model.workload import Container, ContainerState, Pod

if TYPE_CHECKING:
    from console.model.run import LockHolder

FALLBACKS = {
    "probes": "probes by status and events",
    "usage": "no CPU and memory",
    "releases": "no release known",
    "events": "no activity, causes by status alone",
}
"""What is shown in place of what may not be read, by the resource whose right is missing."""


def seconds(value: float) -> str:
    """A duration for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`."""
    if value < 60:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def latency(value: float | None) -> str:
    """A short time for people: `0.4 ms`, `12 ms`, `1.2 s`; `-` where it is not known."""
    if value is None:
        return "-"
    if value >= 0.9995:
        return seconds(value)
    return f"{value * 1000:.0f} ms" if value >= 0.00995 else f"{value * 1000:.1f} ms"


def age(value: float) -> str:
    """A duration in one unit, as kubectl prints ages: `6s`, `12m`, `3h`, `2d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if value >= 2 * size or (value >= size and unit != "m"):
            return f"{int(value // size)}{unit}"
    return f"{max(0, int(value))}s"


def size(count: float) -> str:
    """A number of bytes in decimal units: `812 B`, `4.1 MB`."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}" if count < 99.95 * limit else f"{count / limit:.0f} {unit}"
    return f"{count:.0f} B"


def image_name(reference: str) -> str:
    """An image for people: `shop/web:b3e0386005d4`, without a digest where a tag says which it is."""
    named, _, digest = reference.partition("@")
    name, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:
        return f"{named}@{digest[:19]}" if digest else named
    return f"{name}:{tag[:12] if len(tag) == 32 else tag}"


def number(count: int, noun: str) -> str:
    """A count with its noun: `1 pod`, `1,200 pods`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def pod_state(pod: Pod) -> str:
    """One word for a pod, as `kubectl get pods` has it: deletion, else a container's reason, else the phase."""
    if pod.deleting is not None:
        return "Terminating"
    return next(filter(None, map(_trouble, pod.containers)), "") or pod.reason or pod.phase


def _trouble(container: Container) -> str:
    done = container.init and container.ended is not None and container.ended.exit_code == 0
    if container.state is ContainerState.RUNNING or done:
        return ""
    return container.reason


def interruption_words(left: LockHolder, stack: str) -> tuple[str, str]:
    """That a run was killed, and what to do about it."""
    since = datetime.fromtimestamp(left.since, UTC).strftime("%H:%M:%S UTC")
    who = left.who + (f" on {left.host}" if left.host else "")
    what = f"`{left.command}`" if left.command else "a run"
    if left.command.startswith("stack-console drill"):
        return f"{what} of {who}, begun at {since}, was interrupted", f"`stack-console drill undo {stack}` ends it"
    again = left.command or f"stack-console deploy {stack}"
    hint = f"run `{again}` to finish it, or `stack-console rollback {stack}` to undo it"
    return f"{what} of {who}, begun at {since}, was interrupted", hint
