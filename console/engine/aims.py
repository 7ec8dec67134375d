"""Where requests go that measure a stack: to its own Ingress, else to a Service of its own through the API server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from console.engine.addresses import Route, routes_of
from console.engine.live import Findings, read_live
from console.engine.ports import Answer
from console.engine.work import Work
from console.model.errors import UsageError
from console.model.gathered import Declared
from console.model.load import is_plain_path
from console.model.podspec import containers, pod_spec, pod_template
from console.model.stack import JSON, Stack

_TRIES = 10


@dataclass(frozen=True, slots=True)
class Aim:
    """Where requests go, in words, and how one is sent; `ask(True)` sends it over a connection of its own."""

    words: str
    ask: Callable[[bool], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class HttpPort:
    """A port of a Service. `path` is that of a readiness probe, empty if none asks this port."""

    service: str
    namespace: str
    name: str
    number: int
    scheme: str
    path: str


def refuse_unaimed(work: Work) -> None:
    """Before anything is changed.

    Raises:
        UsageError: the stack has nothing that requests could be sent to.
    """
    wanted = work.stack.probe_load.service
    if _port(work) or (not wanted and _ingresses(work)):
        return
    if wanted:
        what = f"no requests can be sent to {wanted}: it has no Service with a port"
        raise UsageError(what, hint="give it one, or name another service as probe_load.service in stack.yaml")
    what = f"no requests can be sent to {work.stack.name}: it has neither an Ingress nor a Service that answers HTTP"
    raise UsageError(what, hint="leave out --probe-load, or name a service as probe_load.service in stack.yaml")


class Aims:
    """Finds where requests go.

    Args:
        work: the run.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        # An Ingress that was there before without an address has no controller that tells one.
        self._patience = 0 if work.gathered.releases else _TRIES

    async def find(self) -> Aim | None:
        """Where they go now; None while that is not known yet: an Ingress that is new gets its address in a while.

        Raises:
            UnreachableError: the API server does not answer.
        """
        work = self._work
        refs = [] if work.stack.probe_load.service else [each.ref for each in _ingresses(work)]
        found = await read_live(work.world.cluster, refs, Findings())
        for route in routes_of(body for body in found.values() if body):
            return _direct(work, route)
        port = _port(work)
        if len(found) < len(refs) or port is None:
            return None
        self._patience -= 1
        return _through_api_server(work, port) if not refs or self._patience < 0 else None


def _ingresses(work: Work) -> list[Declared]:
    return [each for each in work.declared.values() if each.ref.kind == "Ingress"]


def _direct(work: Work, route: Route) -> Aim:
    url, host = route.asked(work.stack.probe_load.path)

    async def ask(fresh: bool) -> Answer:
        return await work.world.visitor.get(url, host=host, fresh=fresh)

    return Aim(url.replace(urlsplit(url).netloc, host, 1) if host else url, ask)


def _through_api_server(work: Work, port: HttpPort) -> Aim:
    path = work.stack.probe_load.path or (port.path if is_plain_path(port.path) else "/")

    async def ask(fresh: bool) -> Answer:
        return await work.world.cluster.service_get(port.namespace, port.name, port.number, path, port.scheme)

    return Aim(f"service/{port.name}:{port.number}{path} through the API server", ask)


def _port(work: Work) -> HttpPort | None:
    return http_port(work.stack, list(work.declared.values()), work.stack.probe_load.service)


def http_port(stack: Stack, declared: Sequence[Declared], wanted: str = "") -> HttpPort | None:
    """Where a stack is asked through the API server.

    The port of the service that is named; else the first that a readiness probe asks by HTTP, those first that an
    Ingress leads to: they know its paths.

    Args:
        stack: tells the order of its services.
        declared: its objects.
        wanted: a service, or the name of a Service.
    """
    order = {service.name: index for index, service in enumerate(stack.services)}
    ports = sorted(_ports(declared), key=lambda each: order.get(each.service, len(order)))
    if wanted:
        ports = [each for each in ports if wanted in {each.service, each.name}]
        return next((each for each in ports if each.path), ports[0] if ports else None)
    entered = {name for each in declared if each.ref.kind == "Ingress" for name in _backends(each.body["spec"])}
    ports = sorted((each for each in ports if each.path), key=lambda each: each.name not in entered)
    return ports[0] if ports else None


def _backends(spec: JSON) -> Iterator[str]:
    """The Services that an Ingress leads to."""
    paths = [path for rule in spec.get("rules") or () for path in (rule.get("http") or {}).get("paths") or ()]
    for backend in (*(path.get("backend") for path in paths), spec.get("defaultBackend")):
        if service := (backend or {}).get("service"):
            yield str(service["name"])


def _ports(declared: Sequence[Declared]) -> Iterator[HttpPort]:
    for each in declared:
        spec = each.body.get("spec") or {}
        if each.ref.kind != "Service" or each.ref.api_version != "v1" or not spec.get("selector"):
            continue
        backends = [one for one in declared if _selects(each, one)]
        service = each.service or next((one.service for one in backends), "")
        for port in spec.get("ports") or ():
            scheme, path = _probed(port, backends)
            yield HttpPort(service, each.ref.namespace, each.ref.name, int(port["port"]), scheme, path)


def _selects(service: Declared, each: Declared) -> bool:
    labels = ((pod_template(each.body) or {}).get("metadata") or {}).get("labels") or {}
    selector = service.body["spec"]["selector"]
    return each.ref.namespace == service.ref.namespace and selector.items() <= labels.items()


def _probed(port: JSON, backends: list[Declared]) -> tuple[str, str]:
    """Scheme and path by which a readiness probe asks what stands behind a port; no path if none does."""
    wanted = port.get("targetPort", port["port"])
    for container in (each for one in backends for each in containers(pod_spec(one.body) or {})):
        asks = (container.get("readinessProbe") or {}).get("httpGet")
        if asks and _number(container, asks["port"]) == _number(container, wanted):
            return str(asks.get("scheme") or "HTTP"), str(asks.get("path") or "/")
    return "HTTP", ""


def _number(container: JSON, port: object) -> object:
    """The number of a container's port that may be named."""
    named = {each.get("name"): each["containerPort"] for each in container.get("ports") or ()}
    return named.get(port, port)
