"""Images from the registry to an unpacked tree: names, policies, layers, and layers that mean harm."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import platform
import stat
import tarfile
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from console.sandbox.kubelet.images import Images, PullError
from console.sandbox.kubelet.layers import LayerError, unpack
from console.sandbox.kubelet.trees import Trees
from console.sandbox.registry import Registry
from tests.cluster import Cluster as SandboxCluster
from tests.conftest import Sandbox
from tests.sandbox.kubelet.pods import FOREVER, container, event, pod, run

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def entry(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: Any
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for key, value in ({"mode": 0o755 if kind == tarfile.DIRTYPE else 0o644} | fields).items():
        setattr(info, key, value)
    return info, content


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, kind=kind, linkname=target)


def layer(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return whole.getvalue()


class Cluster:
    """A registry with what was pushed to it, and the images of its nodes."""

    def __init__(self, registry: Registry, cache: Path) -> None:
        self.registry, self.cache = registry, cache
        self.images = Images(Trees(cache), registry)
        self.prefix = registry.hosts[0]

    def push(self, name: str, layers: Sequence[bytes] = (), tag: str = "1", **config: Any) -> str:
        """Stores an image; its digest."""
        store = self.registry.store
        parts = [self._blob(each) for each in (json.dumps({"config": config}).encode(), *layers)]
        manifest = {"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}
        return store.put_manifest(name, tag, MANIFEST, json.dumps(manifest).encode())

    def _blob(self, data: bytes) -> dict[str, str]:
        upload = self.registry.store.start()
        upload.append(data)
        digest = f"sha256:{sha256(data).hexdigest()}"
        self.registry.store.finish(upload, digest)
        return {"digest": digest}

    async def pull(self, image: str, policy: str = "IfNotPresent") -> Any:
        return await self.images.pull(image.replace("HERE", self.prefix), policy)

    async def refused(self, image: str, policy: str = "IfNotPresent") -> PullError:
        with pytest.raises(PullError) as caught:
            await self.pull(image, policy)
        return caught.value


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    registry = Registry(tmp_path / "registry")
    await registry.start()
    made = Cluster(registry, tmp_path / "cache")
    yield made
    made.images.trees.close()
    await registry.stop()


@pytest.fixture
def sandbox_cluster(sandbox: Sandbox, namespace: str) -> SandboxCluster:
    """A running sandbox, in the test's own namespace."""
    return SandboxCluster(sandbox.kubeconfig, namespace)


async def test_an_image_is_unpacked_with_its_config(cluster: Cluster) -> None:
    config = {"Cmd": ["./run"], "Env": ["A=1"], "StopSignal": "SIGQUIT", "WorkingDir": "/app"}
    digest = cluster.push("team/web", [layer(entry("app/run", b"#!/bin/sh\n", mode=0o755))], **config)
    image = await cluster.pull("HERE/team/web:1")
    assert (image.id, image.config) == (digest, config)
    assert image.reference == f"{cluster.prefix}/team/web:1"
    run = image.root / "app" / "run"
    assert run.read_bytes() == b"#!/bin/sh\n"
    assert os.access(run, os.X_OK)
    by_digest = await cluster.pull(f"localhost:{cluster.registry.port}/team/web@{digest}")
    assert by_digest.root == image.root


async def test_a_tree_is_unpacked_once_for_all_that_have_its_layers(cluster: Cluster) -> None:
    layers = [layer(entry("file", b"x"))]
    cluster.push("one", layers, Cmd=["a"])
    cluster.push("two", layers, Cmd=["b"])
    other = Images(Trees(cluster.cache), cluster.registry)
    names = [f"{cluster.prefix}/{each}:1" for each in ("one", "two")]
    pulls = [images.pull(name, "Always") for images in (cluster.images, other) for name in names]
    found = await asyncio.gather(*pulls)
    assert len({each.root for each in found}) == 1
    assert [each.name for each in cluster.cache.iterdir() if each.is_dir()] == [found[0].root.name]


async def test_what_was_left_half_unpacked_is_made_anew(cluster: Cluster) -> None:
    cluster.push("web", [data := layer(entry("whole", b"x"))])
    partial = cluster.cache / f"{sha256(data).hexdigest()}.part"
    partial.mkdir(parents=True)
    (partial / "stray").touch()
    image = await cluster.pull("HERE/web:1")
    assert [each.name for each in image.root.iterdir()] == ["whole"]


