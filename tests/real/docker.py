"""A real Docker engine for tests: the console's adapters on it, and what they told."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiohttp import ClientSession, web

from console.adapters.images.credentials import DockerCredentials
from console.adapters.images.docker.builder import DockerBuilder
from console.adapters.images.docker.engine import DockerEngine
from console.adapters.images.docker.push import DockerRegistry
from console.adapters.images.docker.secrets import BuildSecrets
from console.engine.ports import BuildWatcher, BuiltImage
from console.model.run import Part, PartState
from console.model.stack import BuildSource

BASE = "debian:12-slim"
"""The base image of all tests: the engine has it, or can pull it."""


@dataclass
class Docker:
    """The adapters against one registry, and all that a build told."""

    prefix: str
    environment: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)
    output: bytes = b""
    parts: dict[int, Part] = field(default_factory=dict)
    said: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        engine, credentials = DockerEngine(self.environment), DockerCredentials(self.environment)
        self.engine = engine
        self.registry = DockerRegistry(self.prefix, engine, credentials)
        secrets = BuildSecrets(self.secrets.get, lambda name, value: None)
        self.builder = DockerBuilder(engine, self.registry.reference, credentials, secrets, None, self.environment)

    def watcher(self) -> BuildWatcher:
        def output(chunk: bytes) -> None:
            self.output += chunk
            self.said.set()

        return BuildWatcher(output, lambda parts: self.parts.update({part.number: part for part in parts}))

    async def build(self, source: BuildSource) -> BuiltImage:
        return await self.builder.build(source, await self.builder.tag(source), self.watcher())

    async def heard(self, text: str) -> None:
        """Returns once the build has printed that."""
        while text.encode() not in self.output:
            self.said.clear()
            await self.said.wait()

    def states(self) -> dict[str, PartState]:
        """The state of every part, by its instruction."""
        return {part.name.partition("] ")[2] or part.name: part.state for part in self.parts.values()}


def source(context: Path, *instructions: str, **more: object) -> BuildSource:
    """What is built from these instructions on top of the base image."""
    return described(context, (f"FROM {BASE}", *instructions), **more)


def described(context: Path, dockerfile: Iterable[str], **more: object) -> BuildSource:
    """What is built by a whole Dockerfile."""
    (context / "Dockerfile").write_text("\n".join(dockerfile) + "\n")
    build = BuildSource(service="web", name="web", context=context, dockerfile=context / "Dockerfile")
    return replace(build, **more)  # type: ignore[arg-type]


def command(*words: str) -> str:
    """What `docker` prints."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sleeping(mark: str) -> bool:
    """Whether a `sleep` for that long runs on this machine, in a container or not."""
    return any(f"sleep\0{mark}\0".encode() in _read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


async def until(slept: str, *, runs: bool) -> None:
    """Returns once that `sleep` runs, or runs no more: the engine tells nobody."""
    async with asyncio.timeout(30):
        while sleeping(slept) is not runs:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.05)


class Gate:
    """A registry that forwards what is authorized to the real one, and answers the rest by itself."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.login = ""
        self.refuse_uploads = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="gate"'})
        if self.refuse_uploads and request.method not in {"GET", "HEAD"}:
            error = {"errors": [{"code": "DENIED", "message": "this project is read-only"}]}
            return web.json_response(error, status=self.refuse_uploads)
        kept = {"Host", "Content-Type", "Content-Range", "Content-Length", "Accept"} & set(request.headers)
        headers = {name: request.headers[name] for name in kept}
        url = f"http://{self.behind}{request.raw_path}"
        async with (
            ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, url, headers=headers, data=request.content, allow_redirects=False
            ) as answer,
        ):
            body = await answer.read()
            left_out = {"transfer-encoding"} | ({"content-length"} if body else set())
            told = {name: value for name, value in answer.headers.items() if name.lower() not in left_out}
            return web.Response(status=answer.status, headers=told, body=body or None)
