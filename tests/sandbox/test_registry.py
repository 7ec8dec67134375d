"""The image registry over HTTP, as clients of the OCI Distribution Specification use it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from console.sandbox import peers
from console.sandbox.registry import Registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = b'{"config": {}}'


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


class Client:
    """Speaks to one registry; `last` is its last answer."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http, self.base = http, f"http://127.0.0.1:{port}"
        self.status, self.headers = 0, {}

    async def __call__(self, method: str, path: str, **request: Any) -> bytes:
        async with self._http.request(method, self.base + path, **request) as answer:
            self.status, self.headers = answer.status, dict(answer.headers)
            return await answer.read()

    async def error(self, method: str, path: str, **request: Any) -> str:
        """The code of a refusal."""
        body = json.loads(await self(method, path, **request))
        assert body["errors"][0]["message"]
        return str(body["errors"][0]["code"])

    async def push_blob(self, data: bytes, name: str = "team/web") -> str:
        await self("POST", f"/v2/{name}/blobs/uploads/?digest={digest(data)}", data=data)
        assert self.status == 201
        return digest(data)

    async def push(self, tag: str, layer: bytes = b"layer", name: str = "team/web", **more: Any) -> tuple[str, bytes]:
        """Pushes an image of one layer; its digest and manifest."""
        parts = [{"digest": await self.push_blob(each, name), "size": len(each)} for each in (CONFIG, layer)]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:], **more}
        content = json.dumps(manifest).encode()
        await self("PUT", f"/v2/{name}/manifests/{tag}", data=content, headers={"Content-Type": MANIFEST})
        assert self.status == 201
        return self.headers["Docker-Content-Digest"], content


Begin = Callable[[], Awaitable[Client]]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """Starts the registry over its one folder; again, it is as if the daemon had been killed meanwhile."""
    running: list[Registry] = []
    async with aiohttp.ClientSession() as http:

        async def again() -> Client:
            registry = Registry(tmp_path / "registry")
            running.append(registry)
            return Client(http, await registry.start())

        yield again
    for each in running:
        await each.stop()


@pytest.fixture
async def client(begin: Begin) -> Client:
    return await begin()


async def test_it_says_that_it_is_a_registry(client: Client) -> None:
    assert await client("GET", "/v2/") == b"{}"
    assert (client.status, client.headers["Docker-Distribution-API-Version"]) == (200, "registry/2.0")


async def test_a_blob_is_pushed_whole_and_read_back_in_parts(client: Client) -> None:
    data = os.urandom(3 << 20)
    await client("POST", "/v2/team/web/blobs/uploads/")
    assert client.status == 202
    place = client.headers["Location"]
    await client("PUT", f"{place}?digest={digest(data)}", data=io.BytesIO(data))
    assert client.status == 201
    blob = client.headers["Location"]
    await client("HEAD", blob)
    assert (client.status, client.headers["Content-Length"]) == (200, str(len(data)))
    assert await client("GET", blob) == data
    assert await client("GET", blob, headers={"Range": "bytes=10-19"}) == data[10:20]
    assert client.status == 206


async def test_a_blob_is_pushed_in_chunks_that_must_follow_each_other(client: Client) -> None:
    await client("POST", "/v2/team/web/blobs/uploads/")
    place = client.headers["Location"]
    await client("PATCH", place, data=b"12345", headers={"Content-Range": "0-4"})
    assert (client.status, client.headers["Range"]) == (202, "0-4")
    assert await client.error("PATCH", place, data=b"x", headers={"Content-Range": "9-9"}) == "BLOB_UPLOAD_INVALID"
    assert client.status == 416
    await client("GET", place)
    assert (client.status, client.headers["Range"]) == (204, "0-4")
    await client("PATCH", place, data=b"67", headers={"Content-Range": "5-6"})
    await client("PUT", f"{place}?digest={digest(b'1234567')}")
    assert client.status == 201
    assert await client("GET", client.headers["Location"]) == b"1234567"


