"""The cluster's registry over HTTP, as builders and engines speak to it (OCI Distribution Specification 1.1)."""

from __future__ import annotations

import http.client
import json
import os
import uuid

import pytest

from tests.conftest import Sandbox
from tests.oci import INDEX, RegistryClient, digest, file, layer, manifest

NOTHING = digest(b"nobody has pushed this")


@pytest.fixture(scope="module")
def registry(sandbox: Sandbox) -> RegistryClient:
    return RegistryClient(sandbox.status["registry"])


@pytest.fixture
def name() -> str:
    """A repository of the test's own."""
    return f"tests/{uuid.uuid4().hex}"


@pytest.fixture
def data() -> bytes:
    """A blob that nobody has pushed yet."""
    return os.urandom(3 << 20)


def test_it_says_that_it_is_a_registry(registry: RegistryClient) -> None:
    answer = registry.ask("GET", "/v2/")
    assert (answer.status, answer.headers["Docker-Distribution-API-Version"]) == (200, "registry/2.0")


def test_a_blob_in_one_go_after_a_start(registry: RegistryClient, name: str, data: bytes) -> None:
    found = registry.push_blob(name, data)
    head = registry.ask("HEAD", f"/v2/{name}/blobs/{found}")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(data)), b"")
    got = registry.ask("GET", f"/v2/{name}/blobs/{found}")
    assert (got.body, got.headers["Docker-Content-Digest"]) == (data, found)


def test_a_blob_with_the_start_itself(registry: RegistryClient, name: str, data: bytes) -> None:
    answer = registry.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest(data)}", data)
    assert answer.status == 201
    assert registry.ask("GET", answer.headers["Location"]).body == data


def test_a_blob_in_pieces_which_can_be_asked_how_far_it_is(registry: RegistryClient, name: str, data: bytes) -> None:
    upload, half = registry.start(name), 1 << 20
    first = registry.ask("PATCH", upload, data[:half], Content_Range=f"0-{half - 1}")
    assert (first.status, first.headers["Range"]) == (202, f"0-{half - 1}")
    status = registry.ask("GET", upload)
    assert (status.status, status.headers["Range"]) == (204, f"0-{half - 1}")
    last = registry.ask("PUT", f"{upload}?digest={digest(data)}", data[half:])
    assert last.status == 201
    assert registry.ask("GET", f"/v2/{name}/blobs/{digest(data)}").body == data


def test_a_piece_in_the_wrong_place_is_refused_and_harms_nothing(registry: RegistryClient, name: str) -> None:
    upload = registry.start(name)
    registry.ask("PATCH", upload, b"abc", Content_Range="0-2")
    wrong = registry.ask("PATCH", upload, b"xyz", Content_Range="7-9")
    assert (wrong.status, wrong.code) == (416, "BLOB_UPLOAD_INVALID")
    assert registry.ask("PATCH", upload, b"def", Content_Range="3-5").status == 202
    assert registry.ask("PUT", f"{upload}?digest={digest(b'abcdef')}").status == 201


def test_a_blob_of_another_digest_is_refused_and_not_kept(registry: RegistryClient, name: str) -> None:
    upload = registry.start(name)
    answer = registry.ask("PUT", f"{upload}?digest={NOTHING}", b"something else")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert registry.ask("HEAD", f"/v2/{name}/blobs/{NOTHING}").status == 404
    assert registry.ask("GET", upload).code == "BLOB_UPLOAD_UNKNOWN"


