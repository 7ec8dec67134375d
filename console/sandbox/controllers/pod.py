"""A pod reduced to what the controllers ask about.

Decoding a whole pod costs several times as much as these few fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from sys import intern
from typing import NamedTuple

import msgspec

from console.sandbox.api import pods as resources_of
from console.sandbox.api import quantity
from console.sandbox.store import Entry, Key

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


class Shape(NamedTuple):
    """What of a pod never changes, and pods of a workload have in common: its requests and ports."""

    requests: Mapping[str, Decimal]
    ports: tuple[Port, ...]


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
    pod_ip: str = msgspec.field(default="", name="podIP")


class _Spec(msgspec.Struct, rename="camel"):
    hostname: str = ""


class _Raw(msgspec.Struct):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Raw).decode
_OWNERS = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs"}


def shape(entry: Entry) -> Shape:
    """Requests and ports; needs the whole pod."""
    pod = entry.object
    ports = tuple(
        Port(each.get("name", ""), each["containerPort"], each.get("protocol", "TCP"), each.get("hostPort", 0))
        for container in resources_of.containers(pod["spec"])
        for each in container.get("ports") or ()
    )
    amounts = resources_of.resources(pod)["requests"]
    return Shape({name: quantity.parse(each) for name, each in amounts.items()}, ports)


def view(entry: Entry, known: Shape) -> Pod:
    """The pod as it is stored now."""
    raw = _decode(entry.raw)
    ready = next((each for each in raw.status.conditions or () if each.type == "Ready"), None)
    is_ready = bool(ready and ready.status == "True")
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
        ip=raw.status.pod_ip,
        hostname=raw.spec.hostname,
        requests=known.requests,
        ports=known.ports,
    )


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
