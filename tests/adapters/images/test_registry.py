"""Pushing by the OCI distribution API: what is there is not sent again, and every refusal has words."""

import gzip
import json

import pytest
from aiohttp import web

from console.adapters.images.registry import OciRegistry
from console.model.errors import PushError


@pytest.fixture
async def registry(shelf):
    registry = OciRegistry(shelf.prefix)
    yield registry
    await registry.close()


async def test_a_push_is_whole_and_its_progress_counts_every_byte(shelf, registry, image):
    told = []
    assert await registry.has(image.name, image.tag) is None
    assert await registry.push(image, told.append) == image.digest
    assert await registry.has(image.name, image.tag) == image.digest
    assert list(shelf.manifests) == [f"acme/todo-app:{image.tag}"]
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert told[-1].done == told[-1].total == sum(len(blob) for blob in shelf.blobs.values())
    assert len(told) > 3


async def test_what_the_registry_has_is_not_sent_again(shelf, registry, image):
    await registry.push(image, lambda progress: None)
    told = []
    await registry.push(image, told.append)
    assert shelf.uploads == 2
    assert told[-1].done == told[-1].total


async def test_a_blob_of_the_wrong_size_is_sent_again(shelf, registry, image):
    await registry.push(image, lambda progress: None)
    largest = max(shelf.blobs, key=lambda digest: len(shelf.blobs[digest]))
    whole = shelf.blobs[largest]
    shelf.blobs[largest] = whole[:100]
    await registry.push(image, lambda progress: None)
    assert shelf.blobs[largest] == whole


async def test_a_connection_that_breaks_is_tried_again(shelf, registry, image):
    shelf.break_uploads = 2
    assert await registry.push(image, lambda progress: None) == image.digest


async def test_a_connection_that_keeps_breaking_is_given_up(shelf, registry, image):
    shelf.break_uploads = 99
    with pytest.raises(PushError, match="the registry cannot be reached"):
        await registry.push(image, lambda progress: None)


async def test_the_right_to_push_is_proven_without_a_trace(shelf, registry):
    await registry.check_push("todo-app")
    assert (shelf.uploads, shelf.cancelled, shelf.blobs, shelf.manifests) == (1, 1, {}, {})


async def test_a_registry_that_cannot_cancel_an_upload_may_be_pushed_to(shelf, registry):
    async def guard(request):
        return web.Response(status=405) if request.method == "DELETE" else None

    shelf.guard = guard
    await registry.check_push("todo-app")
    assert [method for method, *_ in shelf.seen] == ["POST", "DELETE"]


def _refusal(status, code, message):
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)


@pytest.mark.parametrize(
    ("refuse", "why", "hint"),
    [
        (
            _refusal(401, "UNAUTHORIZED", "authentication required"),
            "wants a login: authentication required",
            "docker login",
        ),
        (
            _refusal(403, "DENIED", "requested access is denied"),
            "does not allow it: requested access is denied",
            "right",
        ),
        (_refusal(500, "UNKNOWN", "no space left on device"), "HTTP 500): no space left on device", "disk is full"),
        (_refusal(405, "UNSUPPORTED", ""), "HTTP 405): UNSUPPORTED", "allows pushes"),
        (web.Response(status=502, text="<h1>Bad\nGateway</h1>"), "<h1>Bad Gateway</h1>", "logs"),
    ],
)
async def test_a_refusal_is_told_in_the_registrys_words(shelf, registry, refuse, why, hint):
    shelf.refuse = refuse
    with pytest.raises(PushError, match="todo-app cannot be pushed") as caught:
        await registry.check_push("todo-app")
    assert why in caught.value.why
    assert hint in caught.value.hint
    assert caught.value.where == shelf.prefix


async def test_a_registry_that_is_not_there_is_said(shelf):
    registry = OciRegistry("127.0.0.1:1")
    with pytest.raises(PushError, match="the registry cannot be reached") as caught:
        await registry.has("todo-app", "1")
    assert (caught.value.where, caught.value.why) == ("127.0.0.1:1", "Connection refused")
    await registry.close()


@pytest.mark.parametrize(
    ("prefix", "base"),
    [
        ("localhost:5001", "http://localhost:5001/v2/"),
        ("[::1]:5000", "http://[::1]:5000/v2/"),
        ("127.0.0.1:5000/team/", "http://127.0.0.1:5000/v2/"),
        ("ghcr.io/acme", "https://ghcr.io/v2/"),
        ("docker.io/acme", "https://registry-1.docker.io/v2/"),
    ],
)
def test_only_loopback_is_spoken_to_without_tls(prefix, base):
    registry = OciRegistry(prefix)
    assert registry._base == base
    assert registry.reference("web", "1") == f"{prefix.rstrip('/')}/web:1"


async def contents(registry, reference, most=1 << 30):
    """Every part of an image, whole."""
    found = {}
    async for part in registry.contents(reference, most):
        found[part.what] = b"".join([piece async for piece in part.pieces])
    return found


async def test_an_image_is_read_part_by_part(shelf, registry, image):
    digest = await registry.push(image, lambda progress: None)
    for reference in (image.tag, f"{image.tag}@{digest}"):
        found = await contents(registry, registry.reference(image.name, reference))
        assert sorted(found.values()) == sorted(shelf.blobs.values())
        assert b"layers" in found["configuration"]


def packed(shelf, how, media_type):
    """Packs the layer of the one image that the registry has."""
    (place,) = shelf.manifests
    manifest = json.loads(shelf.manifests[place])
    (layer,) = manifest["layers"]
    plain = shelf.blobs[layer["digest"]]
    shelf.blobs["sha256:packed"] = how(plain)
    manifest["layers"] = [{**layer, "digest": "sha256:packed", "mediaType": media_type}]
    shelf.manifests[place] = json.dumps(manifest).encode()
    return plain


async def test_a_packed_layer_is_unpacked(shelf, registry, image):
    await registry.push(image, lambda progress: None)
    plain = packed(shelf, gzip.compress, "application/vnd.docker.image.rootfs.diff.tar.gzip")
    found = await contents(registry, registry.reference(image.name, image.tag))
    assert plain in found.values()


@pytest.mark.parametrize(
    ("how", "media_type", "words"),
    [
        (bytes, "application/vnd.oci.image.layer.v1.tar+zstd", "a layer is of"),
        (bytes, "application/vnd.oci.image.layer.v1.tar+gzip", "a layer is damaged"),
    ],
)
async def test_a_layer_that_cannot_be_unpacked_has_words(shelf, registry, image, how, media_type, words):
    await registry.push(image, lambda progress: None)
    packed(shelf, how, media_type)
    with pytest.raises(PushError) as refused:
        await contents(registry, registry.reference(image.name, image.tag))
    assert words in refused.value.why


async def test_what_is_too_large_or_elsewhere_is_not_read(shelf, registry, image):
    await registry.push(image, lambda progress: None)
    with pytest.raises(PushError) as refused:
        await contents(registry, registry.reference(image.name, image.tag), most=100)
    assert "more than the 100 that are read" in refused.value.why
    with pytest.raises(PushError) as refused:
        await contents(registry, "elsewhere.example.com/app:1")
    assert "another registry" in refused.value.why
