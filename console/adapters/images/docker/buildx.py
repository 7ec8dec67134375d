"""Builds with BuildKit: `docker buildx build` as a process of its own, which tells how it goes in JSON lines."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from console.adapters.images.commands import run_process
from console.adapters.images.docker.failing import explain
from console.adapters.images.docker.lines import Lines
from console.adapters.images.docker.partlog import PartLog
from console.adapters.images.docker.secrets import secret_options
from console.adapters.images.docker.solve import Failure, Solve, SolveStatus
from console.engine.ports import BuildWatcher
from console.model.errors import BuildError, PushError
from console.model.stack import BuildSource

_VERSION = re.compile(r"\bv(\d+)\.(\d+)")
_RAWJSON_SINCE = (0, 13)
_REMEMBERED = 20


async def find_buildx(environment: Mapping[str, str]) -> tuple[str, str]:
    """The version of buildx, and why it cannot be used; one of them is empty."""
    said = bytearray()
    try:
        code = await run_process(("docker", "buildx", "version"), Path("/"), environment, said.extend)
    except OSError:
        return "", "the command `docker` is not installed"
    words = said.decode(errors="replace").split()
    if code or len(words) < 2:
        return "", "buildx, Docker's plugin for BuildKit, is not installed"
    version = _VERSION.search(words[1])
    number = (int(version[1]), int(version[2])) if version else (0, 0)
    # Whoever builds it from source without a tag gets v0.0.0.
    if (0, 0) < number < _RAWJSON_SINCE:
        return "", f"buildx {words[1]} is too old: 0.13 is needed"
    return words[1], ""


def command(source: BuildSource, reference: str) -> list[str]:
    """The command line of a build. An image for several platforms can only be pushed: no engine keeps it."""
    options = ["--progress=rawjson", "--file", str(source.dockerfile), "--tag", reference]
    for name, value in source.args.items():
        options += ["--build-arg", f"{name}={value}"]
    if source.target:
        options += ["--target", source.target]
    if source.platforms:
        options += ["--platform", ",".join(source.platforms)]
    if source.network:
        options += ["--network", source.network]
    options += [*secret_options(source), "--push" if len(source.platforms) > 1 else "--load"]
    return ["docker", "buildx", "build", *options, str(source.context)]


async def build(source: BuildSource, reference: str, environment: Mapping[str, str], watcher: BuildWatcher) -> None:
    """Builds an image into the engine under its reference; cancelling ends the build.

    Args:
        source: what is built.
        reference: the image's name and tag.
        environment: all that the builder sees of the environment; it has the values of the secrets.
        watcher: is told how it goes.

    Raises:
        BuildError: it failed.
        PushError: it is for several platforms, and could not be pushed.
    """
    build = _Build(PartLog(watcher))
    code = await run_process(command(source, reference), source.context, environment, build.take)
    build.end()
    if code:
        raise await asyncio.to_thread(_failure, source, build, code)


class _Build:
    """Takes what the builder prints: JSON lines, and words between them."""

    def __init__(self, log: PartLog) -> None:
        self._log = log
        self._lines = Lines()
        self._decoder = msgspec.json.Decoder(SolveStatus)
        self.solve = Solve()
        self.words: list[str] = []

    def take(self, chunk: bytes) -> None:
        for line in self._lines.feed(chunk):
            self._line(line)

    def end(self) -> None:
        for line in self._lines.end():
            self._line(line)

    def _line(self, line: bytes) -> None:
        try:
            news = self.solve.take(self._decoder.decode(line), time.time())
        except msgspec.MsgspecError:
            text = line.decode(errors="replace")
            self.words = [*self.words, text][-_REMEMBERED:]
            self._log.say(text)
            return
        for part, data in news.output:
            self._log.output(part, data)
        self._log.tell(news.parts)


def _failure(source: BuildSource, build: _Build, code: int) -> BuildError | PushError:
    said = next((text for text in reversed(build.words) if "ERROR:" in text), " ".join(build.words))
    if "failed to push" in said:
        hint = "log in with `docker login`, or look at the registry's log"
        return PushError(f"{source.name} could not be pushed", why=said.partition("ERROR: ")[2] or said, hint=hint)
    if "ulti-platform build is not supported" in said:
        hint = "choose a builder that can (`docker buildx create --use`), or name one platform in build.platforms"
        return BuildError(f"{source.service} cannot be built for several platforms", why=said, hint=hint)
    failure = build.solve.failure
    if failure is None or "parse error" in said:
        failure = Failure("", said or f"the builder ended with exit code {code}")
    return explain(source, failure)
