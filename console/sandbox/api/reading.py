"""The read half of the machinery: objects as they are stored, freshly decoded."""

from __future__ import annotations

from console.sandbox.api import errors
from console.sandbox.api.resources import RESOURCES, Object, Resource
from console.sandbox.api.selectors import Selector
from console.sandbox.api.watching import Watch
from console.sandbox.store import Entry, Key, Store

Objects = list[Object]


def resource_of(name: str) -> Resource:
    """A kind by the name in its path.

    Raises:
        StatusError: 404, there is no such kind.
    """
    try:
        return RESOURCES[name]
    except KeyError:
        raise errors.no_such_path() from None


class Reader:
    """Finds objects.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def entry(self, resource: str, namespace: str, name: str) -> Entry:
        """The stored entry.

        Raises:
            StatusError: 404.
        """
        kind = resource_of(resource)
        found = self.store.get(Key(resource, namespace if kind.namespaced else "", name))
        if not found:
            raise errors.not_found(kind, name)
        return found

    def find(self, resource: str, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        found = self.store.get(Key(resource, namespace if RESOURCES[resource].namespaced else "", name))
        return found.object if found else None

    def get(self, resource: str, namespace: str, name: str) -> Object:
        """The object.

        Raises:
            StatusError: 404.
        """
        return self.entry(resource, namespace, name).object

    def list(self, resource: str, namespace: str = "", *, labels: Selector | None = None) -> Objects:
        """The objects of a kind in one namespace or in all, ordered by namespace and name."""
        entries = self.store.entries(resource, namespace)
        return [each.object for each in entries if labels is None or labels.matches(each.labels)]

    def owned_by(self, uid: str, resource: str) -> Objects:
        """The objects of a kind whose controller is the object with this uid."""
        entries = self.store.dependents(uid)
        return [each.object for each in entries if each.key.resource == resource and each.controller == uid]

    def dependents(self, uid: str) -> Objects:
        """Every object, of any kind, that names this uid among its owners."""
        return [each.object for each in self.store.dependents(uid)]

    def on_node(self, node: str) -> Objects:
        """The pods bound to a node."""
        return [each.object for each in self.store.on_node(node)]

    def watch(self, resource: str, namespace: str = "", *, since: int | None = None) -> Watch:
        """Follows a kind. Without `since` it begins with what exists, as `ADDED`.

        Raises:
            StatusError: 410, `since` is older than the history.
        """
        resource_of(resource)
        return Watch(self.store, resource, namespace, since=since)
