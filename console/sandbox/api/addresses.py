"""Addresses of Services, out of the cluster's own loopback range."""

from __future__ import annotations

import zlib
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from console.sandbox.api import errors
from console.sandbox.api.resources import Object, Resource

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery


class ServiceAddresses:
    """Gives every Service that wants one an address of its own; the Services themselves say which are taken.

    The address follows from the name as long as it is free, so a Service that is made anew gets the one it had, and one
    that is still to come can be told its address before.

    Args:
        machinery: where the Services are.
        network: the range; the first 10 addresses are given only to those who ask for them by name.
    """

    def __init__(self, machinery: Machinery, network: IPv4Network) -> None:
        self._machinery = machinery
        self._network = network
        self._expected: dict[tuple[str, str], str] = {}

    def assign(self, kind: Resource, obj: Object, old: Object | None) -> None:
        """Sets clusterIP and clusterIPs where the Service is to have them.

        Raises:
            StatusError: 422, the address asked for is outside the range or taken.
        """
        if kind.name != "services" or obj["spec"].get("type") == "ExternalName":
            return
        spec = obj["spec"]
        before = old["spec"].get("clusterIP") if old else None
        wanted = spec.get("clusterIP") or before
        if wanted not in (None, "", "None", before):
            self._check(kind, obj, wanted)
        place = obj["metadata"]["namespace"], obj["metadata"]["name"]
        spec["clusterIP"] = wanted or self.expect(*place)
        self._expected.pop(place, None)
        spec["clusterIPs"] = [spec["clusterIP"]]

    def _taken(self) -> set[str]:
        return {each["spec"].get("clusterIP", "") for each in self._machinery.list("services")}

    def _check(self, kind: Resource, obj: Object, wanted: str) -> None:
        name = obj["metadata"]["name"]
        try:
            inside = IPv4Address(wanted) in self._network
        except AddressValueError:
            why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            raise errors.not_valid(kind, name, [errors.invalid("spec.clusterIPs[0]", wanted, why)]) from None
        if not inside:
            why = (
                "failed to allocate IP " + wanted + f": the provided IP ({wanted}) is not in the valid range. "
                f"The range of valid IPs is {self._network}"
            )
            raise errors.not_valid(kind, name, [errors.invalid("spec.clusterIPs", [wanted], why)])
        if wanted in self._taken():
            why = f"failed to allocate IP {wanted}: provided IP is already allocated"
            raise errors.not_valid(kind, name, [errors.invalid("spec.clusterIPs", [wanted], why)])

    def expect(self, namespace: str, name: str) -> str:
        """The address that a Service will get which is not there yet; no other one gets it meanwhile.

        Raises:
            StatusError: 500, all addresses are taken.
        """
        taken, others = self._taken(), set(self._expected.values())
        known = self._expected.get((namespace, name))
        if not known or known in taken:
            known = self._free(namespace, name, taken | others) or self._free(namespace, name, taken)
            if not known:
                raise errors.StatusError(500, "InternalError", "failed to allocate a serviceIP: range is full")
            self._expected[namespace, name] = known
        return known

    def _free(self, namespace: str, name: str, taken: set[str]) -> str | None:
        size = self._network.num_addresses - 11
        start = zlib.crc32(f"{namespace}/{name}".encode())
        every = (str(self._network[10 + (start + step) % size]) for step in range(size))
        return next((each for each in every if each not in taken), None)