async def test_a_tag_that_moved_is_seen_by_those_who_always_pull(cluster: Cluster) -> None:
    first = cluster.push("web", [layer(entry("a"))])
    assert (await cluster.pull("HERE/web:1")).id == first
    second = cluster.push("web", [layer(entry("b"))])
    assert (await cluster.pull("HERE/web:1", "IfNotPresent")).id == first
    assert (await cluster.pull("HERE/web:1", "Always")).id == second


async def test_never_takes_only_what_is_there(cluster: Cluster) -> None:
    cluster.push("web", [layer(entry("a"))])
    error = await cluster.refused("HERE/web:1", "Never")
    name = f"{cluster.prefix}/web:1"
    assert error.reason == "ErrImageNeverPull"
    assert error.message == f'Container image "{name}" is not present with pull policy of Never'
    pulled = await cluster.pull("HERE/web:1")
    assert await cluster.pull("HERE/web:1", "Never") == pulled
    assert await Images(Trees(cluster.cache), cluster.registry).pull(name, "Never") == pulled


@pytest.mark.parametrize("name", ["busybox", "busybox:1.36", "docker.io/library/busybox", "docker.io/busybox:latest"])
@pytest.mark.parametrize("policy", ["Never", "Always"])
async def test_busybox_is_always_there(cluster: Cluster, name: str, policy: str) -> None:
    image = await cluster.pull(name, policy)
    assert (image.reference, image.config, list(image.root.iterdir())) == (name, {}, [])


async def test_an_image_that_was_never_pushed_is_told_in_the_runtimes_words(cluster: Cluster) -> None:
    error = await cluster.refused("HERE/web:2")
    name = f"{cluster.prefix}/web:2"
    assert error.reason == "ErrImagePull"
    assert error.message == (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": '
        f'failed to resolve reference "{name}": {name}: not found'
    )


@pytest.mark.parametrize(
    ("name", "host"),
    [("nginx", "registry-1.docker.io"), ("ghcr.io/acme/web:1", "ghcr.io"), ("localhost:1/web", "localhost:1")],
)
async def test_images_of_other_hosts_are_not_reachable(cluster: Cluster, name: str, host: str) -> None:
    error = await cluster.refused(name)
    assert error.reason == "ErrImagePull"
    assert f"https://{host}/v2/" in error.message
    assert f"not reachable from the embedded cluster, which serves images of {cluster.prefix} only" in error.message


@pytest.mark.parametrize("name", ["Web:1", "web:", "a b", "-x", "web@sha256:12", "HERE//web"])
async def test_what_is_no_name_is_told_as_such(cluster: Cluster, name: str) -> None:
    error = await cluster.refused(name)
    assert error.reason == "InvalidImageName"
    assert "couldn't parse image name" in error.message
    assert "invalid reference format" in error.message


async def test_of_several_platforms_this_machines_is_taken(cluster: Cluster) -> None:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    ours, other = cluster.push("web", [layer(entry("ours"))], "a"), cluster.push("web", [layer(entry("other"))], "b")
    manifests = [
        {"digest": other, "platform": {"os": "linux", "architecture": "s390x"}},
        {"digest": ours, "platform": {"os": "linux", "architecture": machine}},
    ]
    index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    cluster.registry.store.put_manifest("web", "all", INDEX, index)
    assert (await cluster.pull("HERE/web:all")).id == ours


async def test_what_is_no_image_says_so(cluster: Cluster) -> None:
    cluster.registry.store.put_manifest("web", "1", MANIFEST, b'{"schemaVersion": 2}')
    assert "this is not an image manifest" in (await cluster.refused("HERE/web:1")).message
    cluster.push("web", [b"no tar at all"], "2")
    error = await cluster.refused("HERE/web:2")
    assert "failed to extract layer" in error.message
    assert not [each for each in cluster.cache.iterdir() if each.suffix != ".lock" and each.suffix != ".part"]


# -- what pods tell of them


def heard(cluster: SandboxCluster, image: str, policy: str, *last: str) -> list[str]:
    """The reasons of the Events about a pod of an image, in their order, up to the last one's text."""
    body = pod(container(FOREVER, image=image, imagePullPolicy=policy))
    name = run(cluster, body)
    event(cluster, name, *last)
    found = [each for each in cluster.list("events") if each["involvedObject"]["name"] == name]
    found.sort(key=lambda each: int(each["metadata"]["resourceVersion"]))
    return [each["reason"] for each in found if each["reason"] != "Scheduled"]


