"""A real Docker engine builds what the console asks for (make test-real)."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from console.model.errors import BuildError
from console.model.run import PartState, Progress
from tests.real.docker import BASE, Docker, command, described, source, until

pytestmark = pytest.mark.real


async def test_an_image_is_built_pushed_and_found_again_without_the_engine(docker: Docker, context: Path) -> None:
    wanted = source(context, "COPY data /data", "RUN echo made; cat /data > /made")
    tag, sent = await docker.builder.tag(wanted), list[Progress]()
    assert await docker.registry.has("web", tag) is None
    await docker.registry.check_push("web")
    image = await docker.build(wanted)
    digest = await docker.registry.push(image, sent.append)
    assert sent[-1].done == sent[-1].total
    assert await docker.registry.has("web", tag) == digest
    pinned = f"{docker.registry.reference('web', tag)}@{digest}"
    command("rmi", docker.registry.reference("web", tag))
    assert await docker.engine.image(docker.registry.reference("web", tag)) is None
    assert await docker.registry.has("web", await docker.builder.tag(wanted)) == digest
    assert command("run", "--rm", pinned, "cat", "/made") == (context / "data").read_text()


async def test_parts_are_followed_and_what_did_not_change_is_cached(docker: Docker, context: Path) -> None:
    once = f"RUN echo {uuid.uuid4().hex}"
    await docker.build(source(context, once, "COPY data /data"))
    states = docker.states()
    assert (states[once], states["COPY data /data"]) == (PartState.DONE, PartState.DONE)
    assert all(part.seconds is not None for part in docker.parts.values())
    (context / "data").write_text("changed")
    docker.parts.clear()
    await docker.build(source(context, once, "COPY data /data"))
    states = docker.states()
    assert (states[once], states["COPY data /data"]) == (PartState.CACHED, PartState.DONE)


async def test_what_the_engine_has_is_not_built_again(docker: Docker, context: Path) -> None:
    image = await docker.build(source(context, "COPY data /data"))
    docker.output = b""
    assert await docker.build(source(context, "COPY data /data")) == image
    assert docker.output == b""


async def test_a_failing_command_is_told_with_its_line_and_its_last_output(docker: Docker, context: Path) -> None:
    wanted = source(context, "COPY data /data", "RUN echo cannot find it && \\", "    exit 7", target="")
    with pytest.raises(BuildError) as caught:
        await docker.build(wanted)
    assert caught.value.where == f"{wanted.dockerfile}:3"
    assert caught.value.why == "`RUN echo cannot find it && exit 7` ended with exit code 7:\n    cannot find it"
    assert docker.states()["RUN echo cannot find it && exit 7"] is PartState.FAILED


@pytest.mark.parametrize(
    ("line", "why", "hint"),
    [
        ("RUNN make", "nknown instruction: RUNN", "correct this line"),
        ("COPY nothing /x", "not found", ".dockerignore"),
        ("FROM 127.0.0.1:1/nothing:1", "connection refused", "base image"),
        ("RUN dd if=/dev/zero of=/dev/shm/x bs=1M count=9999", "No space left on device", "docker system prune"),
    ],
)
async def test_what_is_wrong_with_a_dockerfile_is_told(
    docker: Docker, context: Path, line: str, why: str, hint: str
) -> None:
    wanted = source(context, line)
    with pytest.raises(BuildError) as caught:
        await docker.build(wanted)
    assert caught.value.where == f"{wanted.dockerfile}:2"
    assert why in caught.value.why
    assert hint in caught.value.hint


async def test_a_cancelled_build_ends_and_leaves_nothing(docker: Docker, context: Path) -> None:
    mark = str(uuid.uuid4().int)[:9]
    building = asyncio.create_task(docker.build(source(context, f"RUN echo begun && exec sleep {mark}")))
    async with asyncio.timeout(60):
        await docker.heard("begun\n")
    await until(mark, runs=True)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    await until(mark, runs=False)


async def test_a_secret_is_there_for_one_instruction_and_nowhere_else(docker: Docker, context: Path) -> None:
    docker.secrets["TOKEN"] = value = uuid.uuid4().hex
    mount = 'RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = "$(cat /expected)"'
    (context / "expected").write_text(value)
    image = await docker.build(source(context, "COPY expected /expected", mount, secrets=("id=token,env=TOKEN",)))
    reference = docker.registry.reference(image.name, image.tag)
    assert value not in command("history", "--no-trunc", reference) + json.dumps(await docker.engine.image(reference))
    assert command("run", "--rm", reference, "sh", "-c", "ls /run/secrets 2>/dev/null | wc -l").strip() == "0"


async def test_dockerignore_and_arguments_and_target_are_honoured(docker: Docker, context: Path) -> None:
    (context / ".dockerignore").write_text("*\n!data\n")
    (context / "hidden").write_text("x")
    first = (f"FROM {BASE} AS first", "ARG NAME", "COPY . /all", "RUN echo $NAME > /name")
    wanted = described(context, (*first, "FROM first", "RUN exit 1"), args={"NAME": "anna"}, target="first")
    image = await docker.build(wanted)
    reference = docker.registry.reference(image.name, image.tag)
    assert command("run", "--rm", reference, "sh", "-c", "ls /all; cat /name").split() == ["data", "anna"]


@pytest.mark.usefixtures("without_buildx")
async def test_the_classic_builder_stands_in_with_a_warning(docker: Docker, context: Path, tmp_path: Path) -> None:
    (context / ".dockerignore").write_text("hidden\n")
    (context / "hidden").write_text("x")
    wanted = source(context, "ARG NAME", "COPY . /all", "RUN ls /all && echo $NAME > /name", args={"NAME": "anna"})
    # As with services of one source tree: the Dockerfile is no part of what it builds.
    outside = tmp_path / "web.Dockerfile"
    wanted.dockerfile.rename(outside)
    wanted = replace(wanted, dockerfile=outside)
    building = await docker.builder.check([wanted])
    assert "buildx, Docker's plugin for BuildKit, is not installed" in building.warning
    image = await docker.build(wanted)
    assert docker.output.startswith(b"warning: buildx")
    assert docker.parts[3].name == "3/4 COPY . /all"
    assert docker.parts[4].state is PartState.DONE
    reference = docker.registry.reference("web", image.tag)
    shown = command("run", "--rm", reference, "sh", "-c", "ls -A /all; cat /name").split()
    assert shown == [".dockerignore", "data", "anna"]


@pytest.mark.usefixtures("without_buildx")
async def test_the_classic_builder_fails_and_is_cancelled_alike(docker: Docker, context: Path) -> None:
    with pytest.raises(BuildError) as caught:
        await docker.build(source(context, "COPY data /data", "RUN echo cannot find it; exit 7"))
    assert caught.value.where == f"{context / 'Dockerfile'}:3"
    assert caught.value.why == "`RUN echo cannot find it; exit 7` ended with exit code 7:\n    cannot find it"
    mark = str(uuid.uuid4().int)[:9]
    building = asyncio.create_task(docker.build(source(context, f"RUN echo begun && exec sleep {mark}")))
    async with asyncio.timeout(60):
        await docker.heard("begun\n")
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    await until(mark, runs=False)


@pytest.mark.usefixtures("without_buildx")
async def test_what_only_buildkit_can_do_is_refused_before_anything_is_built(docker: Docker, context: Path) -> None:
    docker.secrets["TOKEN"] = "t0ken"
    with pytest.raises(BuildError, match=r"build\.secrets need BuildKit"):
        await docker.builder.check([source(context, secrets=("id=token,env=TOKEN",))])
    with pytest.raises(BuildError, match=r"several build\.platforms need BuildKit"):
        await docker.builder.check([source(context, platforms=("linux/amd64", "linux/arm64"))])


async def test_several_platforms_need_a_builder_that_can(docker: Docker, context: Path) -> None:
    with pytest.raises(BuildError, match="several platforms") as caught:
        await docker.build(source(context, platforms=("linux/amd64", "linux/arm64")))
    assert "docker buildx create" in caught.value.hint
