"""What every controller is: it follows some kinds, and brings one object at a time to where it should be.

Reading, deciding and writing are synchronous, so nothing changes in between; a controller yields to the loop after
every object. A failure is tried again with a back-off; a missed change is impossible, since changes come by call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers.queue import WorkQueue
from console.sandbox.store import Change, Key

log = logging.getLogger(__name__)


class Retry(Exception):  # noqa: N818 - an order, not an error
    """Raised by `reconcile` when the object has to be looked at again with a back-off, and all is said already."""


class Controller:
    """Base of the controllers.

    Attributes:
        name: names the task, and is the source of the Events.

    Args:
        machinery: the cluster.
    """

    name: ClassVar[str]

    def __init__(self, machinery: Machinery) -> None:
        self.machinery = machinery
        self.queue: WorkQueue[Key] = WorkQueue()
        self._ends: list[Callable[[], Any]] = []

    def follow(self, resource: str, keys: Callable[[Change], Iterable[Key]]) -> None:
        """Queues the keys that a change of this kind concerns; what exists counts as added."""

        def changed(change: Change) -> None:
            for key in keys(change):
                self.queue.add(key)

        for entry in self.machinery.store.entries(resource):
            changed(Change("ADDED", entry))
        self._ends.append(self.machinery.store.subscribe(resource, changed))

    def start(self) -> None:
        """Begins to follow what this controller needs; called once, in the loop."""
        raise NotImplementedError

    def reconcile(self, key: Key) -> float | None:
        """Brings one object to where it should be.

        Returns:
            The seconds after which to look again, if that is not caused by a change.
        """
        raise NotImplementedError

    async def run(self) -> None:
        """Works until cancelled."""
        self.start()
        try:
            while True:
                self.attempt(await self.queue.get())
                await asyncio.sleep(0)
        finally:
            self.stop()

    def stop(self) -> None:
        """Follows nothing any more; idempotent."""
        for end in self._ends:
            end()
        self._ends.clear()
        self.queue.close()

    def attempt(self, key: Key) -> None:
        """Reconciles one key; failures are retried with a back-off and never end the controller."""
        try:
            again = self.reconcile(key)
        except Retry:
            self.queue.retry(key)
        except StatusError as error:
            log.debug("%s: %s: %s", self.name, "/".join(key), error.message)
            self.queue.retry(key)
        except Exception:
            log.exception("%s: %s failed, tries again", self.name, "/".join(key))
            self.queue.retry(key)
        else:
            self.queue.forget(key)
            if again is not None:
                self.queue.add_after(key, max(again, 0.0))

    def event(self, about: Object, type: str, reason: str, message: str) -> None:
        """Records an Event about an object, from this controller."""
        self.machinery.event(about, type=type, reason=reason, message=message, source=self.name)


def itself(change: Change) -> Iterable[Key]:
    """The changed object's own key."""
    return (change.entry.key,)


def key_of(resource: str, obj: Object) -> Key:
    """The key of an object."""
    return Key(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def owner_reference(owner: Object) -> Object:
    """The reference by which an object belongs to its controller."""
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The owner reference of the controller of an object."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((each for each in references if each.get("controller")), None)


def deleting(obj: Object) -> bool:
    """Marked for deletion."""
    return bool(obj["metadata"].get("deletionTimestamp"))
