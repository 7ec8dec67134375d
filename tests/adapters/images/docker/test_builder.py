"""Builds from beginning to end, with a `docker` and an engine of the test's own: what is run, when, and how it ends."""

import asyncio
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from console.adapters.images.credentials import DockerCredentials
from console.adapters.images.docker.builder import DockerBuilder
from console.adapters.images.docker.engine import DockerEngine
from console.adapters.images.docker.secrets import BuildSecrets
from console.engine.ports import BuildWatcher
from console.model.errors import BuildError
from console.model.run import PartState
from console.model.stack import BuildSource

VERTEX = '{"digest": "a", "name": "[2/2] RUN make", "started": "2026-11-25T03:00:00Z"'
DOCKER = """\
#!/bin/sh
[ "$2" = version ] && echo "github.com/docker/buildx v0.29.1 abc" && exit
echo "$$" >> begun
echo "$@" >> asked
{script}
"""


@dataclass
class Machine:
    """A machine with a `docker` that does as the test says."""

    folder: Path
    environment: dict[str, str]
    images: dict[str, int] = field(default_factory=dict)
    built: int = 0
    platform: dict[str, str] = field(default_factory=dict)

    def docker(self, script: str) -> None:
        program = self.folder / "bin" / "docker"
        program.parent.mkdir(exist_ok=True)
        program.write_text(DOCKER.format(script=script))
        program.chmod(0o755)

    async def engine(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/version":
            return web.json_response({"Version": "27.3.1", **self.platform})
        if (self.folder / "context" / "done").exists():
            return web.json_response({"Size": 4711})
        return web.json_response({"message": "No such image"}, status=404)

    def begun(self) -> list[int]:
        """The processes that builds were, in their order."""
        file = self.folder / "context" / "begun"
        return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
async def machine(tmp_path):
    (tmp_path / "context").mkdir()
    path = f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/engine.sock"}
    machine = Machine(tmp_path, environment)
    runner = web.ServerRunner(web.Server(machine.engine), shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, f"{tmp_path}/engine.sock").start()
    yield machine
    await runner.cleanup()


@pytest.fixture
async def builder(machine):
    engine, credentials = DockerEngine(machine.environment), DockerCredentials(machine.environment)
    secrets = BuildSecrets({"TOKEN": "t0ken"}.get, lambda name, value: None)
    yield DockerBuilder(engine, "r/{}:{}".format, credentials, secrets, None, machine.environment)
    await engine.close()


@pytest.fixture
def source(machine):
    dockerfile = machine.folder / "Dockerfile"
    dockerfile.write_text("FROM x\nRUN make\n")
    return BuildSource(service="web", name="web", context=machine.folder / "context", dockerfile=dockerfile)


async def test_a_build_is_followed_to_its_image(machine, builder, source):
    machine.docker(
        f"""echo '{{"vertexes": [{VERTEX}}}]}}' >&2
        echo '{{"logs": [{{"vertex": "a", "data": "bWFraW5nCg=="}}]}}' >&2
        echo '{{"vertexes": [{VERTEX}, "completed": "2026-11-25T03:00:02Z"}}]}}' >&2
        touch done"""
    )
    output, parts = [], []
    assert (await builder.check([source])).words == "Docker 27.3.1 with buildx v0.29.1"
    image = await builder.build(source, "t", BuildWatcher(output.append, parts.extend))
    assert (image.name, image.tag, image.size, image.location) == ("web", "t", 4711, None)
    assert [part.state for part in parts] == [PartState.RUNNING, PartState.DONE]
    name = "#1 [2/2] RUN make"
    assert b"".join(output).decode().splitlines() == [name, "#1 making", f"{name}: done in 2.0 s"]
    assert "--tag r/web:t" in (source.context / "asked").read_text()


async def test_the_engine_tells_what_it_builds_for(machine, builder):
    assert await builder.platform() == ""
    machine.platform = {"Os": "linux", "Arch": "arm64"}
    assert await builder.platform() == "linux/arm64"


async def test_an_image_that_the_engine_has_is_not_built(machine, builder, source):
    machine.docker("exit 1")
    (source.context / "done").touch()
    assert (await builder.build(source, "t", BuildWatcher(lambda chunk: None))).size == 4711
    assert machine.begun() == []


async def test_a_build_that_ends_without_an_image_is_an_error(machine, builder, source):
    machine.docker("exit 0")
    with pytest.raises(BuildError, match="web cannot be built") as caught:
        await builder.build(source, "t", BuildWatcher(lambda chunk: None))
    assert "does not have r/web:t" in caught.value.why


async def test_a_failure_without_json_is_told_in_the_builders_words(machine, builder, source):
    machine.docker("echo 'ERROR: unknown flag: --progress' >&2; exit 1")
    with pytest.raises(BuildError, match="the build of web failed") as caught:
        await builder.build(source, "t", BuildWatcher(lambda chunk: None))
    assert caught.value.why == "failed: unknown flag: --progress"


async def test_secrets_reach_the_builder_by_environment_alone(machine, builder, source):
    machine.docker('echo "$TOKEN" > token; touch done')
    told = replace(source, secrets=("id=token,env=TOKEN",))
    await builder.build(told, "t", BuildWatcher(lambda chunk: None))
    assert (source.context / "token").read_text() == "t0ken\n"
    assert "t0ken" not in (source.context / "asked").read_text()


async def test_three_images_are_built_at_once_and_cancelling_ends_them_all(machine, builder, source):
    machine.docker("sleep 4714 & echo waiting; wait")
    waiting = asyncio.Semaphore(0)

    def output(chunk):
        for _ in range(chunk.count(b"waiting")):
            waiting.release()

    builds = [asyncio.create_task(builder.build(source, str(tag), BuildWatcher(output))) for tag in range(5)]
    async with asyncio.timeout(20):
        for _ in range(3):
            await waiting.acquire()
    begun = machine.begun()
    assert len(begun) == 3
    builds[0].cancel()
    async with asyncio.timeout(20):
        await waiting.acquire()
    assert len(machine.begun()) == 4
    for build in builds:
        build.cancel()
    assert {type(end) for end in await asyncio.gather(*builds, return_exceptions=True)} == {asyncio.CancelledError}
    assert not [pid for pid in machine.begun() if psutil.pid_exists(pid)]
    assert len(machine.begun()) == 4


async def test_the_same_files_have_the_same_tag_and_the_platform_counts(machine, builder, source):
    tag = await builder.tag(source)
    assert await builder.tag(replace(source, network="host", secrets=("id=x",))) == tag
    for change in ({"args": {"A": "1"}}, {"target": "x"}, {"platforms": ("linux/arm64",)}):
        assert await builder.tag(replace(source, **change)) != tag
    (source.context / "more").write_text("x")
    assert await builder.tag(source) != tag
