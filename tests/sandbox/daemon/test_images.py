"""Images through the running daemon: pushed over HTTP, run as pods, kept whatever happens."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, ready
from tests.conftest import Sandbox
from tests.oci import RegistryClient, digest, file, layer, manifest
from tests.sandbox.daemon.conftest import Own
from tests.sandbox.kubelet.pods import event, message, run, status_of, terminated, waiting


@pytest.fixture(scope="module")
def registry(sandbox: Sandbox) -> RegistryClient:
    return RegistryClient(sandbox.status["registry"])


@pytest.fixture
def name() -> str:
    """A repository of the test's own."""
    return f"app-{uuid.uuid4().hex}"


def once(image: str, script: str = "", **fields: Any) -> dict[str, Any]:
    """A pod that runs an image to its end; with a script, instead of the image's own command."""
    command = {"command": ["/bin/sh", "-c", script]} if script else {}
    main = {"name": "main", "image": image, **command, **fields}
    spec = {"containers": [main], "restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
    return {"metadata": {"name": f"pod-{uuid.uuid4().hex[:6]}"}, "spec": spec}


def push(registry: RegistryClient, name: str, *layers: bytes, **config: Any) -> str:
    """Pushes an image that knows where its tree is; its reference."""
    registry.push(name, "1", *layers, config={"Env": ["ROOT=$(BUNDLE_ROOT)"], **config})
    return f"{registry.host}/{name}:1"


def test_an_image_runs_with_its_own_command_environment_and_files(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    script = '#!/bin/sh\nprintf "%s %s %s" "$GREETING" "$1" "$(cat "$ROOT/data")" > /dev/termination-log\n'
    content = layer(file("bin/greet", script, 0o755), file("data", "from the layer"))
    env = ["ROOT=$(BUNDLE_ROOT)", "GREETING=hello"]
    image = push(registry, name, content, Entrypoint=["$(BUNDLE_ROOT)/bin/greet"], Cmd=["world"], Env=env)
    assert message(cluster, once(image)) == "hello world from the layer"
    assert message(cluster, once(image, args=["pod"])) == "hello pod from the layer"


def test_an_image_is_known_by_its_digest_and_told_as_pulled(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    found = registry.push(name, "1", layer(file("a", "1")))
    image = f"{registry.host}/{name}@{found}"
    pod = cluster.until("pods", run(cluster, once(image, "true")), terminated, "an end")
    assert status_of(pod)["imageID"].endswith(found)
    event(cluster, pod["metadata"]["name"], "Pulled", f'Successfully pulled image "{image}" in ')


def test_many_pods_of_an_image_that_is_new_start_from_one_tree(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    image = push(registry, name, layer(file("data", os.urandom(1 << 19).hex())))
    names = [run(cluster, once(image, 'wc -c < "$ROOT/data" > /dev/termination-log')) for _ in range(6)]
    ends = [terminated(cluster.until("pods", each, terminated, "an end")) for each in names]
    assert {each["message"].strip() for each in ends} == {str(1 << 20)}


def test_an_image_that_was_not_pushed_is_told_and_runs_once_it_is(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    image = f"{registry.host}/{name}:1"
    pod = run(cluster, once(image, "true"))
    found = cluster.until("pods", pod, waiting("ErrImagePull"))
    assert status_of(found)["state"]["waiting"]["message"] == (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": '
        f'failed to resolve reference "{image}": {image}: not found'
    )
    cluster.until("pods", pod, waiting("ImagePullBackOff"))
    push(registry, name, layer(file("a", "1")))
    assert terminated(cluster.until("pods", pod, terminated, "an end"))["exitCode"] == 0


def test_a_layer_that_is_no_archive_is_told(cluster: Cluster, registry: RegistryClient, name: str) -> None:
    image = push(registry, name, b"no archive" * 100)
    pod = cluster.until("pods", run(cluster, once(image, "true")), waiting("ErrImagePull"))
    assert "failed to extract layer" in status_of(pod)["state"]["waiting"]["message"]


@pytest.mark.parametrize("broken", [{"config": "text"}, {"layers": "text"}, {"layers": [1]}, {"layers": [{}]}])
def test_a_manifest_with_nonsense_inside_is_refused(
    registry: RegistryClient, name: str, broken: dict[str, Any]
) -> None:
    whole = manifest(b"") | broken
    path, body = f"/v2/{name}/manifests/1", json.dumps(whole).encode()
    answer = registry.ask("PUT", path, body, Content_Type=whole["mediaType"])
    assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")


def test_a_connection_that_breaks_leaves_no_blob(registry: RegistryClient, name: str) -> None:
    data = os.urandom(1 << 20)
    connection = http.client.HTTPConnection(registry.host, timeout=20)
    connection.putrequest("PUT", f"{registry.start(name)}?digest={digest(data)}")
    connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data[: len(data) // 2])
    connection.close()
    assert registry.ask("HEAD", f"/v2/{name}/blobs/{digest(data)}").status == 404
    assert registry.push_blob(name, data) == digest(data)


def test_what_was_pushed_outlives_a_kill_at_any_moment(own: Own) -> None:
    status = own.up()
    registry = RegistryClient(status["registry"])
    found = registry.push("app", "1", layer(file("a", "1")))
    upload, data = registry.start("app"), os.urandom(2 << 20)
    registry.ask("PATCH", upload, data)
    os.kill(status["pid"], signal.SIGKILL)
    again = own.up()
    assert again["registry"] == status["registry"]
    assert registry.ask("HEAD", "/v2/app/manifests/1").headers["Docker-Content-Digest"] == found
    assert registry.ask("GET", upload).code == "BLOB_UPLOAD_UNKNOWN"
    assert not list(own.state.rglob("uploads/*"))
    assert registry.push_blob("app", data) == digest(data)


def test_images_that_no_pod_uses_go_and_those_in_use_stay(own: Own, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    flags = ("--time-scale", "0.01", "--image-bytes", "0", "--bundle-cache", str(cache))
    status = own.run("up", *flags)
    registry, cluster = RegistryClient(status["registry"]), own.cluster()
    used = push(registry, "used", layer(file("data", "used")))
    unused = push(registry, "unused", layer(file("data", "unused")))
    cluster.until("pods", run(cluster, once(unused, "true")), terminated, "an end")
    stays = run(cluster, once(used, 'exec sleep 600  # "$ROOT"'))
    cluster.until("pods", stays, ready)
    for each in cluster.list("pods"):
        if each["metadata"]["name"] != stays:
            cluster.delete("pods", each["metadata"]["name"])
    deadline = time.monotonic() + 20  # two rounds of three seconds
    while len(_trees(cache)) > 1 or registry.ask("HEAD", "/v2/unused/manifests/1").status == 200:
        assert time.monotonic() < deadline, _trees(cache)
        time.sleep(0.05)
    [tree] = _trees(cache)
    assert (cache / tree / "data").read_text() == "used"
    assert registry.ask("HEAD", "/v2/used/manifests/1").status == 200
    assert ready(cluster.get("pods", stays))


def _trees(cache: Path) -> list[str]:
    return [each.name for each in cache.iterdir() if len(each.name) == 64]


@pytest.mark.parametrize("broken", [b"[]", b"text", b'{"config": []}'])
def test_an_image_with_nonsense_for_a_config_is_told(
    cluster: Cluster, registry: RegistryClient, name: str, broken: bytes
) -> None:
    config = registry.push_blob(name, broken)
    whole = {"schemaVersion": 2, "config": {"digest": config}, "layers": None}
    answer = registry.ask("PUT", f"/v2/{name}/manifests/1", json.dumps(whole).encode())
    assert answer.status == 201, answer.body
    pod = cluster.until("pods", run(cluster, once(f"{registry.host}/{name}:1", "true")), waiting("ErrImagePull"))
    assert "this is not an image manifest" in status_of(pod)["state"]["waiting"]["message"]