@pytest.mark.parametrize("wrong", ["", "sha256:short", "md5:abc", "sha256:../../../../etc/passwd"])
def test_what_is_no_digest_is_refused(registry: RegistryClient, name: str, wrong: str) -> None:
    answer = registry.ask("PUT", f"{registry.start(name)}?digest={wrong}", b"data")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_an_upload_that_is_cancelled_is_gone(registry: RegistryClient, name: str) -> None:
    upload = registry.start(name)
    assert registry.ask("DELETE", upload).status == 204
    gone = registry.ask("PATCH", upload, b"more")
    assert (gone.status, gone.code) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_connection_that_breaks_leaves_no_blob(registry: RegistryClient, name: str, data: bytes) -> None:
    upload = registry.start(name)
    connection = http.client.HTTPConnection(registry.host, timeout=20)
    connection.putrequest("PUT", f"{upload}?digest={digest(data)}")
    connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data[: len(data) // 2])
    connection.close()
    assert registry.ask("HEAD", f"/v2/{name}/blobs/{digest(data)}").status == 404
    assert registry.push_blob(name, data) == digest(data)


def test_a_blob_is_taken_over_from_another_repository(registry: RegistryClient, name: str, data: bytes) -> None:
    found = registry.push_blob(name, data)
    answer = registry.ask("POST", f"/v2/{name}-2/blobs/uploads/?mount={found}&from={name}")
    assert answer.status == 201
    assert registry.ask("GET", answer.headers["Location"]).body == data


def test_a_blob_that_is_not_there_to_be_taken_over_is_uploaded(registry: RegistryClient, name: str) -> None:
    assert "/blobs/uploads/" in registry.start(name, f"?mount={NOTHING}&from={name}")


def test_a_part_of_a_blob_can_be_asked_for(registry: RegistryClient, name: str, data: bytes) -> None:
    answer = registry.ask("GET", f"/v2/{name}/blobs/{registry.push_blob(name, data)}", Range="bytes=10-19")
    assert (answer.status, answer.body) == (206, data[10:20])


def test_a_manifest_is_had_by_tag_and_by_digest(registry: RegistryClient, name: str) -> None:
    found = registry.push(name, "1.0", layer(file("a", "1")))
    by_tag, by_digest = (registry.ask("GET", f"/v2/{name}/manifests/{each}") for each in ("1.0", found))
    assert by_tag.body == by_digest.body
    assert digest(by_tag.body) == found == by_tag.headers["Docker-Content-Digest"]
    head = registry.ask("HEAD", f"/v2/{name}/manifests/1.0")
    assert (head.headers["Docker-Content-Digest"], head.headers["Content-Length"]) == (found, str(len(by_tag.body)))
    assert by_tag.headers["Content-Type"] == head.headers["Content-Type"] == json.loads(by_tag.body)["mediaType"]


def test_a_tag_moves_on_and_the_old_manifest_stays(registry: RegistryClient, name: str) -> None:
    old = registry.push(name, "latest", layer(file("a", "1")))
    new = registry.push(name, "latest", layer(file("a", "2")))
    assert registry.ask("HEAD", f"/v2/{name}/manifests/latest").headers["Docker-Content-Digest"] == new
    assert registry.ask("HEAD", f"/v2/{name}/manifests/{old}").status == 200


def test_a_manifest_whose_parts_are_missing_is_refused(registry: RegistryClient, name: str) -> None:
    body = json.dumps(manifest(os.urandom(10))).encode()
    answer = registry.ask("PUT", f"/v2/{name}/manifests/1", body, Content_Type=manifest(b"")["mediaType"])
    assert answer.code == "MANIFEST_BLOB_UNKNOWN"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b'{"schemaVersion": 1}'])
def test_what_is_no_manifest_is_refused(registry: RegistryClient, name: str, body: bytes) -> None:
    answer = registry.ask("PUT", f"/v2/{name}/manifests/1", body, Content_Type=manifest(b"")["mediaType"])
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("broken", [{"config": "text"}, {"layers": "text"}, {"layers": [1]}, {"layers": [{}]}])
def test_a_manifest_with_nonsense_inside_is_refused(registry: RegistryClient, name: str, broken: dict) -> None:
    whole = manifest(b"") | broken
    answer = registry.ask("PUT", f"/v2/{name}/manifests/1", json.dumps(whole).encode(), Content_Type=whole["mediaType"])
    assert answer.status == 400
    assert answer.code in ("MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN")


def test_a_manifest_under_another_ones_digest_is_refused(registry: RegistryClient, name: str) -> None:
    config = b"{}"
    registry.push_blob(name, config)
    whole = manifest(config)
    path = f"/v2/{name}/manifests/{NOTHING}"
    answer = registry.ask("PUT", path, json.dumps(whole).encode(), Content_Type=whole["mediaType"])
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_a_manifest_that_is_too_large_is_refused(registry: RegistryClient, name: str) -> None:
    whole = manifest(b"") | {"annotations": {"padding": "x" * (5 << 20)}}
    answer = registry.ask("PUT", f"/v2/{name}/manifests/1", json.dumps(whole).encode(), Content_Type=whole["mediaType"])
    assert (answer.status, answer.code) == (413, "MANIFEST_INVALID")


