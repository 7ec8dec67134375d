"""A real registry takes what the console pushes (make test-real)."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from console.adapters.images.bundles import BundleBuilder
from console.adapters.images.registry import OciRegistry
from console.engine.ports import BuildWatcher
from console.model.run import Progress
from console.model.stack import BuildSource

pytestmark = pytest.mark.real


async def test_an_image_is_pushed_once_and_found_again(tmp_path: Path, real_registry: str) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "context" / "content").write_text(uuid.uuid4().hex)
    context = tmp_path / "context"
    source = BuildSource(service="web", name="console-test", context=context, dockerfile=context / "Dockerfile")
    builder, registry = BundleBuilder(tmp_path / "cache", None, {}), OciRegistry(real_registry)
    sent: list[Progress] = []
    try:
        tag = await builder.tag(source)
        await registry.check_push(source.name)
        assert await registry.has(source.name, tag) is None
        image = await builder.build(source, tag, BuildWatcher(lambda _: None))
        digest = await registry.push(image, sent.append)
        assert await registry.has(source.name, tag) == digest == image.digest
        assert sent[-1].done == sent[-1].total
    finally:
        await registry.close()
