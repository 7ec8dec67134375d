"""A real Docker engine, registries, and contexts that were never built."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.real.docker import Docker, Gate


@pytest.fixture
async def docker(real_registry: str) -> AsyncIterator[Docker]:
    assert shutil.which("docker"), "the tests of real images need Docker's command line, and an engine"
    docker = Docker(f"{real_registry}/console-test", dict(os.environ))
    yield docker
    await docker.registry.close()


@pytest.fixture
def without_buildx(docker: Docker, tmp_path: Path) -> None:
    """Docker's plugins of this user are not found: another configuration is."""
    docker.environment["DOCKER_CONFIG"] = str(tmp_path / "no-plugins")
    if subprocess.run(["docker", "buildx", "version"], env=docker.environment, capture_output=True).returncode == 0:
        pytest.skip("buildx is installed for all users of this machine")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context with a content of its own, so that nothing of it was ever built."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "data").write_text(uuid.uuid4().hex)
    return folder


@pytest.fixture
async def gate(real_registry: str, docker: Docker, tmp_path: Path) -> AsyncIterator[Gate]:
    """The test's registry is behind a gate of its own from now on."""
    gate = Gate(real_registry)
    runner = web.ServerRunner(web.Server(gate), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    docker.prefix = f"127.0.0.1:{runner.addresses[0][1]}/console-test"
    config = tmp_path / "config"
    config.mkdir()
    if (plugins := Path.home() / ".docker" / "cli-plugins").is_dir():
        (config / "cli-plugins").symlink_to(plugins)
    docker.environment["DOCKER_CONFIG"] = str(config)
    docker.environment["PATH"] = f"{tmp_path}{os.pathsep}{docker.environment['PATH']}"
    docker.__post_init__()
    yield gate
    await docker.registry.close()
    await runner.cleanup()
