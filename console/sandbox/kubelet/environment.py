"""A container's environment and command, as its spec and its image have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from console.sandbox.api.resources import Object
from console.sandbox.kubelet.references import References

_REFERENCE = re.compile(r"\$(?:\$|\(([-._a-zA-Z0-9]+)\))")


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replaces `$(NAME)`; unknown names stay as they are, and `$$` is a `$` (`third_party/forked/golang/expansion`)."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return "$" if name is None else values.get(name, found[0])

    return _REFERENCE.sub(value, text)


def of_image(config: Object, values: Mapping[str, str]) -> dict[str, str]:
    """The image's own variables; `$(POD_IP)` and `$(BUNDLE_ROOT)` are known there."""
    pairs = (each.partition("=") for each in config.get("Env") or ())
    return {name: expand(value, values) for name, _, value in pairs}


def of_container(container: Object, base: Mapping[str, str], references: References) -> dict[str, str]:
    """The variables of `envFrom` and `env`, on top of others; later ones may use earlier ones.

    Raises:
        MissingError: a ConfigMap, Secret or key is not there.
    """
    found = dict(base)
    for source in container.get("envFrom") or ():
        found |= _from_source(source, references)
    for variable in container.get("env") or ():
        value = _value(variable, container["name"], found, references)
        if value is not None:
            found[variable["name"]] = value
    return found


def _from_source(source: Object, references: References) -> dict[str, str]:
    prefix = source.get("prefix", "")
    for field, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if reference := source.get(field):
            optional = bool(reference.get("optional"))
            data = references.data(resource, reference.get("name", ""), optional=optional)
            return {prefix + key: value.decode(errors="replace") for key, value in data.items()}
    return {}


def _value(variable: Object, container: str, known: Mapping[str, str], references: References) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return expand(variable.get("value") or "", known)
    if reference := source.get("configMapKeyRef"):
        return references.entry("configmaps", reference)
    if reference := source.get("secretKeyRef"):
        return references.entry("secrets", reference)
    if reference := source.get("fieldRef"):
        return references.field(reference["fieldPath"])
    return references.resource(source["resourceFieldRef"], container)


def command(container: Object, config: Object, known: Mapping[str, str], values: Mapping[str, str]) -> list[str]:
    """The program and its arguments: the spec's, else the image's, as Kubernetes combines them.

    Args:
        container: its spec.
        config: of the image.
        known: the container's environment, for the spec's words.
        values: what the image's words may refer to.
    """
    own = [expand(each, known) for each in container.get("command") or ()]
    arguments = [expand(each, known) for each in container.get("args") or ()]
    entrypoint = [expand(each, values) for each in config.get("Entrypoint") or ()]
    default = [expand(each, values) for each in config.get("Cmd") or ()]
    if own:
        return own + arguments
    return entrypoint + (arguments or default)


def service_links(services: Iterable[Object]) -> dict[str, str]:
    """The variables that tell of Services, as Docker's links did (`pkg/kubelet/envvars`)."""
    found: dict[str, str] = {}
    for service in services:
        address, ports = service["spec"].get("clusterIP"), service["spec"].get("ports") or []
        if address in (None, "", "None") or not ports:
            continue
        name = service["metadata"]["name"].upper().replace("-", "_")
        found |= {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
        found[f"{name}_PORT"] = f"{ports[0].get('protocol', 'TCP').lower()}://{address}:{ports[0]['port']}"
        for port in ports:
            found |= _port_links(name, address, port)
    return found


def _port_links(name: str, address: str, port: Object) -> dict[str, str]:
    protocol, number = port.get("protocol", "TCP"), str(port["port"])
    prefix = f"{name}_PORT_{number}_{protocol}"
    found = {
        prefix: f"{protocol.lower()}://{address}:{number}",
        f"{prefix}_PROTO": protocol.lower(),
        f"{prefix}_PORT": number,
        f"{prefix}_ADDR": address,
    }
    if port.get("name"):
        found[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = number
    return found
