"""Every pod of the cluster, reduced to what the controllers ask about, kept current with each write.

Decoding a whole pod costs several times as much as these few fields, and replica sets, endpoints, budgets and the
scheduler look at all pods of a workload whenever one of them changes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from sys import intern
from typing import Any, NamedTuple

import msgspec

from console.sandbox.api import pods as resources_of
from console.sandbox.api import quantity
from console.sandbox.store import Change, Entry, Key, Store

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class Port(NamedTuple):
    """A port of a container: its name, number, protocol, and the port it takes on the node (0: none)."""

    name: str
    number: int
    protocol: str
    host: int


@dataclass(frozen=True, slots=True)
class Pod:
    """What controllers know of a pod.

    Attributes:
        owner: uid of its controller, empty for a pod of its own.
        owner_key: the controller's key, None where the kind is not ours.
        ready_since: RFC 3339, when it became ready; empty while it is not.
        deleting: it has been asked to end.
        requests: what it requests of a node, by resource, in base units.
    """

    key: Key
    uid: str
    labels: Mapping[str, str]
    owner: str
    owner_key: Key | None
    node: str
    phase: str
    ready: bool
    ready_since: str
    deleting: bool
    created: str
    restarts: int
    deletion_cost: int
    ip: str
    hostname: str
    requests: Mapping[str, Decimal]
    ports: tuple[Port, ...]

    @property
    def finished(self) -> bool:
        """All its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """Counts as a replica."""
        return not self.deleting and not self.finished


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


class _Owner(msgspec.Struct):
    name: str
    kind: str
    controller: bool = False


class _Meta(msgspec.Struct, rename="camel"):
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[_Owner] | None = None


class _Condition(msgspec.Struct, rename="camel"):
    type: str
    status: str
    last_transition_time: str | None = None


class _ContainerStatus(msgspec.Struct, rename="camel"):
    restart_count: int = 0


class _Status(msgspec.Struct, rename="camel"):
    phase: str = "Pending"
    conditions: list[_Condition] | None = None
    container_statuses: list[_ContainerStatus] | None = None
    pod_i_p: str = msgspec.field(default="", name="podIP")


class _Spec(msgspec.Struct, rename="camel"):
    hostname: str = ""


class _Raw(msgspec.Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Raw).decode
_OWNERS = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs"}
PodChanged = Callable[[Pod | None, Pod | None], None]


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
        self._shapes: dict[tuple[Any, ...], tuple[Mapping[str, Decimal], tuple[Port, ...]]] = {}
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
        raw = _decode(entry.raw)
        ready = next((each for each in raw.status.conditions or () if each.type == "Ready"), None)
        is_ready = bool(ready and ready.status == "True")
        same = before is not None and before.uid == entry.uid
        requests, ports = (before.requests, before.ports) if before and same else self._shape(entry)
        return Pod(
            key=entry.key,
            uid=entry.uid,
            labels=entry.labels,
            owner=intern(entry.controller),
            owner_key=_owner_key(entry.key.namespace, raw.metadata.owner_references),
            node=intern(entry.node),
            phase=intern(raw.status.phase),
            ready=is_ready,
            ready_since=(ready.last_transition_time or "") if ready and is_ready else "",
            deleting=raw.metadata.deletion_timestamp is not None,
            created=raw.metadata.creation_timestamp,
            restarts=sum(each.restart_count for each in raw.status.container_statuses or ()),
            deletion_cost=_cost(raw.metadata.annotations),
            ip=raw.status.pod_i_p,
            hostname=raw.spec.hostname,
            requests=requests,
            ports=ports,
        )

    def _shape(self, entry: Entry) -> tuple[Mapping[str, Decimal], tuple[Port, ...]]:
        """Requests and ports; pods of a workload share one copy."""
        pod = entry.object
        ports = tuple(
            Port(each.get("name", ""), each["containerPort"], each.get("protocol", "TCP"), each.get("hostPort", 0))
            for container in resources_of.containers(pod["spec"])
            for each in container.get("ports") or ()
        )
        requests = {name: quantity.parse(each) for name, each in resources_of.resources(pod)["requests"].items()}
        return self._shapes.setdefault((*sorted(requests.items()), *ports), (requests, ports))


def _owner_key(namespace: str, owners: list[_Owner] | None) -> Key | None:
    for each in owners or ():
        if each.controller and each.kind in _OWNERS:
            return Key(_OWNERS[each.kind], namespace, intern(each.name))
    return None


def _cost(annotations: dict[str, str] | None) -> int:
    try:
        return int((annotations or {}).get(DELETION_COST, 0))
    except ValueError:
        return 0
