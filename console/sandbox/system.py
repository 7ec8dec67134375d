"""What this cluster has from the start: its namespaces and roles, the Service of its API, its IngressClass."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from console.sandbox.api import bootstrap
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.network.addresses import Range
from console.sandbox.store import Store

INGRESS_CONTROLLER = "stack-console/sandbox"


def renumber(store: Store, services: IPv4Network) -> None:
    """Moves Services into the range of this start; the last one may have been taken by another cluster meanwhile."""
    for entry in store.entries("services"):
        obj = entry.object
        address = obj["spec"].get("clusterIP")
        if address not in (None, "", "None") and IPv4Address(address) not in services:
            moved = str(services[int(IPv4Address(address)) % services.num_addresses])
            obj["spec"] |= {"clusterIP": moved, "clusterIPs": [moved]}
            store.put(entry.key, obj)


def furnish(machinery: Machinery, addresses: Range, port: int) -> None:
    """Makes what is missing, and lets the Service `kubernetes` lead to the API server's port."""
    bootstrap.furnish(machinery)
    metadata = {"name": "kubernetes", "namespace": "default"}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service = {
        "metadata": metadata | {"labels": labels},
        "spec": {
            "clusterIP": str(addresses.services[1]),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
        },
    }
    _put(machinery, "services", service)
    endpoint = {"addresses": ["127.0.0.1"], "conditions": {"ready": True}}
    slice_ = {
        "metadata": metadata | {"labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
    _put(machinery, "endpointslices", slice_)
    subset = {"addresses": [{"ip": "127.0.0.1"}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}
    _put(machinery, "endpoints", {"metadata": metadata, "subsets": [subset]})
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    ingress_class = {
        "metadata": {"name": "sandbox", "annotations": default},
        "spec": {"controller": INGRESS_CONTROLLER},
    }
    if not machinery.find("ingressclasses", "", "sandbox"):
        machinery.create("ingressclasses", ingress_class)


def _put(machinery: Machinery, resource: str, wanted: Object) -> None:
    metadata = wanted["metadata"]
    if machinery.find(resource, metadata["namespace"], metadata["name"]):
        machinery.mutate(resource, metadata["namespace"], metadata["name"], lambda obj: obj.update(_body(wanted)))
    else:
        machinery.create(resource, wanted)


def _body(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}
