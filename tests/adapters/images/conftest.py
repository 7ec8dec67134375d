"""A registry in memory, and an image to push."""

import os

import pytest
from aiohttp import web

from console.adapters.images.bundles import BundleBuilder
from console.engine.ports import BuildWatcher
from console.model.stack import BuildSource
from tests.shelf import Shelf


@pytest.fixture
async def shelf():
    shelf = Shelf()
    runner = web.ServerRunner(web.Server(shelf.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shelf.prefix = f"127.0.0.1:{runner.addresses[0][1]}/acme"
    yield shelf
    await runner.cleanup()


@pytest.fixture
async def image(tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    (context / "data").write_bytes(os.urandom(3 << 20))
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\n")
    source = BuildSource(service="app", name="todo-app", context=context, dockerfile=dockerfile)
    builder = BundleBuilder(tmp_path / "cache", None, {})
    return await builder.build(source, await builder.tag(source), BuildWatcher(lambda chunk: None))
