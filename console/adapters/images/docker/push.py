"""Pushes what the engine keeps: the engine uploads, and tells how far it is (Docker Engine API, image push)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import aclosing

import msgspec

from console.adapters.images.credentials import DockerCredentials
from console.adapters.images.docker.endpoint import EngineError
from console.adapters.images.docker.engine import JSON, DockerEngine
from console.adapters.images.refusals import why_refused
from console.adapters.images.registry import OciRegistry
from console.engine.ports import BuiltImage
from console.model.errors import PushError
from console.model.run import Progress

_STATUS = re.compile(r"HTTP status: (\d{3})|\b(401|403|5\d\d)\b")
_REFUSALS = (
    ("no basic auth credentials", 401),
    ("unauthorized", 401),
    ("authentication required", 401),
    ("denied", 403),
)


class DockerRegistry(OciRegistry):
    """A registry to which the engine pushes; what it has, and whether we may push, is asked directly.

    Args:
        prefix: like `ghcr.io/acme`.
        engine: has what is pushed.
        credentials: logins at registries.
    """

    def __init__(self, prefix: str, engine: DockerEngine, credentials: DockerCredentials) -> None:
        super().__init__(prefix, credentials)
        self._engine = engine
        self._logins = credentials

    async def close(self) -> None:
        """Closes every connection, those to the engine included."""
        await super().close()
        await self._engine.close()

    async def push(self, image: BuiltImage, progress: Callable[[Progress], None]) -> str:
        """Lets the engine push; the manifest's digest. Cancelling ends it. Raises PushError."""
        reference = self.reference(image.name, image.tag)
        name, _, tag = reference.rpartition(":")
        pushing = Pushing(progress)
        stream = self._engine.stream(f"/images/{name}/push", {"tag": tag}, await self._headers(reference))
        try:
            async with aclosing(stream) as messages:
                async for message in messages:
                    pushing.take(message)
        except EngineError as error:
            raise _refused(image.name, name, error) from error
        # An engine that told no digest may have pushed nonetheless, or have died: the registry knows.
        digest = pushing.digest or await self.has(image.name, image.tag)
        if not digest:
            why = "the engine broke off before it was done"
            raise PushError(f"{image.name} did not arrive", where=name, why=why, hint="look at the engine's log")
        return digest

    async def _headers(self, reference: str) -> dict[str, str]:
        host = reference.partition("/")[0]
        login = await self._logins.find(host)
        content = login.for_engine(host) if login else {}
        return {"X-Registry-Auth": base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()}


class Pushing:
    """How far a push is, from what the engine tells; layers that the registry has already do not count.

    Args:
        progress: gets bytes over all layers; the total grows while the engine finds out what to send.
    """

    def __init__(self, progress: Callable[[Progress], None]) -> None:
        self._progress = progress
        self._layers: dict[str, tuple[int, int]] = {}
        self.digest = ""

    def take(self, message: JSON) -> None:
        """A message of the engine."""
        if digest := (message.get("aux") or {}).get("Digest"):
            self.digest = str(digest)
        layer, status = str(message.get("id") or ""), message.get("status")
        if status == "Pushing":
            detail = message.get("progressDetail") or {}
            current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
            # The engine counts what it packs: that may be more than it announced.
            self._layers[layer] = current, max(current, total)
        elif status == "Pushed" and layer in self._layers:
            _, total = self._layers[layer]
            self._layers[layer] = total, total
        else:
            return
        done, total = (sum(figures) for figures in zip(*self._layers.values(), strict=True))
        self._progress(Progress(done, total, "bytes"))


def _refused(image: str, name: str, error: EngineError) -> PushError:
    words = error.message
    if found := _STATUS.search(words):
        return why_refused(image, name, int(found[1] or found[2]), words)
    for said, status in _REFUSALS:
        if said in words.lower():
            return why_refused(image, name, status, words)
    hint = error.hint or "check that the registry is up, and its address in stack.yaml"
    return PushError(f"{image} cannot be pushed", where=name, why=words, hint=hint)
