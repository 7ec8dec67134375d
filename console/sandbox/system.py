"""What this cluster has from the start: its namespaces and roles, the Service of its API, its IngressClass."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from console.sandbox.api import bootstrap
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.store import Store

_INGRESS_CLASS: Object = {
    "metadata": {"name": "sandbox", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
    "spec": {"controller": "stack-console/sandbox"},
}


def renumber(store: Store, services: IPv4Network) -> None:
    """Moves Services into the range of this start; the last one may have been taken by another cluster meanwhile."""
    for entry in store.entries("services"):
        obj = entry.object
        address = obj["spec"].get("clusterIP")
        if address not in (None, "", "None") and IPv4Address(address) not in services:
            moved = str(services[int(IPv4Address(address)) % services.num_addresses])
            obj["spec"] |= {"clusterIP": moved, "clusterIPs": [moved]}
            store.put(entry.key, obj)


def furnish(machinery: Machinery, address: str, port: int, target: int) -> None:
    """Makes what is missing, and lets the Service `kubernetes` lead to the API server.

    Args:
        machinery: the cluster.
        address: of the Service.
        port: of the Service.
        target: where the API server listens, on 127.0.0.1.
    """
    bootstrap.furnish(machinery)
    metadata = {"name": "kubernetes", "namespace": "default"}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    ports = [{"name": "https", "port": port, "protocol": "TCP", "targetPort": target}]
    spec = {"clusterIP": address, "ports": ports}
    _put(machinery, "services", {"metadata": metadata | {"labels": labels}, "spec": spec})
    leads_to = [{"name": "https", "port": target, "protocol": "TCP"}]
    endpoint = {"addresses": ["127.0.0.1"], "conditions": {"ready": True}}
    slice_ = {
        "metadata": metadata | {"labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": leads_to,
    }
    _put(machinery, "endpointslices", slice_)
    subset = {"addresses": [{"ip": "127.0.0.1"}], "ports": leads_to}
    _put(machinery, "endpoints", {"metadata": metadata, "subsets": [subset]})
    if not machinery.find("ingressclasses", "", "sandbox"):
        machinery.create("ingressclasses", _INGRESS_CLASS)


def _put(machinery: Machinery, resource: str, wanted: Object) -> None:
    metadata = wanted["metadata"]
    if machinery.find(resource, metadata["namespace"], metadata["name"]):
        machinery.mutate(resource, metadata["namespace"], metadata["name"], lambda obj: obj.update(_body(wanted)))
    else:
        machinery.create(resource, wanted)


def _body(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}
