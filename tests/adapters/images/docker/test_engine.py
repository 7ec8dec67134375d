"""Where the engine is, and what becomes of one that is not there, refuses, or breaks off."""

import asyncio
import json
from contextlib import aclosing
from hashlib import sha256

import pytest
from aiohttp import web

from console.adapters.images.docker.endpoint import Endpoint, EngineError, find_endpoint
from console.adapters.images.docker.engine import DockerEngine


@pytest.fixture
async def serve(tmp_path):
    """Serves an engine's API by a handler on a socket; the console's environment that leads to it."""
    runners = []

    async def serve(handler):
        runner = web.ServerRunner(web.Server(handler, handler_cancellation=True), shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(tmp_path / "engine.sock")).start()
        runners.append(runner)
        engine = DockerEngine({"DOCKER_HOST": f"unix://{tmp_path}/engine.sock"})
        runners.append(engine)
        return engine

    yield serve
    for each in reversed(runners):
        await (each.close() if isinstance(each, DockerEngine) else each.cleanup())


async def told(engine):
    stream = engine.stream("/build", {}, {})
    async with aclosing(stream) as messages:
        return [message async for message in messages]


def context(folder, name, described):
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))
    meta = folder / "contexts" / "meta" / sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": described}}))


def test_the_environment_goes_before_the_context(tmp_path):
    context(tmp_path, "far", {"Host": "tcp://far:2375"})
    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path)}) == Endpoint("tcp://far:2375")
    environment = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": "tcp://near:2376", "DOCKER_TLS_VERIFY": "1"}
    assert find_endpoint(environment) == Endpoint("tcp://near:2376", tmp_path)
    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "default"}).address.startswith("unix:///")


def test_a_context_that_is_not_there_is_named(tmp_path):
    with pytest.raises(EngineError, match="there is no Docker context gone") as caught:
        find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "gone"})
    assert "docker context ls" in caught.value.hint


def test_certificates_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "ca.pem").write_text("nonsense")
    with pytest.raises(EngineError, match="certificates"):
        Endpoint("tcp://far:2376", tmp_path).tls()


async def test_an_engine_that_does_not_run_is_said_with_what_to_do(tmp_path):
    engine = DockerEngine({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    with pytest.raises(EngineError, match=r"none\.sock does not run: No such file") as caught:
        await engine.version()
    assert "start it" in caught.value.hint
    await engine.close()


async def test_an_address_that_cannot_be_used_is_said():
    with pytest.raises(EngineError, match="ssh://far is no address"):
        await DockerEngine({"DOCKER_HOST": "ssh://far"}).version()


async def test_an_image_that_the_engine_does_not_have_is_none(serve):
    async def handler(request):
        return web.json_response({"message": "No such image"}, status=404)

    assert await (await serve(handler)).image("127.0.0.1:5000/web:1") is None


async def test_a_refusal_has_the_engines_words(serve):
    async def handler(request):
        return web.json_response({"message": "dockerfile parse error"}, status=400)

    with pytest.raises(EngineError, match="dockerfile parse error") as caught:
        await told(await serve(handler))
    assert caught.value.status == 400


async def _stream(request, *parts):
    response = web.StreamResponse()
    await response.prepare(request)
    for part in parts:
        await response.write(part)
    return response


async def test_messages_are_told_as_they_come_however_they_are_cut(serve):
    async def handler(request):
        return await _stream(request, b'{"stream": "o', b'ne"}\r\n\r\n{"stream":', b' "two"}')

    assert [message["stream"] for message in await told(await serve(handler))] == ["one", "two"]


async def test_an_error_among_the_messages_ends_them(serve):
    async def handler(request):
        return await _stream(request, b'{"errorDetail": {"code": 3, "message": "it broke"}, "error": "it broke"}\n')

    with pytest.raises(EngineError, match="it broke"):
        await told(await serve(handler))


async def test_an_engine_that_dies_on_the_way_is_an_error(serve):
    async def handler(request):
        response = await _stream(request, b'{"stream": "one"}\n')
        request.transport.abort()
        return response

    with pytest.raises(EngineError, match="broke off"):
        await told(await serve(handler))


async def test_cancelling_hangs_up(serve):
    begun, gone = asyncio.Event(), asyncio.Event()

    async def handler(request):
        response = await _stream(request, b'{"stream": "one"}\n')
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return response

    engine = await serve(handler)
    building = asyncio.create_task(told(engine))
    await begun.wait()
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    async with asyncio.timeout(10):
        await gone.wait()
