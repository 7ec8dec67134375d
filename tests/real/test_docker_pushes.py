"""A real Docker engine pushes to registries that are private, refuse, or are down (make test-real)."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.model.errors import PushError
from tests.real.docker import Docker, Gate, source

pytestmark = pytest.mark.real


async def test_a_login_of_a_credential_helper_opens_a_private_registry(
    docker: Docker, gate: Gate, context: Path, tmp_path: Path
) -> None:
    gate.login = "Basic YW5uYTpyaWdodA=="
    image = await docker.build(source(context, "COPY data /data"))
    with pytest.raises(PushError, match="cannot be pushed") as caught:
        await docker.registry.push(image, lambda progress: None)
    assert "docker login 127.0.0.1" in caught.value.hint
    helper = tmp_path / "docker-credential-test"
    helper.write_text('#!/bin/sh\necho \'{"Username": "anna", "Secret": "right"}\'\n')
    helper.chmod(0o755)
    (tmp_path / "config" / "config.json").write_text('{"credsStore": "test"}')
    digest = await docker.registry.push(image, lambda progress: None)
    assert await docker.registry.has(image.name, image.tag) == digest
    await docker.registry.check_push(image.name)


async def test_a_refused_push_is_told_in_the_registrys_words(docker: Docker, gate: Gate, context: Path) -> None:
    gate.refuse_uploads = 403
    image = await docker.build(source(context, "COPY data /data"))
    with pytest.raises(PushError, match="web cannot be pushed") as caught:
        await docker.registry.push(image, lambda progress: None)
    assert "does not allow it" in caught.value.why
    assert "right to push" in caught.value.hint
    with pytest.raises(PushError, match="this project is read-only"):
        await docker.registry.check_push("web")


async def test_a_registry_that_is_down_is_told(docker: Docker, context: Path) -> None:
    docker.prefix = "127.0.0.1:1/console-test"
    docker.__post_init__()
    image = await docker.build(source(context, "COPY data /data"))
    with pytest.raises(PushError) as caught:
        await docker.registry.push(image, lambda progress: None)
    assert "connection refused" in caught.value.why
    assert "registry is up" in caught.value.hint
    await docker.registry.close()
