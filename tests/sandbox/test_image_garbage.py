"""What the registry removes by itself, and what it never does."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from console.sandbox.image_garbage import prune, sweep
from console.sandbox.image_store import ImageStore

MANIFEST, INDEX = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("manifest", "index"))
LONG_AGO = time.time() - 10_000


class Pushed(ImageStore):
    """A store with images that were pushed long ago."""

    def add(self, data: bytes) -> dict[str, str]:
        upload = self.start()
        upload.append(data)
        digest = f"sha256:{sha256(data).hexdigest()}"
        self.finish(upload, digest)
        return {"digest": digest}

    def push(self, tag: str, *layers: bytes, **more: Any) -> str:
        manifest = {"schemaVersion": 2, "config": self.add(tag.encode()), "layers": [*map(self.add, layers)], **more}
        return self.put_manifest("app", tag, MANIFEST, json.dumps(manifest).encode())

    def age(self, seconds: float = 0) -> None:
        """Everything is from long ago; later calls leave what they find as it is."""
        for each in (*self.blobs.iterdir(), *self._tags("app").iterdir()):
            if each.stat().st_mtime > LONG_AGO + 5000:
                os.utime(each, (LONG_AGO + seconds, LONG_AGO + seconds))


@pytest.fixture
def store(tmp_path: Path) -> Pushed:
    return Pushed(tmp_path)


def names(*used: str) -> Callable[[str], bool]:
    return lambda each: each in used


def test_beyond_the_bound_the_oldest_tags_go_that_nothing_names(store: Pushed) -> None:
    digests = []
    for number in range(4):
        digests.append(store.push(f"v{number}", os.urandom(1000), b"shared" * 100))
        store.age(number)
    prune(store, names("app:v0"), most=5000, longest=1e9, youngest=60)
    assert store.tags("app") == ["v0", "v2", "v3"]
    assert store.manifest("app", digests[1]) is None
    assert len(list(store.blobs.iterdir())) == 3 * 3 + 1


def test_a_tag_that_nothing_names_goes_by_age(store: Pushed) -> None:
    digest = store.push("named", b"1")
    store.push("by-digest", b"2")
    store.push("old", b"3")
    store.age()
    store.push("new", b"4")
    by_digest = store.tagged("app")["by-digest"][0]
    prune(store, names("app:named", by_digest), most=1 << 30, longest=100, youngest=60)
    assert store.tags("app") == ["by-digest", "named", "new"]
    assert store.manifest("app", digest)


def test_a_manifest_without_a_tag_goes_unless_something_that_stays_needs_it(store: Pushed) -> None:
    moved = store.push("1", b"before")
    part = store.push("2", b"part")
    signature = store.push("3", b"signature", subject={"digest": part})
    index = {"schemaVersion": 2, "manifests": [{"digest": part}]}
    store.put_manifest("app", "2", INDEX, json.dumps(index).encode())
    now = store.push("1", b"after")
    store.delete_manifest("app", "3")
    store.age()
    prune(store, names(), most=1 << 30, longest=1e9, youngest=60)
    left = {each: store.manifest("app", each) is not None for each in (moved, part, signature, now)}
    assert left == {moved: False, part: True, signature: True, now: True}


def test_a_blob_that_a_push_has_just_asked_for_stays(store: Pushed) -> None:
    asked, forgotten = store.add(b"asked for")["digest"], store.add(b"forgotten")["digest"]
    for each in store.blobs.iterdir():
        os.utime(each, (0, 0))
    assert store.blob(asked)
    sweep(store, youngest=60)
    assert store.missing(MANIFEST, {"config": {"digest": asked}, "layers": [{"digest": forgotten}]}) == [forgotten]
