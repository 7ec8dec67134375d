"""Where a Service's connections may go, from its EndpointSlices, current with every write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from console.sandbox.store import Change, Key, Store

SERVICE_NAME = "kubernetes.io/service-name"


class Endpoint(NamedTuple):
    """One address of a Service, with its ports by name; a port without one has the empty name."""

    address: str
    ports: Mapping[str, int]
    ready: bool
    serving: bool


class EndpointTable:
    """The endpoints of all Services.

    Args:
        store: is followed from now on.
    """

    def __init__(self, store: Store) -> None:
        self._slices: dict[Key, dict[Key, list[Endpoint]]] = defaultdict(dict)
        self._turns: dict[tuple[Key, str], int] = defaultdict(int)
        for entry in store.entries("endpointslices"):
            self._changed(Change("ADDED", entry))
        store.subscribe("endpointslices", self._changed)

    def _changed(self, change: Change) -> None:
        entry = change.entry
        service = Key("services", entry.key.namespace, entry.labels.get(SERVICE_NAME, ""))
        self._slices[service].pop(entry.key, None)
        if change.type != "DELETED":
            self._slices[service][entry.key] = list(_read(change))
        elif not self._slices[service]:
            del self._slices[service]

    def choose(self, service: Key, port: str) -> Iterator[tuple[str, int]]:
        """Addresses to try, each once, beginning with the one whose turn it is.

        Without a ready endpoint those that end but still serve are taken, as kube-proxy does (KEP-1669).
        """
        every = [each for part in self._slices.get(service, {}).values() for each in part if port in each.ports]
        usable = [each for each in every if each.ready] or [each for each in every if each.serving]
        turn = self._turns[service, port] = self._turns[service, port] + 1
        for index in range(len(usable)):
            chosen = usable[(turn + index) % len(usable)]
            yield chosen.address, chosen.ports[port]


def _read(change: Change) -> Iterator[Endpoint]:
    ports = {each.get("name") or "": each["port"] for each in change.object.get("ports") or () if each.get("port")}
    for each in change.object.get("endpoints") or ():
        conditions = each.get("conditions") or {}
        ready = conditions.get("ready") is not False
        for address in each["addresses"][:1]:
            yield Endpoint(address, ports, ready, conditions.get("serving", ready) is not False)
