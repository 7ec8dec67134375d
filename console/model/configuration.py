"""Who reads a ConfigMap or Secret, key by key, and how a change comes to them.

Environment is made when a container starts. The files of a volume follow within a minute or so, all at once; one that
is mounted by `subPath` never does (kubernetes.io, "ConfigMaps", mounted ConfigMaps are updated automatically).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from console.model.checksums import secret_values
from console.model.plan import ObjectRef
from console.model.podspec import containers, pod_spec
from console.model.references import references
from console.model.stack import FIELD_MANAGER, JSON, SERVICE_LABEL

CONFIGURATION = frozenset({"ConfigMap", "Secret"})
Keys = Mapping[ObjectRef, Collection[str]]
"""The keys that each ConfigMap and Secret has."""


class Way(StrEnum):
    """How a container reads a key, and what a change of it takes."""

    ENVIRONMENT = "environment"
    FILE = "file"
    FIXED_FILE = "fixed file"

    @property
    def restarts(self) -> bool:
        """True if only a new container sees the change."""
        return self is not Way.FILE


@dataclass(frozen=True, slots=True)
class Reading:
    """A container reads a key. `name` is the variable or the file's path, empty where that is not known.

    `init`: the container has ended once its pod serves.
    """

    ref: ObjectRef
    key: str
    service: str
    workload: ObjectRef
    container: str
    way: Way
    name: str
    init: bool = False


@dataclass(frozen=True, slots=True)
class Foreign:
    """A key that somebody else owns or changed: `manager` is the field manager, `at` is RFC 3339, empty: not known."""

    key: str
    manager: str
    at: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """One ConfigMap or Secret of a stack, as it is live and as the last release has it.

    `live` is None where it is not there or may not be read. The values of a Secret are in base64: nothing of them is
    ever to be shown, `shown` says what is. `base` of an edit is `live`.
    """

    ref: ObjectRef
    service: str
    version: str
    live: Mapping[str, str] | None = field(repr=False)
    released: Mapping[str, str] = field(repr=False)
    binary: tuple[str, ...]
    readings: tuple[Reading, ...]
    others: tuple[str, ...]
    foreign: tuple[Foreign, ...]

    @property
    def secret(self) -> bool:
        """True if no value may be shown."""
        return self.ref.kind == "Secret"

    @property
    def unused(self) -> tuple[str, ...]:
        """The keys that no container reads; none if something reads the object as a whole."""
        read = {each.key for each in self.readings}
        return () if self.others else tuple(key for key in self.live or self.released if key not in read)

    @property
    def drift(self) -> tuple[str, ...]:
        """The keys that are live otherwise than in the last release."""
        if self.live is None:
            return ()
        return tuple(key for key in {**self.released, **self.live} if self.live.get(key) != self.released.get(key))

    def read(self, key: str) -> tuple[Reading, ...]:
        """Who reads a key."""
        return tuple(each for each in self.readings if each.key == key)


def configuration_of(
    ref: ObjectRef, live: JSON | None, released: JSON | None, bodies: Iterable[JSON], keys: Keys
) -> Configuration:
    """What there is to know about a ConfigMap or Secret.

    Args:
        ref: which one.
        live: as it is, None or empty where that is not known.
        released: as the last release has it, None where it is not part of it.
        bodies: everything that may read it.
        keys: of all ConfigMaps and Secrets that these read.
    """
    known = {**keys, ref: {**values_of(released or {}), **values_of(live or {})}}
    bodies = tuple(bodies)
    meta = (live or {}).get("metadata") or {}
    labels = ((released or live or {}).get("metadata") or {}).get("labels") or {}
    return Configuration(
        ref=ref,
        service=str(labels.get(SERVICE_LABEL, "")),
        version=str(meta.get("resourceVersion", "")),
        live=values_of(live) if live else None,
        released=values_of(released or {}),
        binary=tuple((live or {}).get("binaryData") or ()),
        readings=readings(bodies, ref, known),
        others=tuple(_others(bodies, ref)),
        foreign=tuple(_foreign(meta)),
    )


def values_of(body: JSON) -> dict[str, str]:
    """The values that can be edited, by key; those of a Secret in base64."""
    return secret_values(body) if body.get("kind") == "Secret" else dict(body.get("data") or {})


def plain_value(ref: ObjectRef, value: str) -> bytes:
    """A value as containers get it."""
    if ref.kind != "Secret":
        return value.encode()
    try:
        return base64.b64decode(value)
    except binascii.Error:
        return b""


def keys_of(bodies: Iterable[JSON]) -> dict[ObjectRef, Collection[str]]:
    """The keys of the ConfigMaps and Secrets among these objects."""
    return {ObjectRef.of(body): values_of(body).keys() for body in bodies if body.get("kind") in CONFIGURATION}


def readings(bodies: Iterable[JSON], ref: ObjectRef, keys: Keys) -> tuple[Reading, ...]:
    """Every container among these objects that reads a key of a ConfigMap or Secret, and how."""
    return tuple(
        reading
        for body in bodies
        if (spec := pod_spec(body)) and body["metadata"].get("namespace", "") == ref.namespace
        for container in containers(spec)
        for reading in _of_container(body, spec, container, ref, keys)
    )


def _of_container(body: JSON, spec: JSON, container: JSON, ref: ObjectRef, keys: Keys) -> Iterator[Reading]:
    workload, name = ObjectRef.of(body), str(container["name"])
    service = str((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))
    starts = any(each is container for each in spec.get("initContainers") or ())
    init = starts and container.get("restartPolicy") != "Always"
    for variable, (source, key) in _variables(container, ref.namespace, keys).items():
        if source == ref:
            yield Reading(ref, key, service, workload, name, Way.ENVIRONMENT, variable, init)
    for mount in container.get("volumeMounts") or ():
        named = (each for each in spec.get("volumes") or () if each["name"] == mount["name"])
        volume: JSON = next(named, {})
        for key, path in _files(volume, ref, keys):
            fixed = bool(mount.get("subPath") or mount.get("subPathExpr"))
            place = _place(mount, path)
            if place is not None:
                way = Way.FIXED_FILE if fixed else Way.FILE
                yield Reading(ref, key, service, workload, name, way, place, init)


def _variables(container: JSON, namespace: str, keys: Keys) -> dict[str, tuple[ObjectRef | None, str]]:
    """By name, where a variable comes from: what comes later hides what came before, `env` hides all of `envFrom`."""
    found: dict[str, tuple[ObjectRef | None, str]] = {}
    for source in container.get("envFrom") or ():
        for part, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if name := (source.get(part) or {}).get("name"):
                ref, prefix = ObjectRef("v1", kind, namespace, name), source.get("prefix") or ""
                # Servers up to 1.33 leave out what begins with a digit.
                read = [key for key in keys.get(ref, ()) if not (prefix + key)[:1].isdigit()]
                found |= {prefix + key: (ref, key) for key in read}
    for variable in container.get("env") or ():
        found[variable["name"]] = (None, "")
        value_from = variable.get("valueFrom") or {}
        for part, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if selected := value_from.get(part):
                found[variable["name"]] = (ObjectRef("v1", kind, namespace, selected["name"]), selected["key"])
    return found


def _files(volume: JSON, ref: ObjectRef, keys: Keys) -> Iterator[tuple[str, str]]:
    """The keys of an object that a volume shows, each with its path inside of the volume."""
    for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        shown = source.get("configMap" if ref.kind == "ConfigMap" else "secret") or {}
        name = shown.get("secretName") or shown.get("name")
        if name == ref.name:
            items = {str(item["key"]): str(item["path"]) for item in shown.get("items") or ()}
            yield from (items or {key: key for key in keys.get(ref, ())}).items()


def _place(mount: JSON, path: str) -> str | None:
    """Where a container sees a file of a volume: empty where only the pod knows, None where it does not see it."""
    root, part = str(mount["mountPath"]).rstrip("/"), str(mount.get("subPath") or mount.get("subPathExpr") or "")
    if "$(" in part:
        return ""
    part = part.strip("/")
    if not part or path.startswith(f"{part}/"):
        return f"{root}/{path[len(part) :].lstrip('/')}"
    return root if path == part else None


def _others(bodies: Iterable[JSON], ref: ObjectRef) -> Iterator[str]:
    """What reads the object as a whole, and is no container: image pulls, TLS."""
    for body in bodies:
        for each in references(body):
            if each.ref == ref and each.use not in {"environment", "volume"}:
                yield f"{ObjectRef.of(body)}: {each.use}"


def _foreign(meta: JSON) -> Iterator[Foreign]:
    for entry in meta.get("managedFields") or ():
        if entry.get("manager") != FIELD_MANAGER and not entry.get("subresource"):
            for part in ("f:data", "f:binaryData"):
                keys = ((entry.get("fieldsV1") or {}).get(part) or {}).keys()
                for key in sorted(each[2:] for each in keys if each.startswith("f:")):
                    yield Foreign(key, str(entry.get("manager", "")), str(entry.get("time") or ""))