def test_a_pull_is_told_from_its_beginning(sandbox_cluster: SandboxCluster) -> None:
    reasons = heard(sandbox_cluster, "busybox:told", "IfNotPresent", "Started")
    assert reasons[:4] == ["Pulling", "Pulled", "Created", "Started"]


def test_what_cannot_be_pulled_is_told_by_reason(sandbox_cluster: SandboxCluster) -> None:
    never = heard(sandbox_cluster, "127.0.0.1:1/web", "Never", "Failed", "Error: ErrImageNeverPull")
    assert "ErrImageNeverPull" in never
    assert "Pulling" not in never
    invalid = heard(sandbox_cluster, "Web", "Always", "Failed", "Error: InvalidImageName")
    assert "InspectFailed" in invalid
    assert "Pulling" not in invalid
    missing = heard(sandbox_cluster, "127.0.0.1:1/web", "Always", "BackOff", "Back-off pulling image")
    assert {"Pulling", "Failed", "BackOff"} == set(missing)


# -- layers


def unpacked(root: Path, *layers: bytes) -> Path:
    tree = root / "tree"
    tree.mkdir(exist_ok=True)
    for data in layers:
        (root / "layer.tar").write_bytes(data)
        unpack(root / "layer.tar", tree)
    return tree


def test_layers_lie_one_upon_the_other_and_take_away(tmp_path: Path) -> None:
    lower = layer(
        entry("etc", kind=tarfile.DIRTYPE),
        entry("etc/old", b"1"),
        entry("etc/kept", b"1"),
        entry("var/cache/a", b"1"),
        entry("var/cache/b", b"1"),
    )
    upper = layer(
        entry("etc/.wh.old"),
        entry("etc/kept", b"2"),
        entry("var/cache/new", b"2"),
        entry("var/cache/.wh..wh..opq"),
    )
    tree = unpacked(tmp_path, lower, gzip.compress(upper))
    found = {each.relative_to(tree).as_posix(): each.read_bytes() for each in tree.rglob("*") if each.is_file()}
    assert found == {"etc/kept": b"2", "var/cache/new": b"2"}


def test_links_and_rights_are_kept_and_set_user_id_is_not(tmp_path: Path) -> None:
    tree = unpacked(
        tmp_path,
        layer(
            entry("bin/tool", b"x", mode=0o4755),
            link("bin/python", "/usr/bin/python3"),
            entry("bin/same", kind=tarfile.LNKTYPE, linkname="bin/tool", mode=0o4755),
            entry("locked", kind=tarfile.DIRTYPE, mode=0o555),
            entry("locked/inside", b"y", mode=0o444),
            entry("dev/null", kind=tarfile.CHRTYPE),
        ),
    )
    assert stat.S_IMODE((tree / "bin/tool").stat().st_mode) == 0o755
    assert (tree / "bin/python").readlink() == Path("/usr/bin/python3")
    assert (tree / "bin/same").samefile(tree / "bin/tool")
    assert (tree / "locked/inside").read_bytes() == b"y"
    assert not (tree / "dev/null").exists()


@pytest.mark.parametrize(
    "harm",
    [
        [entry("../outside", b"x")],
        [entry("a/../../outside", b"x")],
        [link("way", "/"), entry("way/HERE/outside", b"x")],
        [link("way", ".."), entry("way/outside", b"x")],
        [link("way", "../outside", tarfile.LNKTYPE)],
        [link("up", ".."), link("way", "up/secret", tarfile.LNKTYPE)],
    ],
    ids=["dots", "dots inside", "absolute link", "relative link", "hard link", "hard link by a link"],
)
def test_nothing_is_written_outside_of_the_tree(tmp_path: Path, harm: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    (tmp_path / "secret").write_text("secret")
    for info, _ in harm:
        info.name = info.name.replace("HERE", str(tmp_path).lstrip("/"))
    with pytest.raises(LayerError, match="outside of the image"):
        unpacked(tmp_path, layer(*harm))
    assert not (tmp_path / "outside").exists()


def test_a_file_replaces_a_link_instead_of_following_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    tree = unpacked(tmp_path, layer(link("file", str(tmp_path / "secret"))), layer(entry("file", b"mine")))
    assert (tree / "file").read_bytes() == b"mine"
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_name_from_the_root_lies_in_the_tree(tmp_path: Path) -> None:
    assert (unpacked(tmp_path, layer(entry("/etc/motd", b"hello"))) / "etc/motd").read_bytes() == b"hello"
