"""What an object needs of other objects: configuration, Secrets, accounts, claims, classes.

Fields follow kubernetes.io, API reference: PodSpec, EnvVarSource, Volume, IngressSpec, PersistentVolumeClaimSpec.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from console.model.plan import ObjectRef
from console.model.podspec import containers, pod_spec
from console.model.stack import JSON


class Use(StrEnum):
    """How a reference is used."""

    ENVIRONMENT = "environment"
    VOLUME = "volume"
    PULL = "image pull"
    ACCOUNT = "account"
    CLASS = "class"
    TLS = "TLS certificate"


@dataclass(frozen=True, slots=True)
class Reference:
    """One object needs another one, or one key of it. Empty `key`: the whole object."""

    ref: ObjectRef
    use: Use
    key: str = ""
    optional: bool = False


def references(body: JSON) -> tuple[Reference, ...]:
    """Everything that an object needs, in the order in which it is named."""
    namespace = body["metadata"].get("namespace", "")
    found: list[Reference] = []
    if spec := pod_spec(body):
        found += [*_environment(spec, namespace), *_volumes(spec, namespace), *_pod(spec, namespace)]
    elif body["kind"] == "ServiceAccount":
        found += _pull(body, namespace)
    found += _classes(body, namespace)
    return tuple(dict.fromkeys(found))


def _environment(spec: JSON, namespace: str) -> Iterator[Reference]:
    for container in containers(spec):
        for source in container.get("envFrom") or ():
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                yield from _named(kind, namespace, source.get(field), Use.ENVIRONMENT)
        for variable in container.get("env") or ():
            value_from = variable.get("valueFrom") or {}
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                yield from _named(kind, namespace, value_from.get(field), Use.ENVIRONMENT)


def _volumes(spec: JSON, namespace: str) -> Iterator[Reference]:
    for volume in spec.get("volumes") or ():
        projected = (volume.get("projected") or {}).get("sources") or ()
        for source in (volume, *projected):
            yield from _items("ConfigMap", namespace, source.get("configMap"), "name")
            # A volume of its own says secretName, a projected source says name.
            yield from _items("Secret", namespace, source.get("secret"), "secretName" if source is volume else "name")
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim:
            yield Reference(ObjectRef("v1", "PersistentVolumeClaim", namespace, claim), Use.VOLUME)


def _pull(holder: JSON, namespace: str) -> Iterator[Reference]:
    for secret in holder.get("imagePullSecrets") or ():
        yield from _named("Secret", namespace, secret, Use.PULL)


def _pod(spec: JSON, namespace: str) -> Iterator[Reference]:
    yield from _pull(spec, namespace)
    account = spec.get("serviceAccountName")
    # Every namespace gets the account `default` by itself.
    if account and account != "default":
        yield Reference(ObjectRef("v1", "ServiceAccount", namespace, account), Use.ACCOUNT)
    if priority := spec.get("priorityClassName"):
        yield Reference(ObjectRef("scheduling.k8s.io/v1", "PriorityClass", "", priority), Use.CLASS)


def _classes(body: JSON, namespace: str) -> Iterator[Reference]:
    spec = body.get("spec") or {}
    if body["kind"] == "Ingress":
        if name := spec.get("ingressClassName"):
            yield Reference(ObjectRef("networking.k8s.io/v1", "IngressClass", "", name), Use.CLASS)
        for tls in spec.get("tls") or ():
            if name := tls.get("secretName"):
                yield Reference(ObjectRef("v1", "Secret", namespace, name), Use.TLS)
    claims = [spec] if body["kind"] == "PersistentVolumeClaim" else []
    if body["kind"] == "StatefulSet":
        claims = [claim.get("spec") or {} for claim in spec.get("volumeClaimTemplates") or ()]
    for claim in claims:
        if name := claim.get("storageClassName"):
            yield Reference(ObjectRef("storage.k8s.io/v1", "StorageClass", "", name), Use.CLASS)


def _named(kind: str, namespace: str, source: JSON | None, use: Use) -> Iterator[Reference]:
    if source and source.get("name"):
        ref = ObjectRef("v1", kind, namespace, source["name"])
        yield Reference(ref, use, source.get("key", ""), bool(source.get("optional")))


def _items(kind: str, namespace: str, source: JSON | None, field: str) -> Iterator[Reference]:
    if not source or not source.get(field):
        return
    ref, optional = ObjectRef("v1", kind, namespace, source[field]), bool(source.get("optional"))
    keys = [str(item.get("key", "")) for item in source.get("items") or ()]
    for key in keys or [""]:
        yield Reference(ref, Use.VOLUME, key, optional)
