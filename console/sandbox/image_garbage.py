"""What the image registry no longer needs: old tags that nothing names, manifests without tag, blobs without manifest.

Safe while images are pushed and pulled: a push asks for each blob it names, which makes the blob count as new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from console.sandbox.image_store import ImageStore, Manifest

Used = Callable[[str], bool]
"""Whether something in the cluster names an image, by `NAME:TAG` or by its digest."""


class _Tag(NamedTuple):
    pushed: float
    repository: str
    tag: str
    digest: str


def prune(store: ImageStore, used: Used, *, most: int, longest: float, youngest: float) -> None:
    """Removes what nobody needs; blocks on the disk.

    Args:
        store: of the registry.
        used: what is named by an object of the cluster stays, whatever its age.
        most: bytes that tagged images may have; beyond them the tags go that were pushed longest ago.
        longest: seconds after which a tag that nothing names goes in any case.
        youngest: seconds for which everything is kept.
    """
    now = time.time()
    for each in _superfluous(store, used, most, now - longest, now - youngest):
        store.delete_manifest(each.repository, each.tag)
    for name in store.repositories():
        tagged = {digest for digest, _ in store.tagged(name).values()}
        for manifest in _unreachable(list(store.manifests(name)), tagged):
            blob = store.blobs / manifest.digest.removeprefix("sha256:")
            if not used(manifest.digest) and blob.stat().st_mtime < now - youngest:
                store.delete_manifest(name, manifest.digest)
    sweep(store, youngest)


def sweep(store: ImageStore, youngest: float = 0.0) -> None:
    """Removes blobs that no manifest names, as deleted images and broken pushes leave them behind."""
    named: set[str] = set()
    for name in store.repositories():
        for manifest in store.manifests(name):
            named |= {manifest.digest, *_named(manifest.decoded)}
    for path in store.blobs.iterdir():
        if f"sha256:{path.name}" not in named:
            with suppress(OSError), store.lock:
                if path.stat().st_mtime <= time.time() - youngest:
                    path.unlink()


def _superfluous(store: ImageStore, used: Used, most: int, oldest: float, youngest: float) -> list[_Tag]:
    """Tags that are not kept: of those in use all are, of the others the newest, as far as there is room."""
    tags = [_Tag(at, name, tag, it) for name in store.repositories() for tag, (it, at) in store.tagged(name).items()]
    needed = {each for each in tags if each.pushed > youngest or used(f"{each.repository}:{each.tag}")}
    needed |= {each for each in tags if used(each.digest)}
    blobs: set[str] = set()
    for each in needed:
        blobs |= _all_of(store, each)
    room, superfluous = most - _bytes(store, blobs), []
    for each in sorted(set(tags) - needed, reverse=True):
        more = _all_of(store, each) - blobs
        size = _bytes(store, more)
        if each.pushed < oldest or size > room:
            superfluous.append(each)
        else:
            blobs |= more
            room -= size
    return superfluous


def _all_of(store: ImageStore, tag: _Tag) -> set[str]:
    """The digests of all that a tag brings: its manifest, those of an index, and their parts."""
    found, left = set(), [tag.digest]
    while left:
        digest = left.pop()
        found.add(digest)
        if manifest := store.manifest(tag.repository, digest):
            left += set(_named(manifest.decoded)) - found
    return found


def _bytes(store: ImageStore, digests: Iterable[str]) -> int:
    total = 0
    for each in digests:
        with suppress(OSError):
            total += (store.blobs / each.removeprefix("sha256:")).stat().st_size
    return total


def _unreachable(manifests: list[Manifest], tagged: set[str]) -> list[Manifest]:
    """Manifests that neither have a tag, nor are part of one that has, nor are about one (`subject`)."""
    reached, more = set[str](), set(tagged)
    while more - reached:
        reached |= more
        for each in manifests:
            content = each.decoded
            if each.digest in reached:
                more |= set(_named(content))
            elif (content.get("subject") or {}).get("digest") in reached:
                more.add(each.digest)
    return [each for each in manifests if each.digest not in reached]


def _named(manifest: dict[str, Any]) -> list[str]:
    parts = [manifest.get("config"), *(manifest.get("layers") or ()), *(manifest.get("manifests") or ())]
    return [part.get("digest", "") for part in parts if part]