def test_an_index_names_manifests(registry: RegistryClient, name: str) -> None:
    found = registry.push(name, "amd64", layer(file("a", "1")))
    size = int(registry.ask("HEAD", f"/v2/{name}/manifests/{found}").headers["Content-Length"])
    part = {"mediaType": manifest(b"")["mediaType"], "digest": found, "size": size}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [part]}
    stored = registry.push_manifest(name, "1", index)
    answer = registry.ask("GET", f"/v2/{name}/manifests/1", Accept=INDEX)
    assert (digest(answer.body), answer.headers["Content-Type"]) == (stored, INDEX)


def test_what_refers_to_a_manifest_is_listed(registry: RegistryClient, name: str) -> None:
    found = registry.push(name, "1", layer(file("a", "1")))
    subject = {"mediaType": manifest(b"")["mediaType"], "digest": found, "size": 1}
    registry.push_blob(name, b"{}")
    signature = manifest(b"{}") | {"artifactType": "application/signature", "subject": subject}
    stored = registry.push_manifest(name, "signature", signature)
    [referrer] = registry.ask("GET", f"/v2/{name}/referrers/{found}").json["manifests"]
    assert (referrer["digest"], referrer["artifactType"]) == (stored, "application/signature")


def test_a_tag_and_a_manifest_are_deleted(registry: RegistryClient, name: str) -> None:
    found = registry.push(name, "1", layer(file("a", "1")))
    registry.push(name, "2", layer(file("a", "1")))
    assert registry.ask("DELETE", f"/v2/{name}/manifests/1").status == 202
    assert registry.ask("HEAD", f"/v2/{name}/manifests/{found}").status == 200
    assert registry.ask("DELETE", f"/v2/{name}/manifests/{found}").status == 202
    for reference in ("1", "2", found):
        gone = registry.ask("GET", f"/v2/{name}/manifests/{reference}")
        assert (gone.status, gone.code) == (404, "MANIFEST_UNKNOWN")


def test_tags_are_listed_in_order_and_in_pages(registry: RegistryClient, name: str) -> None:
    for tag in ("c", "a", "b"):
        registry.push(name, tag, layer(file("a", "1")))
    assert registry.ask("GET", f"/v2/{name}/tags/list").json == {"name": name, "tags": ["a", "b", "c"]}
    page = registry.ask("GET", f"/v2/{name}/tags/list?n=2")
    assert page.json["tags"] == ["a", "b"]
    following = page.headers["Link"].partition(">")[0].strip("<")
    assert registry.ask("GET", following).json["tags"] == ["c"]
    assert registry.ask("GET", f"/v2/{name}/tags/list?n=2&last=b").headers["Link"] is None


def test_repositories_are_listed(registry: RegistryClient, name: str) -> None:
    registry.push(f"{name}/deeper", "1", layer(file("a", "1")))
    assert f"{name}/deeper" in registry.ask("GET", "/v2/_catalog").json["repositories"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/unknown/tags/list", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/unknown/manifests/1", 404, "MANIFEST_UNKNOWN"),
        ("GET", f"/v2/unknown/blobs/{NOTHING}", 404, "BLOB_UNKNOWN"),
        ("GET", "/v2/unknown/blobs/uploads/abc", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("GET", "/v2/Upper/manifests/1", 400, "NAME_INVALID"),
        ("GET", f"/v2/{'a' * 300}/manifests/1", 400, "NAME_INVALID"),
        ("GET", f"/v2/a/..%2f..%2fpki/blobs/{NOTHING}", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/..%2f..%2f..%2fstore.db", 404, "MANIFEST_UNKNOWN"),
        ("PUT", "/v2/", 405, "UNSUPPORTED"),
    ],
)
def test_what_cannot_be_served_is_said_in_the_forms_of_the_specification(
    registry: RegistryClient, method: str, path: str, status: int, code: str
) -> None:
    answer = registry.ask(method, path)
    assert (answer.status, answer.code) == (status, code)
