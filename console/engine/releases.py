"""Releases, kept in the cluster: so every console and every pipeline sees the same history of a stack.

Each is a Secret in the stack's namespace, for it holds the values of the stack's Secrets.
"""

from __future__ import annotations

import asyncio
import gzip
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from console.engine.ports import Cluster
from console.model.errors import ConflictError, ConsoleError, DeniedError
from console.model.plan import ObjectRef
from console.model.release import Release
from console.model.stack import JSON, STACK_LABEL

KEEP = 20
"""Releases of a stack that are kept."""
LIMIT = 1 << 20
"""Bytes that the values of a Secret may have (kubernetes.io, "Secrets", restriction on size)."""
RELEASE_TYPE = "stack-console/release.v1"
KIND_LABEL = "stack-console/kind"
_DECODER = msgspec.json.Decoder(Release)
_BROKEN = (msgspec.MsgspecError, ValueError, KeyError, OSError, EOFError)


async def read_releases(cluster: Cluster, stack: str, namespace: str) -> tuple[Release, ...]:
    """The releases of a stack, the newest first; one that cannot be read is left out.

    Raises:
        DeniedError: Secrets may not be listed.
    """
    labels = f"{STACK_LABEL}={stack},{KIND_LABEL}=release"
    found = await cluster.list("v1", "Secret", namespace, labels=labels)
    releases = await asyncio.to_thread(_decode_all, [body for body in found if body.get("type") == RELEASE_TYPE])
    return tuple(sorted(releases, key=lambda release: release.number, reverse=True))


async def write_release(cluster: Cluster, release: Release, namespace: str) -> tuple[Release, tuple[str, ...]]:
    """Keeps a release under its number, or the next one that is free; as it was kept, and warnings.

    Raises:
        DeniedError: Secrets may not be created.
    """
    warnings: tuple[str, ...] = ()
    while True:
        data = await asyncio.to_thread(_encode, release)
        if len(data) > LIMIT and release.objects:
            warnings = (f"release {release.number} is too large to be kept whole: it cannot be rolled back to",)
            release = replace(release, objects=())
            continue
        try:
            await cluster.create(_secret(release, data, namespace))
            break
        except ConflictError:
            if await _is_kept(cluster, release, data, namespace):
                break
            # Somebody who did not hold the lock, or an earlier one that was cut off behind our back.
            release = replace(release, number=release.number + 1)
    await _drop_old(cluster, release, namespace)
    return release, warnings


def next_number(releases: Iterable[Release]) -> int:
    """The number of the release that comes after these."""
    return max((release.number for release in releases), default=0) + 1


def last_good(releases: Iterable[Release]) -> Release | None:
    """The newest release that was well, and that can be applied again; of releases the newest first."""
    return next((release for release in releases if release.outcome == "done" and release.objects), None)


def is_release(body: JSON) -> bool:
    """True for a Secret that holds a release."""
    return body.get("kind") == "Secret" and body.get("type") == RELEASE_TYPE


def release_ref(stack: str, number: int, namespace: str) -> ObjectRef:
    """Where a release is kept."""
    return ObjectRef("v1", "Secret", namespace, f"stack-console.{stack}.v{number}")


async def _is_kept(cluster: Cluster, release: Release, data: bytes, namespace: str) -> bool:
    """Whether it was kept already, and only the answer was lost."""
    try:
        found = await cluster.get(release_ref(release.stack, release.number, namespace))
    except DeniedError:
        return False
    return found is not None and (found.get("data") or {}).get("release") == b64encode(data).decode()


def _secret(release: Release, data: bytes, namespace: str) -> JSON:
    name = release_ref(release.stack, release.number, namespace).name
    labels = {STACK_LABEL: release.stack, KIND_LABEL: "release"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": RELEASE_TYPE,
        "immutable": True,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"release": b64encode(data).decode()},
    }


def _encode(release: Release) -> bytes:
    return gzip.compress(msgspec.json.encode(release), mtime=0)


def _decode_all(bodies: Iterable[JSON]) -> list[Release]:
    releases = []
    for body in bodies:
        try:
            releases.append(_DECODER.decode(gzip.decompress(b64decode(body["data"]["release"]))))
        except _BROKEN:
            continue
    return releases


async def _drop_old(cluster: Cluster, newest: Release, namespace: str) -> None:
    """Removes what is more than is kept. To keep more than that does no harm."""
    try:
        for release in (await read_releases(cluster, newest.stack, namespace))[KEEP:]:
            await cluster.delete(release_ref(newest.stack, release.number, namespace))
    except ConsoleError:
        return
