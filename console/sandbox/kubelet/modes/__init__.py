"""How pods are set apart from each other and from the machine: with namespaces, or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from console.sandbox.api.pods import containers
from console.sandbox.api.resources import Object


class Resolve(Protocol):
    """Finds Services by name."""

    def __call__(self, namespace: str, host: str, *, expected: bool) -> str | None:
        """The address of a Service by a pod's namespace and a host name; None when no Service has that name.

        With `expected` also that of one which does not exist yet.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine that a container sees under a path of its own."""

    path: str
    source: Path
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """A container's process before it is fitted to this machine.

    Attributes:
        pod: the pod's object.
        container: its spec.
        tree: the image's tree, empty for an image that has none.
        home: a folder of the pod's own that may be written.
        records: a folder of the container's own for what a mode needs.
        folder: the working directory, as the container sees it; empty when neither spec nor image say.
    """

    pod: Object
    container: Object
    tree: str
    home: Path
    records: Path
    command: list[str]
    environment: dict[str, str]
    folder: str
    mounts: list[Mount]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A container's process as it is started.

    Attributes:
        environment: also that of commands that run beside it (probes, hooks, `exec`).
        entry: what the shim does before the program takes over.
        rewrite: fits a word of a command that runs beside it.
    """

    command: list[str]
    environment: dict[str, str]
    folder: str
    rewrite: Callable[[str], str]
    entry: dict[str, Any] = field(default_factory=dict)


class Mode(Protocol):
    """One way to set pods apart.

    Attributes:
        not_enforced: what it cannot do, in words for people.
        lowest_port: the lowest port that pods may listen on.
    """

    name: str
    not_enforced: tuple[str, ...]
    lowest_port: int

    def fit(self, launch: Launch) -> Fitted:
        """Fits a process to this machine.

        Raises:
            MissingError: what the pod asks for cannot be had here.
        """
        ...

    def enter(self, pid: int, folder: str) -> list[str]:
        """The words before a command that make it run where the process `pid` runs, in a folder there."""
        ...

    def unenforced(self, pod: Object) -> list[str]:
        """Which fields of this pod have no effect here."""
        ...


def nowhere_enforced(pod: Object) -> set[str]:
    """The fields of a pod that have no effect in any mode."""
    found = {field for field in ("shareProcessNamespace",) if pod["spec"].get(field)}
    return found | {field for each in containers(pod["spec"]) for field in ("stdin", "tty") if each.get(field)}
