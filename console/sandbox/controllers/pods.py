"""Every pod of the cluster, kept current with each write, by key, owner, namespace and node.

Replica sets, endpoints, budgets and the scheduler look at all pods of a workload whenever one of them changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal

from console.sandbox.controllers.pod import Pod, Shape, shape, view
from console.sandbox.store import Change, Entry, Key, Store

PodChanged = Callable[[Pod | None, Pod | None], None]


class Load:
    """What the unfinished pods of a node take together.

    Attributes:
        count: how many they are.
        requests: the sum of their requests by resource.
        owners: how many belong to each controller (uid).
        ports: how many use each port of the node, by number and protocol.
    """

    __slots__ = ("count", "owners", "ports", "requests")

    def __init__(self) -> None:
        self.count = 0
        self.requests: dict[str, Decimal] = {}
        self.owners: Counter[str] = Counter()
        self.ports: Counter[tuple[int, str]] = Counter()

    def add(self, pod: Pod, sign: int) -> None:
        """Counts a pod in (1) or out (-1)."""
        self.count += sign
        self.owners[pod.owner] += sign
        for resource, amount in pod.requests.items():
            self.requests[resource] = self.requests.get(resource, Decimal(0)) + sign * amount
        for port in pod.ports:
            if port.host:
                self.ports[port.host, port.protocol] += sign


class PodCache:
    """The pods by key, by owner, by namespace and by node.

    Args:
        store: is followed from now on.
    """

    def __init__(self, store: Store) -> None:
        self._pods: dict[Key, Pod] = {}
        self._owned: dict[str, dict[Key, Pod]] = defaultdict(dict)
        self._spaces: dict[str, dict[Key, Pod]] = defaultdict(dict)
        self._orphans: dict[str, dict[Key, Pod]] = defaultdict(dict)
        self._nodes: dict[str, dict[Key, Pod]] = defaultdict(dict)
        self._loads: dict[str, Load] = defaultdict(Load)
        self._shapes: dict[tuple[object, ...], Shape] = {}
        self._followers: list[PodChanged] = []
        for entry in store.entries("pods"):
            self._put(self._view(entry))
        store.subscribe("pods", self._changed)

    def get(self, key: Key) -> Pod | None:
        """The pod at a key."""
        return self._pods.get(key)

    def all(self) -> Iterable[Pod]:
        """Every pod."""
        return self._pods.values()

    def owned(self, uid: str) -> list[Pod]:
        """The pods whose controller has this uid."""
        return list(self._owned.get(uid, {}).values())

    def space(self, namespace: str) -> list[Pod]:
        """The pods of a namespace."""
        return list(self._spaces.get(namespace, {}).values())

    def orphans(self, namespace: str) -> list[Pod]:
        """The active pods of a namespace that have no controller."""
        return list(self._orphans.get(namespace, {}).values())

    def node(self, name: str) -> list[Pod]:
        """The pods bound to a node."""
        return list(self._nodes.get(name, {}).values())

    def load(self, node: str) -> Load:
        """What the pods of a node take."""
        return self._loads[node]

    def follow(self, changed: PodChanged) -> Callable[[], None]:
        """Calls with the pod after and before each change of these fields; returns the call that ends it."""
        self._followers.append(changed)
        return lambda: self._followers.remove(changed)

    def _changed(self, change: Change) -> None:
        before = self._pods.get(change.entry.key)
        after = None if change.type == "DELETED" else self._view(change.entry, before)
        if before == after:
            return
        if before:
            self._drop(before)
        if after:
            self._put(after)
        for each in tuple(self._followers):
            each(after, before)

    def _put(self, pod: Pod) -> None:
        self._pods[pod.key] = pod
        if pod.node and not pod.finished:
            self._loads[pod.node].add(pod, 1)
        for index, name in self._places(pod):
            index[name][pod.key] = pod

    def _drop(self, pod: Pod) -> None:
        del self._pods[pod.key]
        if pod.node and not pod.finished:
            self._loads[pod.node].add(pod, -1)
        for index, name in self._places(pod):
            del index[name][pod.key]
            if not index[name]:
                del index[name]

    def _places(self, pod: Pod) -> list[tuple[dict[str, dict[Key, Pod]], str]]:
        orphaned = pod.key.namespace if pod.active and not pod.owner else ""
        places = [(self._owned, pod.owner), (self._spaces, pod.key.namespace), (self._nodes, pod.node)]
        places.append((self._orphans, orphaned))
        return [(index, name) for index, name in places if name]

    def _view(self, entry: Entry, before: Pod | None = None) -> Pod:
        if before and before.uid == entry.uid:
            return view(entry, Shape(before.requests, before.ports))
        found = shape(entry)
        return view(entry, self._shapes.setdefault((*sorted(found.requests.items()), *found.ports), found))
