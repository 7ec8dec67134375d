"""Rules for Services, Ingresses, network policies and endpoints (`pkg/apis/{core,networking,discovery}/validation`)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from console.sandbox.api.errors import FieldError, duplicate, forbidden_field, invalid, required, unsupported
from console.sandbox.api.resources import Object
from console.sandbox.api.validation import names
from console.sandbox.api.validation.metadata import labels, one_of, selector
from console.sandbox.api.validation.pods import port_or_name


def service(obj: Object) -> Iterator[FieldError]:
    """A Service."""
    spec = obj["spec"]
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield required("spec.ports")
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        yield invalid("spec.externalName", "", "a lowercase RFC 1123 subdomain is required")
    yield from labels(spec.get("selector"), "spec.selector")
    yield from _service_ports(ports)
    yield from one_of(spec, "spec", "sessionAffinity", "ClientIP", "None")
    yield from one_of(spec, "spec", "type", "ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def _service_ports(ports: list[Object]) -> Iterator[FieldError]:
    seen: set[str] = set()
    pairs: set[tuple[object, object]] = set()
    for number, port in enumerate(ports):
        path, name = f"spec.ports[{number}]", port.get("name", "")
        if not name and len(ports) > 1:
            yield required(f"{path}.name")
        if name:
            yield from (invalid(f"{path}.name", name, why) for why in names.dns_label(name))
            if name in seen:
                yield duplicate(f"{path}.name", name)
            seen.add(name)
        yield from (invalid(f"{path}.port", port.get("port", 0), why) for why in names.port_number(port.get("port")))
        yield from one_of(port, path, "protocol", "SCTP", "TCP", "UDP")
        yield from port_or_name(port.get("targetPort") or 0, f"{path}.targetPort")
        pair = (port.get("port"), port.get("protocol"))
        if pair in pairs:
            shown = {"Name": "", "Protocol": pair[1], "AppProtocol": None}
            yield duplicate(path, shown | {"Port": pair[0], "TargetPort": 0, "NodePort": 0})
        pairs.add(pair)


def service_update(new: Object, old: Object) -> Iterator[FieldError]:
    """A Service keeps its address while it keeps its type."""
    if "ExternalName" in (new["spec"].get("type"), old["spec"].get("type")):
        return
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and before != after:
        yield invalid("spec.clusterIPs[0]", [after], "may not change once set")


def ingress(obj: Object) -> Iterator[FieldError]:
    """An Ingress."""
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend"):
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for number, rule in enumerate(spec.get("rules") or ()):
        path = f"spec.rules[{number}]"
        host = rule.get("host", "")
        if _is_address(host):
            yield invalid(f"{path}.host", host, "must be a DNS name, not an IP address")
        if host and not host.startswith("*."):
            yield from (invalid(f"{path}.host", host, why) for why in names.dns_subdomain(host))
        for index, each in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _path(each, f"{path}.http.paths[{index}]")
        if rule.get("http") is not None and not rule["http"].get("paths"):
            yield required(f"{path}.http.paths")


def _path(given: Object, path: str) -> Iterator[FieldError]:
    kind, where = given.get("pathType"), given.get("path", "")
    if kind is None:
        yield required(f"{path}.pathType", "pathType must be specified")
        return
    known = ("Exact", "ImplementationSpecific", "Prefix")
    if kind not in known:
        yield unsupported(f"{path}.pathType", kind, known)
    elif (where or kind != "ImplementationSpecific") and not where.startswith("/"):
        yield invalid(f"{path}.path", where, "must be an absolute path")
    if kind in ("Exact", "Prefix"):
        for sequence in ("//", "/./", "/../", "%2f", "%2F"):
            if sequence in where:
                yield invalid(f"{path}.path", where, f"must not contain '{sequence}'")
    yield from _backend(given.get("backend") or {}, f"{path}.backend")


def _backend(given: Object, path: str) -> Iterator[FieldError]:
    if "resource" in given and "service" in given:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif "service" in given:
        yield from _service_backend(given["service"], path)
    elif "resource" not in given:
        yield invalid(path, "", "resource or service backend is required")


def _service_backend(given: Object, path: str) -> Iterator[FieldError]:
    if not given.get("name"):
        yield required(f"{path}.service.name")
    else:
        yield from (invalid(f"{path}.service.name", given["name"], why) for why in names.dns_1035_label(given["name"]))
    port = given.get("port") or {}
    if port.get("name") and port.get("number"):
        yield invalid(path, "", "cannot set both port name & port number")
    elif port.get("name"):
        yield from (invalid(f"{path}.service.port.name", port["name"], why) for why in names.port_name(port["name"]))
    elif port.get("number"):
        number = port["number"]
        yield from (invalid(f"{path}.service.port.number", number, why) for why in names.port_number(number))
    else:
        yield required(path, "port name or number is required")


def network_policy(obj: Object) -> Iterator[FieldError]:
    """A NetworkPolicy."""
    spec = obj["spec"]
    yield from selector(spec.get("podSelector"), "spec.podSelector")
    for number, each in enumerate(spec.get("policyTypes") or ()):
        if each not in ("Ingress", "Egress"):
            yield unsupported(f"spec.policyTypes[{number}]", each, ("Egress", "Ingress"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(spec.get(direction) or ()):
            for index, peer in enumerate(rule.get(peers) or ()):
                path = f"spec.{direction}[{number}].{peers}[{index}]"
                if not peer:
                    yield required(path, "must specify a peer")
                if "ipBlock" in peer and len(peer) > 1:
                    yield forbidden_field(path, "may not specify both ipBlock and another peer")


def endpoint_slice(obj: Object) -> Iterator[FieldError]:
    """An EndpointSlice."""
    known = ("FQDN", "IPv4", "IPv6")
    if not obj.get("addressType"):
        yield required("addressType")
    elif obj["addressType"] not in known:
        yield unsupported("addressType", obj["addressType"], known)
    for number, endpoint in enumerate(obj.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            yield required(f"endpoints[{number}].addresses", "must contain at least 1 address")
        for index, address in enumerate(endpoint.get("addresses") or ()):
            if obj.get("addressType") == "IPv4" and not _is_address(address):
                path = f"endpoints[{number}].addresses[{index}]"
                yield invalid(path, address, "must be a valid IPv4 address")


def _is_address(text: str) -> bool:
    try:
        return ip_address(text).version == 4
    except ValueError:
        return False
