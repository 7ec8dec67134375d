"""Bundles: made by real commands, cached by what they are made of, and nothing left behind when they fail."""

import asyncio
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import msgspec
import psutil
import pytest

from console.adapters.images.bundles import BundleBuilder
from console.adapters.images.layout import blob_path, read_manifest
from console.engine.ports import BuildWatcher
from console.model.errors import BuildError
from console.model.stack import BuildSource


@pytest.fixture
def source(tmp_path) -> BuildSource:
    context = tmp_path / "context"
    context.mkdir()
    (context / "main.py").write_text("print('hello')")
    (context / ".dockerignore").write_text("*.md")
    (context / "README.md").write_text("not part of it")
    dockerfile = tmp_path / "app.Dockerfile"
    dockerfile.write_text("FROM python:3.11\nSTOPSIGNAL SIGQUIT\n")
    return BuildSource(
        service="app",
        name="todo-app",
        context=context,
        dockerfile=dockerfile,
        args={"FLAVOUR": "plain"},
        prepare=('cp *.py "$BUNDLE_ROOT"', 'echo "$FLAVOUR" > "$BUNDLE_ROOT/flavour"; echo said'),
        command=("python", "$(BUNDLE_ROOT)/main.py", "--host", "$(POD_IP)"),
        environment={"MODE": "bundle"},
    )


@pytest.fixture
def builder(tmp_path) -> BundleBuilder:
    return BundleBuilder(tmp_path / "cache", tmp_path / "hashes", os.environ)


def _layer(image) -> dict[str, bytes]:
    _, (_, layer) = read_manifest(image.location)
    with tarfile.open(blob_path(image.location, layer.digest)) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}


async def _build(builder, source, output=None):
    lines = output if output is not None else []
    return await builder.build(source, await builder.tag(source), BuildWatcher(lines.append))


async def test_a_bundle_is_the_tree_that_prepare_made(builder, source):
    output = []
    image = await _build(builder, source, output)
    assert _layer(image) == {"main.py": b"print('hello')", "flavour": b"plain\n"}
    first, second = (f"$ {command}".encode() for command in source.prepare)
    assert b"".join(output).splitlines() == [first, second, b"said"]


async def test_its_config_says_how_to_run_and_stop_it(builder, source):
    image = await _build(builder, source)
    _, (config, _) = read_manifest(image.location)
    content = msgspec.json.decode(blob_path(image.location, config.digest).read_bytes())
    assert content["config"] == {"Env": ["MODE=bundle"], "Cmd": list(source.command), "StopSignal": "SIGQUIT"}


async def test_without_prepare_the_context_is_the_tree(builder, source):
    image = await _build(builder, replace(source, prepare=()))
    assert set(_layer(image)) == {"main.py", ".dockerignore"}


async def test_the_second_build_of_the_same_runs_nothing(builder, source):
    first = await _build(builder, source)
    output = []
    assert await _build(builder, source, output) == first
    assert output == []


async def test_another_checkout_finds_it_in_the_cache(builder, source, tmp_path):
    first = await _build(builder, source)
    context = source.context.rename(tmp_path / "elsewhere")
    output = []
    again = await _build(builder, replace(source, context=context), output)
    assert (again.digest, output) == (first.digest, [])


@pytest.mark.parametrize(
    "change",
    [
        {"args": {"FLAVOUR": "sweet"}},
        {"target": "run"},
        {"platforms": ("linux/arm64",)},
        {"prepare": ("true",)},
        {"command": ("sh",)},
        {"environment": {}},
        {"passed": ("TOKEN",)},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_the_tag_changes_with(builder, source, change):
    assert await builder.tag(replace(source, **change)) != await builder.tag(source)


async def test_the_tag_changes_with_the_dockerfile_and_the_context(builder, source):
    tags = {await builder.tag(source)}
    source.dockerfile.write_text("FROM python:3.12\n")
    tags.add(await builder.tag(source))
    (source.context / "main.py").write_text("print('other')")
    tags.add(await builder.tag(source))
    (source.context / "README.md").write_text("ignored, so it does not count")
    assert len(tags | {await builder.tag(source)}) == 3


async def test_two_builds_at_once_run_prepare_once(builder, source, tmp_path):
    marks = tmp_path / "marks"
    counted = replace(source, prepare=(f"echo ran >> {marks}", *source.prepare))
    first, second = await asyncio.gather(_build(builder, counted), _build(builder, counted))
    assert first == second
    assert marks.read_text() == "ran\n"


async def test_prepare_sees_only_what_it_may(source, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "TOKEN": "named", "DATABASE_URL": "secret"}
    builder = BundleBuilder(tmp_path / "cache", None, environment)
    image = await _build(builder, replace(source, prepare=('env > "$BUNDLE_ROOT/env"',), passed=("TOKEN",)))
    seen = _layer(image)["env"].decode()
    assert "TOKEN=named" in seen
    assert "HOME=/nowhere" in seen
    assert "secret" not in seen


async def test_a_failing_command_is_named_with_its_last_words(builder, source, tmp_path):
    failing = replace(source, prepare=("true", "echo first; echo the reason >&2; exit 3"))
    with pytest.raises(BuildError) as caught:
        await _build(builder, failing)
    assert caught.value.where == "`echo first; echo the reason >&2; exit 3`"
    assert "exit code 3" in caught.value.why
    assert caught.value.why.endswith("the reason")
    assert _left(tmp_path / "cache") == []


def _left(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir() if path.suffix != ".lock"]


def _children() -> set[str]:
    return {" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)}


async def test_cancelling_ends_everything_that_prepare_started(builder, source, tmp_path):
    started = asyncio.Event()
    slow = replace(source, prepare=("sleep 4711 & echo started; sleep 4712",))

    def output(chunk: bytes) -> None:
        if b"started\n" in chunk and not chunk.startswith(b"$"):
            started.set()

    building = asyncio.create_task(builder.build(slow, await builder.tag(slow), BuildWatcher(output)))
    await asyncio.wait_for(started.wait(), 10)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert not [command for command in _children() if "471" in command]
    assert _left(tmp_path / "cache") == []


async def test_a_process_that_stays_behind_is_ended_with_the_build(builder, source):
    await _build(builder, replace(source, prepare=("sleep 4713 & true",)))
    assert not [command for command in _children() if "4713" in command]


async def test_what_was_left_incomplete_in_the_cache_is_built_again(builder, source):
    image = await _build(builder, source)
    (image.location / "index.json").write_text("{")
    assert (await _build(builder, source)).digest == image.digest


@pytest.mark.parametrize("missing", ["context", "dockerfile"])
async def test_what_is_not_there_is_named(builder, source, tmp_path, missing):
    nowhere = tmp_path / "nowhere"
    with pytest.raises(BuildError) as caught:
        await builder.tag(replace(source, **{missing: nowhere}))
    assert caught.value.where == str(nowhere)
