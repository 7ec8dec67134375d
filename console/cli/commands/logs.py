"""`logs`: the logs of many pods, merged, each line with the pod that wrote it."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from console.cli.session import Session
from console.model.errors import UsageError
from console.model.outcome import Outcome

if TYPE_CHECKING:
    from console.engine.logs import LogChunk
    from console.engine.service import Engine

_COLORS = 6


async def run(session: Session) -> Outcome:
    """Prints lines until the newest one, or until somebody ends it."""
    args = session.args
    if args.report:
        raise UsageError("`logs` makes no report", hint="send stdout to a file")
    if args.follow and session.output.form == "json":
        raise UsageError("logs that are followed have no end", hint="use --output ndjson, or --no-follow")
    async with session.engine() as engine:
        _check_services(args.services, engine)
        await engine.start()
        async with session.time_limit("the pods were not seen"):
            await engine.settled()
        await _print(session, engine)
    return Outcome.DONE


def _check_services(named: list[str], engine: Engine) -> None:
    known = [service.name for service in engine.stack.services]
    for name in named:
        if name not in known:
            raise UsageError(f"{engine.stack.name} has no service {name!r}", hint=f"there are: {', '.join(known)}")


async def _print(session: Session, engine: Engine) -> None:
    args = session.args
    since = time.time() - args.since if args.since is not None else None
    chunks = engine.follow_logs(
        args.services,
        follow_on=args.follow and not args.previous,
        previous=args.previous,
        since=since,
        tail=args.tail,
        told=_Followed(session),
    )
    lines = _Lines(session)
    async with aclosing(chunks):
        async for chunk in chunks:
            lines.take(chunk)
            if session.output.closed:
                return
    lines.end()


class _Followed:
    """Tells when not all pods are followed, once until they are."""

    def __init__(self, session: Session) -> None:
        self._narrator = session.narrator
        self._short = False

    def __call__(self, followed: int, known: int) -> None:
        if followed < known and not self._short:
            self._narrator.say(f"{followed} of {known} pods are followed: those not ready, then the newest")
        self._short = followed < known


class _Lines:
    """Puts chunks together to lines, filters and prints them."""

    def __init__(self, session: Session) -> None:
        self._output = session.output
        self._grep = session.args.grep
        self._rest: dict[tuple[str, str, str], bytes] = {}
        self._colors: dict[str, int] = {}
        self._document: list[dict[str, Any]] = []

    def take(self, chunk: LogChunk) -> None:
        source = (chunk.service, chunk.pod, chunk.container)
        *whole, rest = (self._rest.get(source, b"") + chunk.data).split(b"\n")
        self._rest[source] = rest
        self._print(*source, [line.decode(errors="replace").rstrip("\r") for line in whole])

    def _print(self, service: str, pod: str, container: str, lines: list[str]) -> None:
        lines = [line for line in lines if not self._grep or self._grep.search(line)]
        if self._output.form == "text":
            head = self._head(pod, container)
            self._output.text([f"{head} {line}" for line in lines])
            return
        for line in lines:
            self._emit({"service": service, "pod": pod, "container": container, "line": line})

    def end(self) -> None:
        """Prints what never got its line end, and the document of `json`."""
        for source, rest in self._rest.items():
            if rest:
                self._print(*source, [rest.decode(errors="replace")])
        self._output.document("logs", {"lines": self._document})

    def _emit(self, line: dict[str, Any]) -> None:
        self._output.event("log", line)
        if self._output.form == "json":
            self._document.append(line)

    def _head(self, pod: str, container: str) -> str:
        color = self._colors.setdefault(pod, 31 + len(self._colors) % _COLORS)
        head = f"{pod}/{container}"
        return f"\x1b[{color}m{head}\x1b[0m" if self._output.style.color else head
