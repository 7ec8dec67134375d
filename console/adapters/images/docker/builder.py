"""Builds container images on a Docker engine: by BuildKit where buildx is there, else by the classic builder."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from console.adapters.images.credentials import DockerCredentials
from console.adapters.images.docker import buildx, classic
from console.adapters.images.docker.endpoint import EngineError
from console.adapters.images.docker.engine import DockerEngine
from console.adapters.images.docker.failing import refused
from console.adapters.images.docker.secrets import BuildSecrets
from console.adapters.images.tags import content_tag
from console.engine.ports import Building, BuildWatcher, BuiltImage
from console.model.errors import BuildError
from console.model.stack import BuildSource

_FORMAT = 1
_AT_ONCE = 3


class DockerBuilder:
    """The `ImageBuilder` of clusters that run container images.

    Args:
        engine: keeps what is built.
        reference: the full name of an image by its name and tag.
        credentials: logins for private base images.
        secrets: the values of secrets that builds ask for.
        hashes: where digests of files are kept between runs; None keeps none.
        environment: the console's; `docker` sees all of it.
    """

    def __init__(
        self,
        engine: DockerEngine,
        reference: Callable[[str, str], str],
        credentials: DockerCredentials,
        secrets: BuildSecrets,
        hashes: Path | None,
        environment: Mapping[str, str],
    ) -> None:
        self._engine = engine
        self._reference = reference
        self._credentials = credentials
        self._secrets = secrets
        self._hashes = hashes
        self._environment = environment
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def check(self, sources: Sequence[BuildSource]) -> Building:
        """What builds these. Raises BuildError: the engine does not answer, or a secret or BuildKit is missing."""
        try:
            engine = f"Docker {await self._engine.version()}"
        except EngineError as error:
            raise BuildError("no image can be built", why=error.message, hint=error.hint) from error
        for source in sources:
            await asyncio.to_thread(self._secrets.environment, source)
        version, missing = await buildx.find_buildx(self._environment)
        if not missing:
            return Building(f"{engine} with buildx {version}")
        for source in sources:
            _refuse_classic(source, missing)
        warning = f"{missing}: images are built by {engine}'s classic builder, which is slower and will be removed"
        return Building(f"{engine}, classic builder", warning)

    async def platform(self) -> str:
        """The engine's own, like `linux/amd64`; empty where it does not answer, which `check` tells."""
        try:
            return await self._engine.platform()
        except EngineError:
            return ""

    async def tag(self, source: BuildSource) -> str:
        """The digest of all that goes into the image. Raises BuildError if the context cannot be read."""
        how: dict[str, object] = {"format": _FORMAT, "builder": "docker"}
        if not source.platforms:
            # Then the engine builds for its own: that of this machine, as a rule.
            how["machine"] = platform.machine()
        return await asyncio.to_thread(content_tag, source, self._hashes, how)

    async def build(self, source: BuildSource, tag: str, watcher: BuildWatcher) -> BuiltImage:
        """Builds the image, unless the engine has it already; three at once at most. Raises BuildError."""
        reference = self._reference(source.name, tag)
        try:
            async with self._slots:
                found = await self._engine.image(reference)
                if found is None:
                    await self._build(source, reference, watcher)
                    found = await self._engine.image(reference)
        except EngineError as error:
            raise refused(source, error.message, error.hint) from error
        if found is None and len(source.platforms) < 2:
            raise refused(source, f"the engine does not have {reference} after its build", "build it again")
        return BuiltImage(source.name, tag, "", int((found or {}).get("Size", 0)), None)

    async def _build(self, source: BuildSource, reference: str, watcher: BuildWatcher) -> None:
        _, missing = await buildx.find_buildx(self._environment)
        if missing:
            _refuse_classic(source, missing)
            watcher.output(f"warning: {missing}: building with the classic builder\n".encode())
            await classic.build(self._engine, self._credentials, source, reference, watcher)
        else:
            secrets = await asyncio.to_thread(self._secrets.environment, source)
            await buildx.build(source, reference, {**self._environment, **secrets}, watcher)


def _refuse_classic(source: BuildSource, missing: str) -> None:
    """What only BuildKit can do."""
    wanted = "build.secrets" if source.secrets else "several build.platforms" if len(source.platforms) > 1 else ""
    if wanted:
        hint = 'install buildx: docs.docker.com, "Install Docker Buildx"'
        raise BuildError(f"{source.service} cannot be built: {wanted} need BuildKit", why=missing, hint=hint)
