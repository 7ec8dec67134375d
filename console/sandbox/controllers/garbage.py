"""Garbage collection: what belongs to something that is gone goes too (`pkg/controller/garbagecollector`)."""

from __future__ import annotations

from collections.abc import Iterable

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import BY_KIND, RESOURCES, Object
from console.sandbox.controllers import ownership
from console.sandbox.controllers.runtime import Controller, deleting, key_of
from console.sandbox.store import Change, Entry, Key

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class GarbageCollector(Controller):
    """Deletes dependents in the background, or first (foreground), or lets them go (orphan).

    A key is looked at as a dependent (are its owners there?) and as an owner (do its dependents let it go?).

    Args:
        machinery: the cluster.
    """

    name = "garbage-collector-controller"

    def __init__(self, machinery: Machinery) -> None:
        super().__init__(machinery)

    def start(self) -> None:
        """Follows every kind."""
        for resource in RESOURCES:
            if resource != "events":
                self.follow(resource, self._concerned)

    def _concerned(self, change: Change) -> Iterable[Key]:
        entry = change.entry
        if change.type == "DELETED":
            yield from (each.key for each in self.machinery.store.dependents(entry.uid))
            yield from self._owners(entry)
        elif _news(change) and (entry.owners or deleting(change.object)):
            yield entry.key
            yield from self._owners(entry)

    def _owners(self, entry: Entry) -> Iterable[Key]:
        """Owners that may wait for this dependent."""
        for each in entry.object["metadata"].get("ownerReferences") or () if entry.owners else ():
            if kind := BY_KIND.get((each["apiVersion"], each["kind"])):
                yield Key(kind.name, entry.key.namespace if kind.namespaced else "", each["name"])

    def reconcile(self, key: Key) -> float | None:
        """Settles one object, as a dependent and as an owner."""
        obj = self.machinery.find(*key)
        if obj and deleting(obj):
            self._settle_owner(key, obj)
        elif obj and obj["metadata"].get("ownerReferences"):
            self._settle_dependent(key, obj)
        return None

    def _settle_dependent(self, key: Key, obj: Object) -> None:
        """Deletes an object whose owners are all gone; forgets those that are, while others remain."""
        references = obj["metadata"]["ownerReferences"]
        owners = [self._owner(key, each) for each in references]
        solid = [each for each in owners if each and not _in_foreground(each)]
        waiting = [each for each in owners if each and _in_foreground(each)]
        if solid:
            for reference, owner in zip(references, owners, strict=True):
                if owner is None or owner in waiting:
                    ownership.release(self.machinery, key.resource, key, reference["uid"])
        elif waiting and self.machinery.dependents(obj["metadata"]["uid"]):
            self.machinery.delete(*key, propagation="Foreground", uid=obj["metadata"]["uid"])
        else:
            self.machinery.delete(*key, propagation=_default(obj), uid=obj["metadata"]["uid"])

    def _owner(self, key: Key, reference: Object) -> Object | None:
        """The owner as it is, None when it is gone. A kind that we do not know is left alone, as if it were there."""
        kind = BY_KIND.get((reference["apiVersion"], reference["kind"]))
        if not kind:
            return {"metadata": {"uid": reference["uid"]}}
        found = self.machinery.find(kind.name, key.namespace, reference["name"])
        return found if found and found["metadata"]["uid"] == reference["uid"] else None

    def _settle_owner(self, key: Key, obj: Object) -> None:
        finalizers = obj["metadata"].get("finalizers") or []
        dependents = self.machinery.dependents(obj["metadata"]["uid"])
        if ORPHAN in finalizers:
            for each in dependents:
                resource = BY_KIND[each["apiVersion"], each["kind"]].name
                ownership.release(self.machinery, resource, key_of(resource, each), obj["metadata"]["uid"])
            self._remove_finalizer(key, ORPHAN)
        elif FOREGROUND in finalizers:
            for each in dependents:
                resource = BY_KIND[each["apiVersion"], each["kind"]].name
                if not deleting(each):
                    self._settle_dependent(key_of(resource, each), each)
            if not any(
                _blocks(each, obj["metadata"]["uid"]) for each in self.machinery.dependents(obj["metadata"]["uid"])
            ):
                self._remove_finalizer(key, FOREGROUND)

    def _remove_finalizer(self, key: Key, name: str) -> None:
        def change(obj: Object) -> None:
            obj["metadata"]["finalizers"] = [each for each in obj["metadata"].get("finalizers") or () if each != name]

        self.machinery.mutate(*key, change)


def _news(change: Change) -> bool:
    """Not one of the many writes that leave owners and deletion as they are."""
    before, entry = change.previous, change.entry
    return before is None or before.owners != entry.owners or b'"deletionTimestamp"' in entry.raw


def _in_foreground(owner: Object) -> bool:
    return deleting(owner) and FOREGROUND in (owner["metadata"].get("finalizers") or ())


def _default(obj: Object) -> str:
    """An object that was told already what becomes of its own dependents keeps to that."""
    finalizers = obj["metadata"].get("finalizers") or ()
    return "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"


def _blocks(dependent: Object, uid: str) -> bool:
    references = dependent["metadata"].get("ownerReferences") or ()
    return any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in references)
