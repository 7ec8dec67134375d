"""The command line of a build, and whether buildx is there."""

import os
from pathlib import Path

import pytest

from console.adapters.images.docker.buildx import command, find_buildx
from console.adapters.images.docker.secrets import BuildSecrets
from console.model.errors import BuildError
from console.model.stack import BuildSource


def source(**more) -> BuildSource:
    return BuildSource(service="web", name="web", context=Path("/ctx"), dockerfile=Path("/d/web.Dockerfile"), **more)


def test_everything_that_the_stack_says_is_an_option():
    told = source(
        args={"A": "1"}, target="run", platforms=("linux/arm64",), network="host", secrets=("id=token,env=TOKEN",)
    )
    assert command(told, "r/web:1") == [
        *("docker", "buildx", "build", "--progress=rawjson", "--file", "/d/web.Dockerfile", "--tag", "r/web:1"),
        *("--build-arg", "A=1", "--target", "run", "--platform", "linux/arm64", "--network", "host"),
        *("--secret", "id=token,env=TOKEN", "--load", "/ctx"),
    ]


def test_an_image_for_several_platforms_is_pushed_at_once():
    options = command(source(platforms=("linux/amd64", "linux/arm64")), "r/web:1")
    assert options[-4:] == ["--platform", "linux/amd64,linux/arm64", "--push", "/ctx"]


def docker(folder: Path, script: str) -> dict[str, str]:
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("script", "version", "missing"),
    [
        ("echo github.com/docker/buildx v0.29.1 abc", "v0.29.1", ""),
        ("echo github.com/docker/buildx v0.0.0+unknown", "v0.0.0+unknown", ""),
        ("echo github.com/docker/buildx v0.12.1 abc", "", "buildx v0.12.1 is too old: 0.13 is needed"),
        ("echo 'unknown command: docker buildx' >&2; exit 1", "", "buildx, Docker's plugin for BuildKit"),
    ],
)
async def test_buildx_is_asked_for_its_version(tmp_path, script, version, missing):
    found, why = await find_buildx(docker(tmp_path, script))
    assert found == version
    assert why.startswith(missing)
    assert bool(why) != bool(version)


async def test_a_machine_without_docker_is_said(tmp_path):
    assert await find_buildx({"PATH": str(tmp_path)}) == ("", "the command `docker` is not installed")


def test_secrets_come_by_environment_and_are_masked(tmp_path):
    masked = {}
    secrets = BuildSecrets({"TOKEN": "t0ken", "key": "k3y"}.get, masked.__setitem__)
    (tmp_path / "file").write_text("c0ntent\n")
    told = BuildSource(
        service="web",
        name="web",
        context=tmp_path,
        dockerfile=tmp_path / "Dockerfile",
        secrets=("id=token,env=TOKEN", "id=key", "id=file,src=file"),
    )
    assert secrets.environment(told) == {"TOKEN": "t0ken", "key": "k3y"}
    assert masked == {"build secret token": "t0ken", "build secret key": "k3y", "build secret file": "c0ntent"}
    line = command(told, "r/web:1")
    assert not {"t0ken", "k3y", "c0ntent"} & set(" ".join(line).replace(",", " ").replace("=", " ").split())
    assert "id=key,env=key" in line


@pytest.mark.parametrize(
    ("secret", "why", "hint"),
    [
        ("id=token,env=TOKEN", "there is no variable TOKEN", "set TOKEN"),
        ("id=token,src=nothing", "No such file or directory", "relative to build.context"),
        ("env=TOKEN", "it has no id", "id=token,env=TOKEN"),
    ],
)
def test_a_secret_that_is_not_there_is_named(secret, why, hint):
    with pytest.raises(BuildError, match="its secret") as caught:
        BuildSecrets({}.get, lambda name, value: None).environment(source(secrets=(secret,)))
    assert why in caught.value.why
    assert hint in caught.value.hint
