"""Namespaces: what they hold is removed before they go (`pkg/controller/namespace/deletion`)."""

from __future__ import annotations

from collections.abc import Iterable

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import RESOURCES, Object
from console.sandbox.controllers.runtime import Controller, deleting, itself
from console.sandbox.controllers.status import condition, merge
from console.sandbox.store import Change, Entry, Key

_KINDS = [each for each in RESOURCES.values() if each.namespaced]
_ACCOUNT, _ROOT = ("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")


class Namespaces(Controller):
    """Empties namespaces that are being deleted; gives the others back their default account and root certificate.

    Args:
        machinery: the cluster.
    """

    name = "namespace-controller"

    def __init__(self, machinery: Machinery) -> None:
        super().__init__(machinery)

    def start(self) -> None:
        """Follows namespaces, and whatever leaves one."""
        self.follow("namespaces", itself)
        for kind in _KINDS:
            if kind.name != "events":
                self.follow(kind.name, self._left)

    def _left(self, change: Change) -> Iterable[Key]:
        key = change.entry.key
        emptied = not self.machinery.store.count(key.resource, key.namespace)
        if change.type == "DELETED" and (emptied or (key.resource, key.name) in (_ACCOUNT, _ROOT)):
            yield Key("namespaces", "", key.namespace)

    def reconcile(self, key: Key) -> float | None:
        """Looks after one namespace."""
        namespace = self.machinery.find(*key)
        if namespace is None:
            return None
        if not deleting(namespace):
            self.machinery.furnish(key.name)
        elif "kubernetes" in (namespace["spec"].get("finalizers") or ()):
            self._empty(key)
        return None

    def _empty(self, key: Key) -> None:
        for kind in _KINDS:
            for entry in self.machinery.store.entries(kind.name, key.name):
                if not deleting(entry.object):
                    self.machinery.delete(*entry.key, propagation="Background", uid=entry.uid)
        remaining = {f"{kind.name}.{kind.group}": self.machinery.store.entries(kind.name, key.name) for kind in _KINDS}
        remaining = {name: entries for name, entries in remaining.items() if entries}
        self._report(key, remaining)
        if not remaining:
            self._finish(key)

    def _report(self, key: Key, remaining: dict[str, list[Entry]]) -> None:
        def change(obj: Object) -> None:
            obj["status"]["phase"] = "Terminating"
            obj["status"]["conditions"] = merge(obj["status"].get("conditions"), *_conditions(remaining))

        self.machinery.mutate(*key, change, subresource="status")

    def _finish(self, key: Key) -> None:
        def change(obj: Object) -> None:
            kept = [each for each in obj["spec"].get("finalizers") or () if each != "kubernetes"]
            obj["spec"]["finalizers"] = kept

        self.machinery.mutate(*key, change, subresource="finalize")


def _conditions(remaining: dict[str, list[Entry]]) -> list[Object]:
    finalizers: dict[str, int] = {}
    for entry in (each for entries in remaining.values() for each in entries):
        for name in entry.object["metadata"].get("finalizers") or ():
            finalizers[name] = finalizers.get(name, 0) + 1
    return [
        condition(
            "NamespaceDeletionDiscoveryFailure", False, "ResourcesDiscovered", "All resources successfully discovered"
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            False,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        condition(
            "NamespaceDeletionContentFailure",
            False,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        _content(remaining),
        _finalizers(finalizers),
    ]


def _content(remaining: dict[str, list[Entry]]) -> Object:
    if not remaining:
        return condition("NamespaceContentRemaining", False, "ContentRemoved", "All content successfully removed")
    listed = ", ".join(f"{name} has {len(entries)} resource instances" for name, entries in sorted(remaining.items()))
    return condition(
        "NamespaceContentRemaining", True, "SomeResourcesRemain", f"Some resources are remaining: {listed}"
    )


def _finalizers(found: dict[str, int]) -> Object:
    type_ = "NamespaceFinalizersRemaining"
    if not found:
        return condition(type_, False, "ContentHasNoFinalizers", "All content-preserving finalizers finished")
    listed = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(found.items()))
    return condition(
        type_, True, "SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {listed}"
    )