async def test_a_blob_that_is_not_what_was_announced_is_refused_and_forgotten(client: Client) -> None:
    wrong = digest(b"something else")
    await client("POST", "/v2/team/web/blobs/uploads/")
    place = client.headers["Location"]
    assert await client.error("PUT", f"{place}?digest={wrong}", data=b"data") == "DIGEST_INVALID"
    assert client.status == 400
    assert await client.error("GET", place) == "BLOB_UPLOAD_UNKNOWN"
    assert await client.error("GET", f"/v2/team/web/blobs/{wrong}") == "BLOB_UNKNOWN"


async def test_an_upload_that_is_cancelled_is_gone(client: Client) -> None:
    await client("POST", "/v2/team/web/blobs/uploads/")
    place = client.headers["Location"]
    await client("DELETE", place)
    assert client.status == 204
    assert await client.error("PATCH", place, data=b"x") == "BLOB_UPLOAD_UNKNOWN"


async def test_a_blob_of_another_repository_is_taken_over_without_sending_it(client: Client) -> None:
    blob = await client.push_blob(b"shared", "one")
    await client("POST", f"/v2/two/blobs/uploads/?mount={blob}&from=one")
    assert (client.status, client.headers["Location"]) == (201, f"/v2/two/blobs/{blob}")
    await client("POST", f"/v2/two/blobs/uploads/?mount={digest(b'unknown')}&from=one")
    assert client.status == 202


async def test_an_image_is_found_by_tag_and_by_digest(client: Client) -> None:
    found, content = await client.push("1.0")
    for reference in ("1.0", found):
        assert await client("GET", f"/v2/team/web/manifests/{reference}") == content
        assert client.headers["Docker-Content-Digest"] == found
        assert client.headers["Content-Type"] == MANIFEST
        await client("HEAD", f"/v2/team/web/manifests/{reference}")
        assert (client.status, client.headers["Content-Length"]) == (200, str(len(content)))
    assert await client.error("GET", "/v2/team/web/manifests/2.0") == "MANIFEST_UNKNOWN"
    assert await client.error("GET", f"/v2/other/manifests/{found}") == "MANIFEST_UNKNOWN"


async def test_a_tag_moves_to_what_was_pushed_last(client: Client) -> None:
    first, _ = await client.push("latest", b"one")
    second, _ = await client.push("latest", b"two")
    await client("HEAD", "/v2/team/web/manifests/latest")
    assert client.headers["Docker-Content-Digest"] == second != first
    await client("HEAD", f"/v2/team/web/manifests/{first}")
    assert client.status == 200


async def test_a_manifest_needs_its_blobs_and_its_form(client: Client) -> None:
    missing = {"schemaVersion": 2, "config": {"digest": digest(b"nowhere")}, "layers": []}
    path = "/v2/team/web/manifests/1"
    assert await client.error("PUT", path, data=json.dumps(missing)) == "MANIFEST_BLOB_UNKNOWN"
    assert await client.error("PUT", path, data=b"no json") == "MANIFEST_INVALID"
    assert await client.error("PUT", path, data=b'{"schemaVersion": 1}') == "MANIFEST_INVALID"
    other = f"/v2/team/web/manifests/{digest(b'other')}"
    empty = {"schemaVersion": 2, "layers": []}
    assert await client.error("PUT", other, data=json.dumps(empty)) == "DIGEST_INVALID"


async def test_tags_and_repositories_are_listed_page_by_page(client: Client) -> None:
    for tag in ("c", "a", "b"):
        await client.push(tag)
    await client.push("1", name="api")
    assert json.loads(await client("GET", "/v2/team/web/tags/list")) == {"name": "team/web", "tags": ["a", "b", "c"]}
    assert json.loads(await client("GET", "/v2/team/web/tags/list?n=2"))["tags"] == ["a", "b"]
    assert client.headers["Link"] == '</v2/team/web/tags/list?n=2&last=b>; rel="next"'
    assert json.loads(await client("GET", "/v2/team/web/tags/list?n=2&last=b"))["tags"] == ["c"]
    assert "Link" not in client.headers
    assert json.loads(await client("GET", "/v2/_catalog")) == {"repositories": ["api", "team/web"]}
    assert await client.error("GET", "/v2/nothing/tags/list") == "NAME_UNKNOWN"


