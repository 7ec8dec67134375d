"""Rules for a pod's spec, in a pod or in a template (`pkg/apis/core/validation/validation.go`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from console.sandbox.api import quantity
from console.sandbox.api.errors import FieldError, duplicate, forbidden_field, invalid, missing, required
from console.sandbox.api.resources import Object
from console.sandbox.api.validation import names
from console.sandbox.api.validation.metadata import labels, non_negative, one_of

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_REFERENCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_FIELDS = {
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
}


def spec(given: Object, path: str) -> Iterator[FieldError]:
    """A whole pod spec."""
    volumes: set[str] = set()
    yield from _volumes(given.get("volumes") or (), f"{path}.volumes", volumes)
    if not given.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for number, each in enumerate(given.get(field) or ()):
            here = f"{path}.{field}[{number}]"
            yield from _container(each, here, volumes, init=field == "initContainers")
            if each.get("name") in seen:
                yield duplicate(f"{here}.name", each["name"])
            seen.add(each.get("name", ""))
    yield from one_of(given, path, "restartPolicy", "Always", "OnFailure", "Never")
    yield from one_of(given, path, "dnsPolicy", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
    yield from non_negative(given, path, "terminationGracePeriodSeconds")
    yield from labels(given.get("nodeSelector"), f"{path}.nodeSelector")
    yield from _named(given, path)
    if (deadline := given.get("activeDeadlineSeconds")) is not None and deadline < 1:
        yield invalid(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")


def _named(given: Object, path: str) -> Iterator[FieldError]:
    if account := given.get("serviceAccountName"):
        yield from (invalid(f"{path}.serviceAccountName", account, why) for why in names.dns_subdomain(account))
    for field in ("hostname", "subdomain"):
        if value := given.get(field):
            yield from (invalid(f"{path}.{field}", value, why) for why in names.dns_label(value))


def _volumes(volumes: Any, path: str, known: set[str]) -> Iterator[FieldError]:
    for number, volume in enumerate(volumes):
        here, name = f"{path}[{number}]", volume.get("name", "")
        if not name:
            yield required(f"{here}.name")
        else:
            yield from (invalid(f"{here}.name", name, why) for why in names.dns_label(name))
        if name in known:
            yield duplicate(f"{here}.name", name)
        known.add(name)
        for extra in [each for each in volume if each != "name"][1:]:
            yield forbidden_field(f"{here}.{extra}", "may not specify more than 1 volume type")
        if "configMap" in volume and not volume["configMap"].get("name"):
            yield required(f"{here}.configMap.name")
        if "secret" in volume and not volume["secret"].get("secretName"):
            yield required(f"{here}.secret.secretName")
        if "hostPath" in volume and not volume["hostPath"].get("path"):
            yield required(f"{here}.hostPath.path")


def _container(given: Object, path: str, volumes: set[str], *, init: bool) -> Iterator[FieldError]:
    if not given.get("name"):
        yield required(f"{path}.name")
    else:
        yield from (invalid(f"{path}.name", given["name"], why) for why in names.dns_label(given["name"]))
    image = given.get("image", "")
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from one_of(given, path, "imagePullPolicy", "Always", "IfNotPresent", "Never")
    yield from one_of(given, path, "terminationMessagePolicy", "File", "FallbackToLogsOnError")
    yield from _ports(given.get("ports") or (), f"{path}.ports")
    yield from _environment(given, path)
    yield from _mounts(given.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    yield from resources(given.get("resources") or {}, f"{path}.resources")
    yield from _probes(given, path, init=init)


def _probes(given: Object, path: str, *, init: bool) -> Iterator[FieldError]:
    plain_init = init and given.get("restartPolicy") != "Always"
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if given.get(field) is None:
            continue
        if plain_init:
            yield forbidden_field(f"{path}.{field}", "may not be set for init containers without restartPolicy=Always")
            continue
        yield from probe(given[field], f"{path}.{field}")
        threshold = given[field].get("successThreshold", 1)
        if field != "readinessProbe" and threshold != 1:
            yield invalid(f"{path}.{field}.successThreshold", threshold, "must be 1")
    for hook in ("postStart", "preStop"):
        handler = (given.get("lifecycle") or {}).get(hook)
        if handler is not None:
            yield from _handler(handler, f"{path}.lifecycle.{hook}")


def _ports(ports: Any, path: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, port in enumerate(ports):
        here = f"{path}[{number}]"
        if name := port.get("name"):
            yield from (invalid(f"{here}.name", name, why) for why in names.port_name(name))
            if name in seen:
                yield duplicate(f"{here}.name", name)
            seen.add(name)
        if not port.get("containerPort"):
            yield required(f"{here}.containerPort")
        else:
            value = port["containerPort"]
            yield from (invalid(f"{here}.containerPort", value, why) for why in names.port_number(value))
        if host := port.get("hostPort"):
            yield from (invalid(f"{here}.hostPort", host, why) for why in names.port_number(host))
        yield from one_of(port, here, "protocol", "SCTP", "TCP", "UDP")


def _environment(container: Object, path: str) -> Iterator[FieldError]:
    for number, variable in enumerate(container.get("env") or ()):
        here = f"{path}.env[{number}]"
        if not variable.get("name"):
            yield required(f"{here}.name")
        else:
            found = names.environment_name(variable["name"])
            yield from (invalid(f"{here}.name", variable["name"], why) for why in found)
        if variable.get("valueFrom") is not None:
            yield from _value_from(variable, f"{here}.valueFrom")
    for number, source in enumerate(container.get("envFrom") or ()):
        here = f"{path}.envFrom[{number}]"
        given = [each for each in ("configMapRef", "secretRef") if source.get(each) is not None]
        if len(given) != 1:
            many = "may not have more than one field specified at a time"
            yield invalid(
                f"{path}.envFrom", "", many if given else "must specify one of: `configMapRef` or `secretRef`"
            )
        for each in given:
            if not source[each].get("name"):
                yield required(f"{here}.{each}.name")


def _value_from(variable: Object, path: str) -> Iterator[FieldError]:
    source = variable["valueFrom"]
    given = [each for each in _REFERENCES if source.get(each) is not None]
    for each in ("configMapKeyRef", "secretKeyRef"):
        if each in given:
            yield from _key_reference(source[each], f"{path}.{each}")
    if "fieldRef" in given:
        yield from _field_reference(source["fieldRef"], f"{path}.fieldRef")
    if not given:
        why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        yield invalid(path, "", why)
    elif variable.get("value"):
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")


def _key_reference(reference: Object, path: str) -> Iterator[FieldError]:
    if not reference.get("name"):
        yield required(f"{path}.name")
    if not reference.get("key"):
        yield required(f"{path}.key")
    else:
        yield from (invalid(f"{path}.key", reference["key"], why) for why in names.config_key(reference["key"]))


def _field_reference(reference: Object, path: str) -> Iterator[FieldError]:
    field = reference.get("fieldPath", "")
    if not field:
        yield required(f"{path}.fieldPath")
    elif field not in _FIELDS and not re.fullmatch(r"metadata\.(labels|annotations)\['[^']+'\]", field):
        yield invalid(f"{path}.fieldPath", field, "error converting fieldPath: field label not supported: " + field)


def _mounts(mounts: Any, path: str, volumes: set[str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, mount in enumerate(mounts):
        here, name, place = f"{path}[{number}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{here}.name")
        if name not in volumes:
            yield missing(f"{here}.name", name)
        if not place:
            yield required(f"{here}.mountPath")
        if place in seen:
            yield invalid(f"{here}.mountPath", place, "must be unique")
        seen.add(place)
        if ".." in mount.get("subPath", "").split("/"):
            yield invalid(f"{path}.subPath", mount["subPath"], "must not contain '..'")


def resources(given: Object, path: str) -> Iterator[FieldError]:
    """Requests and limits: not negative, and no request above its limit."""
    limits, requests = given.get("limits") or {}, given.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if quantity.parse(amount) < 0:
                yield invalid(f"{path}.{field}[{name}]", amount, "must be greater than or equal to 0")
    for name, amount in requests.items():
        if name in limits and quantity.parse(amount) > quantity.parse(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid(f"{path}.requests", amount, why)


def probe(given: Object, path: str) -> Iterator[FieldError]:
    """One probe."""
    yield from _handler(given, path)
    numbers = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
    yield from non_negative(given, path, *numbers)


def _handler(given: Object, path: str) -> Iterator[FieldError]:
    kinds = [each for each in _HANDLERS if given.get(each) is not None]
    for extra in kinds[1:]:
        yield forbidden_field(f"{path}.{extra}", "may not specify more than 1 handler type")
    if not kinds:
        yield required(path, "must specify a handler type")
        return
    kind, handler = kinds[0], given[kinds[0]]
    if kind == "exec" and not handler.get("command"):
        yield required(f"{path}.exec.command")
    if kind in ("httpGet", "tcpSocket"):
        yield from port_or_name(handler.get("port", 0), f"{path}.{kind}.port")
    if kind == "httpGet":
        yield from one_of(handler, f"{path}.httpGet", "scheme", "HTTP", "HTTPS")
    if kind == "grpc":
        yield from (
            invalid(f"{path}.grpc.port", handler.get("port", 0), why) for why in names.port_number(handler.get("port"))
        )


def port_or_name(value: int | str, path: str) -> Iterator[FieldError]:
    """A port by number or by the name that a container gives it."""
    rule = names.port_number(value) if isinstance(value, int) else names.port_name(value)
    yield from (invalid(path, value, why) for why in rule)
