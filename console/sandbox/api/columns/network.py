"""Cells of Services, Ingresses, endpoints and network policies."""

from __future__ import annotations

from console.sandbox.api.columns.cells import NONE, Row, age_of, name_of, spec_of, status_of
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector


def service(obj: Object) -> Row:
    """A Service."""
    spec = spec_of(obj)
    kind = spec.get("type", "ClusterIP")
    address = spec.get("clusterIP") or NONE
    ports = ",".join(_service_port(each) for each in spec.get("ports") or ()) or NONE
    selector = str(Selector.labels(spec.get("selector") or {})) or NONE
    return [name_of(obj), kind, address, _external(obj, kind), ports, age_of(obj), selector]


def _service_port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', 'TCP')}"


def _external(obj: Object, kind: str) -> str:
    spec = spec_of(obj)
    extra: list[str] = list(spec.get("externalIPs") or ())
    if kind == "ExternalName":
        return str(spec.get("externalName"))
    if kind == "LoadBalancer":
        return ",".join([*_balancers(obj), *extra]) or "<pending>"
    return ",".join(extra) or NONE


def _balancers(obj: Object) -> list[str]:
    points = status_of(obj).get("loadBalancer", {}).get("ingress", ())
    return [each.get("ip") or each.get("hostname", "") for each in points]


def ingress(obj: Object) -> Row:
    """An Ingress."""
    spec = spec_of(obj)
    hosts = list(dict.fromkeys(each["host"] for each in spec.get("rules", ()) if each.get("host")))
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    ports = "80, 443" if spec.get("tls") else "80"
    return [
        name_of(obj),
        spec.get("ingressClassName") or NONE,
        shown or "*",
        ",".join(_balancers(obj)),
        ports,
        age_of(obj),
    ]


def ingress_class(obj: Object) -> Row:
    """An IngressClass."""
    spec = spec_of(obj)
    given = spec.get("parameters")
    parameters = ".".join(filter(None, (given["kind"], given.get("apiGroup")))) + f"/{given['name']}" if given else NONE
    return [name_of(obj), spec.get("controller", ""), parameters, age_of(obj)]


def _more(items: list[str], limit: int = 3) -> str:
    shown = ",".join(items[:limit])
    return (shown + (f" + {len(items) - limit} more..." if len(items) > limit else "")) or NONE


def endpoints(obj: Object) -> Row:
    """An Endpoints object."""
    found = [
        f"{address['ip']}:{port['port']}" if port else str(address["ip"])
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    return [name_of(obj), _more(found), age_of(obj)]


def endpoint_slice(obj: Object) -> Row:
    """An EndpointSlice."""
    ports = [str(each.get("port", "*")) for each in obj.get("ports") or ()]
    addresses = [address for each in obj.get("endpoints") or () for address in each["addresses"]]
    shown_ports = _more(ports) if ports else "<unset>"
    return [
        name_of(obj),
        obj.get("addressType"),
        shown_ports,
        _more(addresses) if addresses else "<unset>",
        age_of(obj),
    ]


def network_policy(obj: Object) -> Row:
    """A NetworkPolicy."""
    return [name_of(obj), str(Selector.of(spec_of(obj).get("podSelector")) or "") or NONE, age_of(obj)]
