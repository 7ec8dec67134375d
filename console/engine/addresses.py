"""Where a stack can be reached: from its Ingresses, else from its Services, as the cluster reports them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.engine.live import Findings, read_live
from console.engine.work import Work
from console.model.load import is_plain_path
from console.model.stack import JSON

_LITERAL = re.compile(r"/[\w./~%-]*", re.ASCII)
_KINDS = ("Ingress", "Service")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Route:
    """One way into a stack by an Ingress: `place` is where its controller listens, `host` what is asked for there.

    `host` is empty where the place itself is asked for; `port` is like `:8080`, empty if it is the usual one.
    """

    scheme: str
    host: str
    place: str
    port: str
    path: str

    @property
    def address(self) -> str:
        """As people write it."""
        return f"{self.scheme}://{self.host or self.place}{self.port}{self.path}"

    def asked(self, path: str = "") -> tuple[str, str]:
        """The URL by the address of the controller, whatever this machine thinks of the host's name; and the host.

        Args:
            path: in place of the beginning of the route's own that can be asked for.
        """
        literal = _LITERAL.match(self.path)
        path = path or (literal[0] if literal and is_plain_path(literal[0]) else "/")
        place = f"[{self.place}]" if ":" in self.place else self.place
        host = self.host.replace("*", "any")
        return f"{self.scheme}://{place}{self.port}{path}", f"{host}{self.port}" if host else ""


async def addresses_of(work: Work) -> tuple[str, ...]:
    """The addresses, those of Ingresses first; without any, those of Services inside of the cluster.

    Raises:
        UnreachableError: the API server does not answer.
    """
    refs = [ref for ref in work.declared if ref.kind in _KINDS]
    found = await read_live(work.world.cluster, refs, Findings())
    bodies = [found[ref] for ref in refs if found.get(ref)]
    outside = [*(route.address for route in routes_of(bodies)), *_of_kind(bodies, "Service", _balanced)]
    return tuple(dict.fromkeys(outside)) or tuple(_of_kind(bodies, "Service", _inside))


def _of_kind(bodies: Iterable[JSON], kind: str, addresses: object) -> Iterator[str]:
    for body in bodies:
        if body["kind"] == kind and callable(addresses):
            yield from addresses(body)


def routes_of(bodies: Iterable[JSON]) -> Iterator[Route]:
    """The ways into a stack by its live Ingresses; none before their controllers have told their addresses."""
    return (route for body in bodies if body["kind"] == "Ingress" for route in _ingress(body))


def _ingress(body: JSON) -> Iterator[Route]:
    encrypted = {host for each in body["spec"].get("tls") or () for host in each.get("hosts") or ("",)}
    for rule in body["spec"].get("rules") or ():
        host = rule.get("host", "")
        scheme = "https" if host in encrypted else "http"
        paths = [path.get("path", "/") for path in (rule.get("http") or {}).get("paths") or ()] or ["/"]
        for place in _places(body):
            port = _port(place, scheme)
            for path in paths:
                yield Route(scheme, host, place.get("hostname") or place.get("ip", ""), port, path)


def _balanced(body: JSON) -> Iterator[str]:
    for place in _places(body) if body["spec"].get("type") == "LoadBalancer" else ():
        for port in body["spec"].get("ports") or ():
            yield f"http://{place.get('hostname') or place.get('ip', '')}:{port['port']}"


def _inside(body: JSON) -> Iterator[str]:
    meta = body["metadata"]
    for port in body["spec"].get("ports") or ():
        yield f"{meta['name']}.{meta['namespace']}:{port['port']} inside of the cluster"


def _places(body: JSON) -> list[JSON]:
    found: list[JSON] = ((body.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return found


def _port(place: JSON, scheme: str) -> str:
    """The port, if the controller says that it is not the usual one."""
    ports = [each["port"] for each in place.get("ports") or ()]
    usual = _DEFAULT_PORTS[scheme]
    return "" if not ports or usual in ports else f":{ports[0]}"
