"""Who belongs to whom: adopting what matches and has no owner, letting go of what no longer matches.

Rules: `pkg/controller/controller_ref_manager.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.runtime import controller_of, deleting, owner_reference
from console.sandbox.store import Key


class Claims:
    """The pods of one kind of owner.

    Args:
        machinery: the cluster.
        pods: its pods.
        resource: the owner's kind, plural.
    """

    def __init__(self, machinery: Machinery, pods: PodCache, resource: str) -> None:
        self._machinery = machinery
        self._pods = pods
        self._resource = resource

    def candidates(self, pod: Pod) -> Iterator[Key]:
        """Owners that would adopt this pod, which has none."""
        for entry in self._machinery.store.entries(self._resource, pod.key.namespace):
            selector = Selector.of(entry.object["spec"].get("selector"))
            if selector and selector.matches(pod.labels):
                yield entry.key

    def claim(self, owner: Object) -> list[Pod]:
        """The owner's pods, after adopting those that match and releasing those that do not any more."""
        metadata, uid = owner["metadata"], owner["metadata"]["uid"]
        selector = Selector.of(owner["spec"].get("selector")) or Selector()
        matches = matcher(selector)
        for pod in self._pods.owned(uid):
            if not matches(pod) and not pod.deleting:
                release(self._machinery, "pods", pod.key, uid)
        if not deleting(owner):
            for pod in self._pods.orphans(metadata["namespace"]):
                if matches(pod):
                    adopt(self._machinery, "pods", pod.key, owner)
        return self._pods.owned(uid)


def matcher(selector: Selector) -> Callable[[Pod], bool]:
    """Asks a selector once for all pods with the same labels, which share one dict."""
    known: dict[int, bool] = {}

    def matches(pod: Pod) -> bool:
        found = known.get(id(pod.labels))
        if found is None:
            found = known[id(pod.labels)] = selector.matches(pod.labels)
        return found

    return matches


def adopt(machinery: Machinery, resource: str, key: Key, owner: Object) -> None:
    """Makes an object that has no controller belong to one."""

    def change(obj: Object) -> None:
        if not controller_of(obj):
            obj["metadata"].setdefault("ownerReferences", []).append(owner_reference(owner))

    machinery.mutate(resource, key.namespace, key.name, change)


def release(machinery: Machinery, resource: str, key: Key, uid: str) -> None:
    """Takes an owner away from an object."""

    def change(obj: Object) -> None:
        kept = [each for each in obj["metadata"].get("ownerReferences") or () if each["uid"] != uid]
        obj["metadata"]["ownerReferences"] = kept
        if not kept:
            del obj["metadata"]["ownerReferences"]

    machinery.mutate(resource, key.namespace, key.name, change)
