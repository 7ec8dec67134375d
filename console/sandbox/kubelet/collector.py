"""Once in a while: unpacked images that no pod uses go, and of the registry what nothing in the cluster names.

As the kubelet does it (`pkg/kubelet/images/image_gc_manager.go`): by age, and beyond a bound of the disk those first
that were used longest ago.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from console.sandbox.api.machinery import Machinery
from console.sandbox.image_garbage import prune
from console.sandbox.kubelet.images import Images
from console.sandbox.kubelet.node import Kubelet
from console.sandbox.kubelet.trees import MINIMUM_AGE, collect
from console.sandbox.settings import Settings
from console.sandbox.store import Entry

log = logging.getLogger(__name__)
EVERY = 300.0
"""Seconds between two rounds (`ImageGCPeriod`), scaled as the minimum age is."""
_WORKLOADS = ("deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions", "jobs")
_NAMING = (*_WORKLOADS, "configmaps", "secrets")
_GZIP, _LARGEST = 31, 16 << 20


class Collector:
    """Keeps the images of one cluster within their bounds.

    Args:
        machinery: the cluster, whose objects name images.
        images: of the cluster.
        nodes: whose pods use images.
        settings: `image_bytes`, `image_age`, `time_scale`.
    """

    def __init__(self, machinery: Machinery, images: Images, nodes: Iterable[Kubelet], settings: Settings) -> None:
        self._store, self._images, self._nodes = machinery.store, images, list(nodes)
        self._settings = settings
        self._youngest = MINIMUM_AGE * settings.time_scale

    async def run(self) -> None:
        """Works until cancelled; what cannot be removed now is tried again in the next round."""
        while True:
            await asyncio.sleep(EVERY * self._settings.time_scale)
            try:
                await self.round()
            except OSError as error:
                log.warning("images: %s", error)

    async def round(self) -> None:
        """One round."""
        trees, settings, youngest = self._images.trees, self._settings, self._youngest
        trees.release(self._wanted(), youngest)
        bounds = settings.image_bytes, settings.image_age, youngest
        removed = await asyncio.to_thread(collect, trees.folder, *bounds)
        for each in removed:
            log.info("image %s is used by no pod, removed", each.name[:12])
        await asyncio.to_thread(self._prune, list(self._naming()))

    def _prune(self, entries: list[Entry]) -> None:
        bodies = [body for each in entries for body in _bodies(each)]

        def used(name: str) -> bool:
            return any(name.encode() in body for body in bodies)

        settings = self._settings
        store = self._images.registry.store
        prune(store, used, most=settings.image_bytes, longest=settings.image_age, youngest=self._youngest)

    def _wanted(self) -> set[Path]:
        return {root for each in self._nodes for root in each.image_roots()}

    def _naming(self) -> Iterator[Entry]:
        """The objects that may name an image; pods of virtual nodes have none."""
        real = {"", *(each.host.name for each in self._nodes)}
        yield from (each for each in self._store.entries("pods") if each.node in real)
        for resource in _NAMING:
            yield from self._store.entries(resource)


def _bodies(entry: Entry) -> Iterator[bytes]:
    """What an object says; a Secret may hold a release, compressed, from which its images can be had again."""
    yield entry.raw
    if entry.key.resource == "secrets":
        for each in (entry.object.get("data") or {}).values():
            value = b64decode(each)
            with suppress(zlib.error):
                yield zlib.decompressobj(_GZIP).decompress(value, _LARGEST) if value[:2] == b"\x1f\x8b" else value
