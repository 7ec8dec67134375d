"""Services as real sockets: each TCP port of each Service listens on the Service's own loopback address."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.network.endpoints import EndpointTable
from console.sandbox.network.tcp import Accepted, Listener
from console.sandbox.store import Change, Key

log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a Service's port listens, and what it is called."""

    address: str
    port: int
    name: str


class ServiceProxy:
    """Opens and closes listeners as Services come and go.

    Args:
        machinery: the cluster.
        endpoints: where connections go.
    """

    name = "service-proxy"

    def __init__(self, machinery: Machinery, endpoints: EndpointTable) -> None:
        self._machinery = machinery
        self._endpoints = endpoints
        self._listeners: dict[Key, dict[Place, Listener]] = {}
        self._connected: set[Accepted] = set()
        self._waiting: dict[Key, None] = {}
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Works until cancelled."""
        store = self._machinery.store
        end = store.subscribe("services", self._changed)
        for entry in store.entries("services"):
            self._waiting[entry.key] = None
        try:
            while True:
                while self._waiting:
                    key = next(iter(self._waiting))
                    del self._waiting[key]
                    await self._settle(key)
                self._news.clear()
                await self._news.wait()
        finally:
            end()
            self._close_all()

    def _changed(self, change: Change) -> None:
        self._waiting[change.entry.key] = None
        self._news.set()

    def _close_all(self) -> None:
        for listeners in self._listeners.values():
            for each in listeners.values():
                each.close()
        for connection in tuple(self._connected):
            connection.abort()

    async def _settle(self, key: Key) -> None:
        """Makes one Service's listeners what its spec says."""
        service = self._machinery.find(*key)
        wanted = set(places(service)) if service else set()
        open_ = self._listeners.setdefault(key, {})
        for place in set(open_) - wanted:
            open_.pop(place).close()
        for place in sorted(wanted - set(open_)):
            await self._open(key, place, open_)
        if not open_:
            del self._listeners[key]
        if service and service["spec"].get("type") == "LoadBalancer":
            self._tell_address(key, service)

    async def _open(self, key: Key, place: Place, open_: dict[Place, Listener]) -> None:
        listener = Listener(self._choose(key, place.name), self._connected)
        try:
            await listener.open(place.address, place.port)
        except OSError as error:
            self._complain(key, place, error)
        else:
            open_[place] = listener

    def _choose(self, key: Key, name: str) -> Callable[[], Iterable[tuple[str, int]]]:
        return lambda: self._endpoints.choose(key, name)

    def _complain(self, key: Key, place: Place, error: OSError) -> None:
        service = self._machinery.find(*key)
        message = f"cannot listen on {place.address}:{place.port}: {os.strerror(error.errno or 0)}"
        if isinstance(error, PermissionError):
            message += "; ports below 1024 need a right that this user has not: give the Service a port from 1024 up"
        log.warning("service %s/%s: %s", key.namespace, key.name, message)
        if service:
            self._machinery.event(service, type="Warning", reason="FailedToListen", message=message, source=self.name)

    def _tell_address(self, key: Key, service: Object) -> None:
        def change(obj: Object) -> None:
            obj.setdefault("status", {})["loadBalancer"] = {"ingress": [{"ip": service["spec"]["clusterIP"]}]}

        self._machinery.mutate(*key, change, subresource="status")


def places(service: Object) -> list[Place]:
    """Where a Service listens: nowhere when it is headless, external, or has no TCP port."""
    spec = service["spec"]
    address = spec.get("clusterIP")
    if address in (None, "", "None") or spec.get("type") == "ExternalName":
        return []
    return [
        Place(address, each["port"], each.get("name") or "")
        for each in spec.get("ports") or ()
        if each.get("protocol", "TCP") == "TCP"
    ]
