"""Builds with the engine's own classic builder, where there is no buildx (Docker Engine API, `POST /build`)."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from contextlib import aclosing
from dataclasses import replace

import msgspec

from console.adapters.images.credentials import DockerCredentials
from console.adapters.images.docker.contexttar import context_tar
from console.adapters.images.docker.endpoint import EngineError
from console.adapters.images.docker.engine import JSON, DockerEngine
from console.adapters.images.docker.failing import explain, full_name
from console.adapters.images.docker.partlog import PartLog
from console.adapters.images.docker.solve import Failure
from console.adapters.images.dockerfile import read_instructions
from console.engine.ports import BuildWatcher
from console.model.run import Part, PartState
from console.model.stack import BuildSource

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[\d*m")
_OWN_WORDS = (" --->", "Removing intermediate container ", "Successfully built ", "Successfully tagged ")
_TAIL = 4000


async def build(
    engine: DockerEngine,
    credentials: DockerCredentials,
    source: BuildSource,
    reference: str,
    watcher: BuildWatcher,
) -> None:
    """Builds an image into the engine under its reference; cancelling ends the build.

    Args:
        engine: builds.
        credentials: logins for private base images.
        source: what is built; without secrets, and for one platform at most.
        reference: the image's name and tag.
        watcher: is told how it goes.

    Raises:
        BuildError: it failed.
        PushError: a login cannot be read.
    """
    steps = Steps(PartLog(watcher))
    headers = {"Content-Type": "application/x-tar", "X-Registry-Config": await _logins(credentials, source)}
    dockerfile, context = await context_tar(source)
    stream = engine.stream("/build", _parameters(source, reference, dockerfile), headers, context)
    try:
        async with aclosing(stream) as messages:
            async for message in messages:
                steps.take(message, time.time())
    except EngineError as error:
        failure = steps.fail(error.message, time.time())
        raise await asyncio.to_thread(explain, source, failure) from error
    steps.end(time.time())


class Steps:
    """The instructions of a Dockerfile as the classic builder tells of them: `Step 2/5 : RUN make`.

    Args:
        log: is told.
    """

    def __init__(self, log: PartLog) -> None:
        self._log = log
        self._part: Part | None = None
        self._cached = False
        self._tail = ""

    def take(self, message: JSON, now: float) -> None:
        """A message of the engine, at `now` in seconds since the epoch."""
        text = _COLOUR.sub("", str(message.get("stream") or ""))
        if step := _STEP.match(text.strip()):
            self.end(now)
            name = f"{step[1]}/{step[2]} {' '.join(step[3].split())}"
            self._part = Part(int(step[1]), name, PartState.RUNNING, started=now)
            self._cached, self._tail = False, ""
            self._log.tell([self._part])
        elif self._part and text:
            self._cached = self._cached or text.strip() == "---> Using cache"
            if text.strip() and not text.startswith(_OWN_WORDS):
                self._tail = (self._tail + text)[-_TAIL:]
                self._log.output(self._part, text.encode())
        elif status := message.get("status"):
            self._status(str(status), str(message.get("id") or ""))

    def end(self, now: float) -> None:
        """The step that goes on is done."""
        self._finish(PartState.CACHED if self._cached else PartState.DONE, now)

    def fail(self, error: str, now: float) -> Failure:
        """The step that goes on has failed; what is known of it."""
        part = self._finish(PartState.FAILED, now)
        name = f"Step {part.name.replace(' ', ' : ', 1)}" if part else ""
        return Failure(name, error, self._tail)

    def _finish(self, state: PartState, now: float) -> Part | None:
        part, self._part = self._part, None
        if part:
            ended = replace(part, state=state, seconds=max(0.0, round(now - (part.started or now), 3)))
            self._log.tell([ended])
        return part

    def _status(self, status: str, layer: str) -> None:
        """Of a base image that is pulled: not its ever moving bars."""
        if self._part and status in {"Pull complete", "Already exists", "Download complete"}:
            self._log.output(self._part, f"{layer}: {status}\n".encode())


def _parameters(source: BuildSource, reference: str, dockerfile: str) -> dict[str, str]:
    parameters = {"dockerfile": dockerfile, "t": reference, "rm": "1", "forcerm": "1"}
    parameters["buildargs"] = msgspec.json.encode(source.args).decode()
    if source.target:
        parameters["target"] = source.target
    if source.network:
        parameters["networkmode"] = source.network
    if source.platforms:
        parameters["platform"] = source.platforms[0]
    return parameters


async def _logins(credentials: DockerCredentials, source: BuildSource) -> str:
    """The logins for the registries of all base images, as the engine takes them (`X-Registry-Config`)."""
    instructions = await asyncio.to_thread(read_instructions, source.dockerfile)
    hosts = {full_name(each.base).partition("/")[0] for each in instructions if each.base}
    logins = {}
    for host in sorted(hosts):
        if login := await credentials.find(host):
            entry = login.for_engine(host)
            logins[entry["serveraddress"]] = entry
    return base64.urlsafe_b64encode(msgspec.json.encode(logins)).decode()
