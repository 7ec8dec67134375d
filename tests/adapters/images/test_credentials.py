"""Logins are found where `docker login` keeps them, with the rules of `docker`."""

import base64
import json
import os
from pathlib import Path

import pytest

from console.adapters.images.credentials import DockerCredentials, Login
from console.model.errors import PushError


def credentials(folder: Path, config: object | None = None) -> DockerCredentials:
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return DockerCredentials({"DOCKER_CONFIG": str(folder), "PATH": path})


def helper(folder: Path, script: str) -> None:
    program = folder / "docker-credential-safe"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def written(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("auths", "host", "login"),
    [
        ({"ghcr.io": written("anna", "a:b")}, "ghcr.io", Login("anna", "a:b")),
        ({"https://ghcr.io/v2/": written("anna", "x")}, "ghcr.io", Login("anna", "x")),
        ({"localhost:5001": {"username": "u", "password": "p"}}, "localhost:5001", Login("u", "p")),
        ({"https://index.docker.io/v1/": written("anna", "x")}, "docker.io", Login("anna", "x")),
        ({"ghcr.io": {"identitytoken": "t", **written("anna", "")}}, "ghcr.io", Login(identity="t")),
        ({"ghcr.io": written("anna", "x")}, "quay.io", None),
        ({"ghcr.io": {"auth": "no base64!"}}, "ghcr.io", None),
        ({"ghcr.io": {}}, "ghcr.io", None),
    ],
)
async def test_a_login_in_the_configuration_is_found_by_its_host(tmp_path, auths, host, login):
    assert await credentials(tmp_path, {"auths": auths}).find(host) == login


async def test_without_a_configuration_nobody_is_logged_in(tmp_path):
    assert await credentials(tmp_path).find("ghcr.io") is None


@pytest.mark.parametrize(
    "chosen", [{"credsStore": "safe"}, {"credsStore": "other", "credHelpers": {"ghcr.io": "safe"}}]
)
async def test_a_helper_is_asked_as_docker_asks_it(tmp_path, chosen):
    helper(tmp_path, f'read host; echo "$1 $host" > {tmp_path}/asked; echo \'{{"Username": "u", "Secret": "p"}}\'')
    assert await credentials(tmp_path, chosen).find("ghcr.io") == Login("u", "p")
    assert (tmp_path / "asked").read_text() == "get ghcr.io\n"


async def test_a_helper_may_keep_an_identity_token(tmp_path):
    helper(tmp_path, 'echo \'{"Username": "<token>", "Secret": "t"}\'')
    assert await credentials(tmp_path, {"credsStore": "safe"}).find("ghcr.io") == Login(identity="t")


async def test_a_helper_that_knows_nothing_is_no_error(tmp_path):
    helper(tmp_path, 'echo "credentials not found in native keychain"; exit 1')
    assert await credentials(tmp_path, {"credsStore": "safe"}).find("ghcr.io") is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'the store is locked'; exit 1", "the store is locked"),
        ("exit 3", "exit code 3"),
        ("echo no json", "it told no login"),
        (None, "it is not installed"),
    ],
)
async def test_a_helper_that_fails_is_named(tmp_path, script, why):
    if script:
        helper(tmp_path, script)
    with pytest.raises(PushError, match="docker-credential-safe cannot be used") as caught:
        await credentials(tmp_path, {"credsStore": "safe"}).find("ghcr.io")
    assert caught.value.why == why


async def test_a_broken_configuration_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(PushError, match="logins at registries cannot be read") as caught:
        await credentials(tmp_path).find("ghcr.io")
    assert caught.value.where == str(tmp_path / "config.json")


def test_a_login_never_shows_what_is_secret():
    assert "hidden" not in repr(Login("anna", "hidden", "hidden"))
