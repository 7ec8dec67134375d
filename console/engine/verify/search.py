"""Looks for the values of a stack's Secrets wherever they must not be (SC-007), and tells places, never values."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from console.engine.logstream import has_log
from console.engine.ports import LogPosition, LogRequest, World
from console.engine.seen import Seen, text_values
from console.engine.together import together
from console.model.checksums import UNREADABLE
from console.model.errors import ConsoleError, NotFoundError
from console.model.plan import ObjectRef
from console.model.references import references
from console.model.stack import JSON, Stack
from console.model.state import View
from console.model.verify.catalogue import SECRETS
from console.model.verify.check import Finding
from console.model.verify.leaks import Leaks, LeakStream
from console.model.wording import number, size
from console.model.workload import Pod

_PUBLIC = frozenset({"tls.crt", "ca.crt"})
"""Keys of Secrets that hold what everybody may know."""
_LIVE = (
    *(("v1", "Pod"), ("v1", "Event"), ("v1", "ConfigMap"), ("v1", "Service"), ("apps/v1", "Deployment")),
    *(("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job")),
    *(("batch/v1", "CronJob"), ("networking.k8s.io/v1", "Ingress")),
)
_LONGEST_LOG = 32 << 20
_LONGEST_FILE = 64 << 20
_LARGEST_IMAGE = 256 << 20
"""Bytes of one log, of one file and of the layers of one image that are searched; what is longer is told."""
_PIECE = 1 << 20
_RUNS = 200


class Search:
    """One search.

    Args:
        stack: whose Secrets.
        world: what is searched.
        seen: its releases and live objects.
        view: its pods.
        files: the console's own files and folders on this machine.
    """

    def __init__(self, stack: Stack, world: World, seen: Seen, view: View, files: Sequence[Path]) -> None:
        self._stack = stack
        self._world = world
        self._seen = seen
        self._pods = [pod for pod in view.pods.values() if pod.service]
        self._files = files
        self._leaks = Leaks()
        self._unread: list[str] = []
        self._found: list[str] = []
        self._looked: dict[str, int] = {}
        self._bytes = 0

    async def run(self) -> Finding:
        """The finding: places where values stand. A search with holes that found nothing is none."""
        await self._learn()
        if not self._leaks.searched:
            return SECRETS.not_made(self._why_nothing(), self._unread)
        await self._objects()
        await together((self._logs_of(pod) for pod in self._pods), "verify: logs")
        await self._images()
        await self._own_records()
        for place in self._files:
            await self._own_files(place)
        lines = [*sorted(set(self._found)), *self._summary()]
        if self._unread and not self._found:
            return SECRETS.not_made(f"{number(len(self._unread), 'place')} could not be searched", lines)
        return SECRETS.at_most(len(set(self._found)), 0, lines)

    # -- values

    async def _learn(self) -> None:
        for ref in sorted(self._secrets()):
            body = self._seen.live.get(ref)
            try:
                body = await self._world.cluster.get(ref) if body is None else body
            except ConsoleError as error:
                body = UNREADABLE
                self._unread.append(f"the values of {ref}: {error.what}")
            for key, text in text_values(body or {}).items():
                if key not in _PUBLIC:
                    self._leaks.add(f"secret/{ref.name} {key}", text)

    def _secrets(self) -> set[ObjectRef]:
        """The Secrets of the newest release, and those that its objects read."""
        objects = self._seen.releases[0].objects
        refs = {ObjectRef.of(body) for body in objects}
        refs |= {each.ref for body in objects for each in references(body)}
        return {ref for ref in refs if ref.kind == "Secret"}

    def _why_nothing(self) -> str:
        if self._unread:
            return "no value of a Secret could be read"
        return "all values are too short to be searched" if self._leaks.too_short else "the stack uses no Secret"

    def _summary(self) -> Iterator[str]:
        yield f"searched for {number(len(self._leaks.searched), 'value')}: {', '.join(self._leaks.searched)}"
        counts = ", ".join(number(count, what) for what, count in self._looked.items())
        yield f"in {counts}; {size(self._bytes)} in all"
        if self._leaks.too_short:
            yield f"too short to be searched: {', '.join(self._leaks.too_short)}"
        yield from (f"not searched: {each}" for each in self._unread)

    # -- places

    async def _look(self, what: str, place: str, data: bytes) -> None:
        self._note(what, place, await asyncio.to_thread(self._leaks.names_in, data), len(data))

    def _note(self, what: str, place: str, names: set[str], bytes_: int) -> None:
        self._looked[what] = self._looked.get(what, 0) + 1
        self._bytes += bytes_
        self._found += [f"{name} stands in {place}" for name in sorted(names)]

    async def _objects(self) -> None:
        """Manifests as they were applied, and what is live: pods, events, ConfigMaps and the like."""
        for release in self._seen.releases:
            for body in release.objects:
                if body["kind"] != "Secret":
                    await self._look(
                        "applied object", f"{_named(body)} as release {release.number} sent it", _text(body)
                    )
        for version, kind in _LIVE:
            try:
                bodies = await self._world.cluster.list(version, kind, self._stack.namespace)
            except NotFoundError:
                continue
            except ConsoleError as error:
                self._unread.append(f"{kind}s: {error.what}")
                continue
            for body in bodies:
                await self._look("live object", _named({"kind": kind, **body}), _text(body))

    async def _logs_of(self, pod: Pod) -> None:
        for container in pod.containers:
            for previous in (False, True):
                if has_log(container, previous=previous):
                    await self._log(LogRequest(pod.namespace, pod.name, container.name, previous=previous))

    async def _log(self, request: LogRequest) -> None:
        place = f"the {'previous ' if request.previous else ''}log of {request.pod} {request.container}"
        chunks = self._world.cluster.logs(request, LogPosition())
        try:
            await self._stream("log", place, chunks, _LONGEST_LOG)
        except NotFoundError:
            # The pod or its log is gone; nobody reads it any more.
            return
        except ConsoleError as error:
            self._unread.append(f"{place}: {error.what}")

    async def _stream(self, what: str, place: str, pieces: AsyncIterator[bytes], most: int) -> None:
        stream, buffer = LeakStream(self._leaks), bytearray()
        async with aclosing(pieces) as each:  # type: ignore[type-var]
            async for piece in each:
                buffer += piece
                if len(buffer) >= _PIECE:
                    await asyncio.to_thread(stream.feed, bytes(buffer))
                    buffer.clear()
                if stream.size >= most:
                    self._unread.append(f"{place} beyond its first {size(most)}")
                    break
        await asyncio.to_thread(stream.feed, bytes(buffer))
        self._note(what, place, stream.names, stream.size)

    async def _images(self) -> None:
        """Configuration, history and layers of the images that the stack builds; those of others are theirs."""
        built = {service.name for service in self._stack.services if service.build}
        done: set[str] = set()
        for service, reference in self._seen.releases[0].images.items():
            if service not in built:
                continue
            try:
                async with aclosing(self._world.registry.contents(reference, _LARGEST_IMAGE)) as parts:  # type: ignore[type-var]
                    async for part in parts:
                        if part.digest in done:
                            continue
                        done.add(part.digest)
                        await self._stream(
                            "image part",
                            f"the {part.what} of the image of {service}",
                            part.pieces,
                            _LARGEST_IMAGE,
                        )
            except ConsoleError as error:
                self._unread.append(f"the image of {service}: {error.why or error.what}")

    async def _own_records(self) -> None:
        """The journal as it is asked for: texts may be spread over pages of its file."""
        for record in await self._world.journal.runs(self._stack.name, _RUNS):
            text = [
                record.command,
                record.headline,
                *(item.text for item in await self._world.journal.evidence(record.run_id)),
            ]
            await self._look("journal run", f"the journal, run {record.run_id}", "\n".join(text).encode())

    async def _own_files(self, place: Path) -> None:
        for file in await asyncio.to_thread(_below, place):
            try:
                await self._stream("console file", f"the console's file {file.name}", _read(file), _LONGEST_FILE)
            except OSError as error:
                self._unread.append(f"the console's file {file.name}: {error.strerror}")


def _named(body: JSON) -> str:
    return f"{str(body['kind']).lower()}/{body['metadata']['name']}"


def _text(body: JSON) -> bytes:
    """An object as JSON, and what stands in it in base64 as it is."""
    packed = [*(body.get("binaryData") or {}).values()]
    return msgspec.json.encode(body) + b"\n".join(filter(None, map(_unpacked, packed)))


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (ValueError, binascii.Error):
        return b""


def _below(place: Path) -> list[Path]:
    """The files at a place, and the journal's own beside it; none if it is not there."""
    if place.is_dir():
        return sorted(path for path in place.rglob("*") if path.is_file())
    return sorted(path for path in place.parent.glob(f"{place.name}*") if path.is_file())


async def _read(file: Path) -> AsyncIterator[bytes]:
    read: Callable[[int], bytes]
    with await asyncio.to_thread(file.open, "rb") as content:
        read = content.read
        while piece := await asyncio.to_thread(read, _PIECE):
            yield piece
