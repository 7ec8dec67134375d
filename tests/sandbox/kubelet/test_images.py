"""Images pushed over HTTP run as pods: what is in them, how they are unpacked, what is said when they cannot be had."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.conftest import CACHE, Sandbox
from tests.oci import INDEX, RegistryClient, file, folder, layer, link, manifest
from tests.sandbox.kubelet.pods import event, message, run, status_of, terminated, waiting

SAY = 'printf %s "{}" > /dev/termination-log'


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


def tree(cluster: Cluster, image: str) -> Path:
    """Runs an image; where it was unpacked."""
    root = Path(message(cluster, once(image, 'printf %s "$ROOT" > /dev/termination-log')))
    assert root.is_relative_to(CACHE)
    return root


def push(registry: RegistryClient, name: str, *layers: bytes, tag: str = "1", **config: Any) -> str:
    """Pushes an image that knows where its tree is; its reference."""
    registry.push(name, tag, *layers, config={"Env": ["ROOT=$(BUNDLE_ROOT)"], **config})
    return f"{registry.host}/{name}:{tag}"


def refusal(cluster: Cluster, image: str, reason: str, **fields: Any) -> str:
    """Runs a pod whose image cannot be had; what its container says."""
    pod = cluster.until("pods", run(cluster, once(image, "true", **fields)), waiting(reason), reason)
    return str(status_of(pod)["state"]["waiting"]["message"])


# -- what runs


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


def test_a_tag_that_moves_is_followed_only_when_the_policy_says_so(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    read = 'cp "$ROOT/version" /dev/termination-log'
    image = push(registry, name, layer(file("version", "old")))
    assert message(cluster, once(image, read)) == "old"
    push(registry, name, layer(file("version", "new")))
    assert message(cluster, once(image, read, imagePullPolicy="IfNotPresent")) == "old"
    assert message(cluster, once(image, read, imagePullPolicy="Always")) == "new"


def test_localhost_names_the_same_registry(cluster: Cluster, registry: RegistryClient, name: str) -> None:
    image = push(registry, name, layer(file("data", "x")))
    other = image.replace("127.0.0.1", "localhost")
    assert message(cluster, once(other, SAY.format("ran"))) == "ran"


def test_of_an_index_the_image_for_this_machine_is_taken(cluster: Cluster, registry: RegistryClient, name: str) -> None:
    parts = []
    for machine in ("s390x", {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]):
        config = {"Env": [f"MACHINE={machine}"]}
        found = registry.push(name, machine, layer(file("machine", machine)), config=config)
        platform = {"os": "linux", "architecture": machine}
        parts.append({"mediaType": manifest(b"")["mediaType"], "digest": found, "size": 1, "platform": platform})
    registry.push_manifest(name, "1", {"schemaVersion": 2, "mediaType": INDEX, "manifests": parts})
    said = message(cluster, once(f"{registry.host}/{name}:1", SAY.format("$MACHINE")))
    assert said == parts[1]["platform"]["architecture"]


def test_what_is_already_here_is_not_unpacked_again(cluster: Cluster, registry: RegistryClient, name: str) -> None:
    content = layer(file("data", uuid.uuid4().hex))
    first = tree(cluster, push(registry, name, content))
    (first / "mark").touch()
    assert tree(cluster, push(registry, f"{name}-2", content, StopSignal="SIGINT")) == first
    assert (first / "mark").exists()


def test_many_pods_of_an_image_that_is_new_start_from_one_tree(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    image = push(registry, name, layer(file("data", os.urandom(1 << 19).hex())))
    names = [run(cluster, once(image, 'wc -c < "$ROOT/data" > /dev/termination-log')) for _ in range(6)]
    ends = [terminated(cluster.until("pods", each, terminated, "an end")) for each in names]
    assert {each["message"].strip() for each in ends} == {str(1 << 20)}


# -- how layers become a tree


def test_layers_lie_one_upon_the_other_and_remove_what_is_below(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    below = layer(file("kept", "1"), file("gone", "1"), file("all/a", "1"), file("all/b", "1"), file("over", "1"))
    above = layer(file(".wh.gone"), file("all/.wh..wh..opq"), file("all/c", "2"), file("over", "2"), compression="gz")
    root = tree(cluster, push(registry, name, below, above))
    assert sorted(each.relative_to(root).as_posix() for each in root.rglob("*")) == ["all", "all/c", "kept", "over"]
    assert (root / "over").read_text() == "2"


def test_rights_times_and_links_are_kept_set_user_id_is_not(
    cluster: Cluster, registry: RegistryClient, name: str
) -> None:
    content = layer(
        folder("bin", 0o755),
        file("bin/tool", "x", 0o4755),
        link("bin/alias", "tool"),
        link("bin/twin", "bin/tool", hard=True),
        link("python", "/usr/bin/python3"),
    )
    root = tree(cluster, push(registry, name, content))
    found = (root / "bin/tool").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_mtime, found.st_uid) == (0o755, 1_000_000_000, os.getuid())
    assert (root / "bin/alias").readlink() == Path("tool")
    assert (root / "bin/twin").samefile(root / "bin/tool")
    assert (root / "python").readlink() == Path("/usr/bin/python3")


@pytest.mark.parametrize(
    "entries",
    [
        [file("../outside", "x")],
        [file("a/../../outside", "x")],
        [link("way", "{outside}"), file("way/outside", "x")],
        [link("way", ".."), file("way/outside", "x")],
        [link("twin", "../outside", hard=True)],
        [link("way", "{outside}"), link("twin", "way/victim", hard=True)],
        [link("way", "{outside}"), file("way/.wh.victim")],
    ],
    ids=["parent", "detour", "absolute link", "relative link", "hard link", "hard link by link", "removal by link"],
)
def test_a_layer_cannot_write_outside_of_its_tree(
    cluster: Cluster, registry: RegistryClient, name: str, tmp_path: Path, entries: list[Any]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for entry, _ in entries:
        entry.linkname = entry.linkname.format(outside=tmp_path)
    image = push(registry, name, layer(*entries))
    assert "failed to extract layer" in refusal(cluster, image, "ErrImagePull")
    assert [each.name for each in tmp_path.iterdir()] == ["victim"]
    assert victim.read_text() == "mine"
    assert not (CACHE / "outside").exists()


def test_a_file_replaces_a_link_and_does_not_write_through_it(
    cluster: Cluster, registry: RegistryClient, name: str, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    root = tree(cluster, push(registry, name, layer(link("a", str(victim)), file("a", "new"))))
    assert (victim.read_text(), (root / "a").read_text(), (root / "a").is_symlink()) == ("mine", "new", False)


def test_a_layer_that_is_no_archive_is_told(cluster: Cluster, registry: RegistryClient, name: str) -> None:
    assert "failed to extract layer" in refusal(cluster, push(registry, name, b"no archive" * 100), "ErrImagePull")


# -- what cannot be had


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


def test_an_image_that_may_not_be_pulled_is_told(cluster: Cluster, registry: RegistryClient, name: str) -> None:
    image = push(registry, name, layer(file("a", uuid.uuid4().hex)))
    said = refusal(cluster, image, "ErrImageNeverPull", imagePullPolicy="Never")
    assert said == f'Container image "{image}" is not present with pull policy of Never'


@pytest.mark.parametrize(
    ("image", "why"),
    [("not a name", "invalid reference format"), ("Upper/case:1", "must be lowercase"), ("a:b:c", "invalid")],
)
def test_a_name_that_is_none_is_told(cluster: Cluster, image: str, why: str) -> None:
    said = refusal(cluster, image, "InvalidImageName")
    assert said.startswith(f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": ')
    assert why in said


@pytest.mark.parametrize("image", ["nginx:1", "ghcr.io/acme/app:1", "127.0.0.1:1/app:1"])
def test_a_registry_that_cannot_be_reached_is_told(cluster: Cluster, image: str) -> None:
    said = refusal(cluster, image, "ErrImagePull")
    assert said.startswith("rpc error: code = Unknown desc = failed to pull and unpack image ")
    assert "the embedded cluster" in said
