"""Which Service an HTTP request goes to: the rules of all Ingresses, most specific first. Pure.

https://kubernetes.io/docs/concepts/services-networking/ingress/#path-types
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.sandbox.api.resources import Object
from console.sandbox.store import Key


@dataclass(frozen=True, slots=True)
class Backend:
    """A Service, and its port by name or number as the Ingress names it."""

    service: Key
    port: str | int


@dataclass(frozen=True, slots=True)
class Route:
    """One path of one rule.

    Attributes:
        host: an exact name, `*.example.com` for one more label, empty for any.
        path: without the slash at its end, unless exact.
        exact: the whole path must be the same.
    """

    host: str
    path: str
    exact: bool
    backend: Backend

    def matches(self, host: str, path: str) -> bool:
        """Whether a request belongs here."""
        return self._host_matches(host) and self._path_matches(path)

    def _host_matches(self, host: str) -> bool:
        if self.host.startswith("*."):
            label, _, rest = host.partition(".")
            return bool(label) and rest == self.host[2:]
        return not self.host or host == self.host

    def _path_matches(self, path: str) -> bool:
        """Prefixes match by whole elements: `/a` matches `/a/b` but not `/ab`."""
        if self.exact:
            return path == self.path
        return path == self.path or path.startswith(f"{self.path}/")

    @property
    def _rank(self) -> tuple[bool, bool, int, bool]:
        return not self.host, self.host.startswith("*."), -len(self.path), not self.exact


class Routes:
    """The routes of all Ingresses.

    Args:
        ingresses: in the order in which they win when all else is equal: the oldest first.
    """

    def __init__(self, ingresses: Iterable[Object] = ()) -> None:
        ordered = sorted(ingresses, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["uid"]))
        self._routes = sorted((route for each in ordered for route in _routes(each)), key=lambda route: route._rank)

    def find(self, host: str, path: str) -> Backend | None:
        """The backend for a request; the host may carry a port."""
        name = host.partition(":")[0].lower()
        return next((each.backend for each in self._routes if each.matches(name, path)), None)


def _routes(ingress: Object) -> Iterable[Route]:
    spec, namespace = ingress.get("spec") or {}, ingress["metadata"]["namespace"]
    for rule in spec.get("rules") or ():
        host = (rule.get("host") or "").lower()
        for each in (rule.get("http") or {}).get("paths") or ():
            backend = _backend(namespace, each.get("backend"))
            exact = each.get("pathType") == "Exact"
            path = each.get("path") or "/"
            if backend:
                yield Route(host, path if exact else path.rstrip("/"), exact, backend)
    if backend := _backend(namespace, spec.get("defaultBackend")):
        yield Route("", "", False, backend)


def _backend(namespace: str, given: Object | None) -> Backend | None:
    service = (given or {}).get("service")
    if not service:
        return None
    port = service.get("port") or {}
    return Backend(Key("services", namespace, service["name"]), port.get("name") or port.get("number", 0))