async def test_a_tag_is_deleted_alone_and_a_manifest_with_its_tags(client: Client) -> None:
    found, _ = await client.push("1")
    await client.push("2")
    await client("DELETE", "/v2/team/web/manifests/1")
    assert client.status == 202
    assert json.loads(await client("GET", "/v2/team/web/tags/list"))["tags"] == ["2"]
    await client("DELETE", f"/v2/team/web/manifests/{found}")
    assert json.loads(await client("GET", "/v2/team/web/tags/list"))["tags"] == []
    assert await client.error("DELETE", "/v2/team/web/manifests/2") == "MANIFEST_UNKNOWN"


async def test_what_refers_to_an_image_is_listed(client: Client) -> None:
    found, _ = await client.push("1")
    subject = {"digest": found, "mediaType": MANIFEST, "size": 1}
    referring, _ = await client.push("signature", b"s", subject=subject, artifactType="application/x.signature")
    assert client.headers["OCI-Subject"] == found
    index = json.loads(await client("GET", f"/v2/team/web/referrers/{found}"))
    assert [each["digest"] for each in index["manifests"]] == [referring]
    await client("GET", f"/v2/team/web/referrers/{found}?artifactType=other")
    assert client.headers["OCI-Filters-Applied"] == "artifactType"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/v2/Team/blobs/uploads/", "NAME_INVALID"),
        ("GET", "/v2/a/../b/tags/list", "NAME_UNKNOWN"),
        ("GET", "/v2/team/web/blobs/md5:1", "DIGEST_INVALID"),
        ("PUT", "/v2/team/web/manifests/.hidden", "TAG_INVALID"),
        ("DELETE", f"/v2/team/web/blobs/sha256:{'0' * 64}", "UNSUPPORTED"),
        ("GET", "/nothing", "NAME_UNKNOWN"),
    ],
)
async def test_what_cannot_be_asked_is_refused_in_the_specifications_words(
    client: Client, method: str, path: str, code: str
) -> None:
    assert await client.error(method, path) == code


async def test_images_outlive_the_daemon_and_what_was_broken_off_does_not(begin: Begin, tmp_path: Path) -> None:
    client = await begin()
    found, content = await client.push("1")
    loose = await client.push_blob(b"pushed, but no manifest came")
    await client("POST", "/v2/team/web/blobs/uploads/")
    place = client.headers["Location"]
    await client("PATCH", place, data=b"half")
    client = await begin()
    assert await client("GET", "/v2/team/web/manifests/1") == content
    assert await client.error("GET", f"/v2/team/web/blobs/{loose}") == "BLOB_UNKNOWN"
    assert await client.error("PATCH", place, data=b"more") == "BLOB_UPLOAD_UNKNOWN"
    assert list((tmp_path / "registry" / "uploads").iterdir()) == []
    assert client.headers["Content-Type"].startswith("application/json")
    assert found == digest(content)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
async def test_other_users_of_this_machine_are_kept_out(client: Client) -> None:
    script = (
        "import http.client, sys\n"
        "link = http.client.HTTPConnection(sys.argv[1])\n"
        "link.request('GET', '/v2/')\n"
        "print(link.getresponse().status)\n"
    )
    for user, status in ((0, "200\n"), (65534, "403\n")):
        command = ["/usr/bin/env", "python3", "-c", script, client.base.removeprefix("http://")]
        pipe = asyncio.subprocess.PIPE
        other = await asyncio.create_subprocess_exec(*command, stdout=pipe, user=user, cwd="/", env={"PATH": _PATH})
        assert ((await other.communicate())[0]).decode() == status


_PATH = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if not each.startswith("/root"))


def test_a_socket_that_was_left_behind_is_nobodys() -> None:
    """The system shows such a socket as root's (inode 0), whoever has made it."""
    left = socket.create_server(("127.0.0.1", 0))
    with left:
        peer = socket.create_connection(left.getsockname())
        accepted, place = left.accept()
        with accepted:
            assert peers.may_enter(place, left.getsockname())
            peer.close()
            assert not peers.may_enter(place, left.getsockname())
