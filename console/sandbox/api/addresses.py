"""Addresses of Services, out of the cluster's own loopback range."""

from __future__ import annotations

import random
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from console.sandbox.api import errors
from console.sandbox.api.resources import Object, Resource

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery


class ServiceAddresses:
    """Gives every Service that wants one an address of its own; the Services themselves say which are taken.

    Args:
        machinery: where the Services are.
        network: the range; the first 10 addresses are given only to those who ask for them by name.
    """

    def __init__(self, machinery: Machinery, network: IPv4Network) -> None:
        self._machinery = machinery
        self._network = network

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
        spec["clusterIP"] = wanted or self._free()
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

    def _free(self) -> str:
        taken = self._taken()
        size = self._network.num_addresses
        start = random.randrange(10, size - 1)  # noqa: S311 - spreads, so that an address is not reused at once
        for step in range(size - 11):
            address = str(self._network[10 + (start - 10 + step) % (size - 11)])
            if address not in taken:
                return address
        raise errors.StatusError(500, "InternalError", "failed to allocate a serviceIP: range is full")
