"""What BuildKit tells of a build (`SolveStatus`, one JSON a line with `--progress=rawjson`), as parts of a step. Pure.

Fields: github.com/moby/buildkit, client/graph.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from console.model.run import Part, PartState

_TAIL = 4000


class Vertex(msgspec.Struct):
    """One operation of a build."""

    digest: str
    name: str = ""
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


class VertexLog(msgspec.Struct):
    """Output of an operation."""

    vertex: str
    data: bytes = b""


class VertexWarning(msgspec.Struct):
    """What BuildKit finds doubtful in a Dockerfile."""

    vertex: str
    short: bytes = b""


class SolveStatus(msgspec.Struct):
    """One message: what changed since the last one."""

    vertexes: list[Vertex] | None = None
    logs: list[VertexLog] | None = None
    warnings: list[VertexWarning] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What a build failed at: the name of the part, the error of the builder, the last output of the part."""

    name: str
    error: str
    tail: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What a message brought: parts that are new or changed, and output by part."""

    parts: list[Part]
    output: list[tuple[Part, bytes]]


class Solve:
    """Follows one build."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._tails: dict[str, bytes] = {}
        self._errors: dict[str, str] = {}

    def take(self, status: SolveStatus, now: float) -> News:
        """Takes a message that came at `now`, in seconds since the epoch."""
        changed: dict[int, Part] = {}
        for vertex in status.vertexes or ():
            before = self._parts.get(vertex.digest)
            part = _part(vertex, before or Part(len(self._parts) + 1, _name(vertex.name)), now)
            self._parts[vertex.digest] = part
            if part != before:
                changed[part.number] = part
            if vertex.error:
                self._errors[vertex.digest] = vertex.error
        return News(list(changed.values()), self._output(status))

    def _output(self, status: SolveStatus) -> list[tuple[Part, bytes]]:
        output = [(log.vertex, log.data) for log in status.logs or ()]
        output += [(each.vertex, b"warning: " + each.short + b"\n") for each in status.warnings or ()]
        for vertex, data in output:
            self._tails[vertex] = (self._tails.get(vertex, b"") + data)[-_TAIL:]
        return [(self._parts[vertex], data) for vertex, data in output if vertex in self._parts]

    @property
    def failure(self) -> Failure | None:
        """What went wrong first; not what was only broken off because of it."""
        errors = [(digest, error) for digest, error in self._errors.items() if "context canceled" not in error]
        for digest, error in errors:
            return Failure(self._parts[digest].name, error, self._tails.get(digest, b"").decode(errors="replace"))
        return None


def _part(vertex: Vertex, before: Part, now: float) -> Part:
    """A vertex may start and end several times: the last one counts."""
    if vertex.started is None:
        return before
    if vertex.completed is None:
        return replace(before, state=PartState.RUNNING, started=before.started or now, seconds=None)
    took = (vertex.completed - vertex.started).total_seconds()
    state = PartState.FAILED if vertex.error else PartState.CACHED if vertex.cached else PartState.DONE
    # Instructions that were found in the cache are told once more as done, in no time.
    if state is PartState.DONE and before.state is PartState.CACHED:
        state = PartState.CACHED
    return replace(before, state=state, started=before.started or now - took, seconds=max(0.0, round(took, 3)))


def _name(name: str) -> str:
    return " ".join(name.split())
