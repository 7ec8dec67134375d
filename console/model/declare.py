"""From what is written to what will be sent: images, labels, checksums of configuration, replicas, Secrets.

The rules are those of the stack description, "What the console changes in what was written, and nothing else".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

from console.model.autoscaling import Ruled, autoscalers, leave_replicas
from console.model.checksums import encoded, secret_values, set_checksum
from console.model.gathered import Declared, Image
from console.model.plan import ObjectRef
from console.model.podspec import containers, pod_spec
from console.model.references import references
from console.model.restarting import keep_restart
from console.model.stack import JSON, SERVICE_LABEL, STACK_LABEL, Stack

# Order of kinds within a group: as Helm installs (helm.sh, pkg/release/util, InstallOrder); policies before pods.
_ORDER = (
    *("Namespace", "PriorityClass", "StorageClass", "IngressClass", "CustomResourceDefinition"),
    *("NetworkPolicy", "ResourceQuota", "LimitRange", "ServiceAccount"),
    *("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    *("Secret", "ConfigMap", "PersistentVolume", "PersistentVolumeClaim", "Service", "PodDisruptionBudget"),
    *("DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment", "StatefulSet", "Job", "CronJob"),
    *("HorizontalPodAutoscaler", "Ingress"),
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}


def rank(kind: str) -> int:
    """When a kind is applied: smaller first. Unknown kinds come last; their definitions are there by then."""
    return _RANK.get(kind, len(_ORDER))


def declare(
    stack: Stack,
    images: Sequence[Image],
    secrets: Mapping[tuple[str, str], str],
    checksum_key: str,
    live: Mapping[ObjectRef, JSON],
) -> tuple[Declared, ...]:
    """Every object as it will be sent: the shared ones first, then by service, each group in the order of kinds.

    Args:
        stack: what is written.
        images: what is built; replaced by name in every container.
        secrets: values of this machine by (name of the Secret, key).
        checksum_key: hexadecimal key of the configuration checksums; where it is empty, live checksums are kept.
        live: live objects by reference: those declared, and the ConfigMaps and Secrets that containers read
            (`UNREADABLE` for those that may not be read).
    """
    filled = _filled_secrets(stack, secrets, live)
    written = [Declared(each.ref, each.service, copy.deepcopy(each.body)) for each in stack.manifests]
    made = [Declared(ref, "", _secret(ref)) for ref in filled.keys() - {each.ref for each in written}]
    for each in (*made, *written):
        if each.ref in filled:
            each.body["data"] = filled[each.ref]
    sources = {**live, **{each.ref: each.body for each in (*made, *written)}}
    by_name = {image.source.name: image.reference for image in images}
    ruled = autoscalers(each.body for each in written)
    for each in written:
        _set_images(each.body, by_name)
        set_checksum(each.body, checksum_key, sources, live.get(each.ref))
        keep_restart(each.body, live.get(each.ref))
        if (each.ref.kind, each.ref.namespace, each.ref.name) in ruled:
            leave_replicas(each.body, live.get(each.ref))
    finished = [
        _labelled(stack.name, _beginning(each, ruled)) for each in (*sorted(made, key=lambda each: each.ref), *written)
    ]
    services = ["", *(service.name for service in stack.services)]
    return tuple(sorted(finished, key=lambda each: (services.index(each.service), rank(each.ref.kind))))


def with_image(declared: Declared, before: str, after: str) -> Declared:
    """The same object with one image's reference in place of another; the very same one if it does not run it."""
    if all(container.get("image") != before for container in containers(pod_spec(declared.body) or {})):
        return declared
    body = copy.deepcopy(declared.body)
    for container in containers(pod_spec(body) or {}):
        if container.get("image") == before:
            container["image"] = after
    return replace(declared, body=body)


def wanted_secrets(stack: Stack) -> tuple[tuple[ObjectRef, str], ...]:
    """Every Secret and key that containers or externals read and whose value no manifest of the stack gives."""
    defined = {manifest.ref for manifest in stack.manifests if not is_open(manifest.body)}
    found = {
        (reference.ref, reference.key)
        for manifest in stack.manifests
        for reference in references(manifest.body)
        if reference.ref.kind == "Secret" and reference.key
    }
    found |= {(ObjectRef("v1", "Secret", stack.namespace, each.secret), each.key) for each in stack.externals}
    return tuple(sorted((ref, key) for ref, key in found if ref not in defined))


def is_open(body: JSON) -> bool:
    """True for a Secret that is declared without keys: it gets those that are read, from this machine."""
    return body["kind"] == "Secret" and not any(body.get(part) for part in ("data", "stringData"))


def _filled_secrets(
    stack: Stack, secrets: Mapping[tuple[str, str], str], live: Mapping[ObjectRef, JSON]
) -> dict[ObjectRef, dict[str, str]]:
    """The data, in base64, of the Secrets that get their values from this machine."""
    wanted: dict[ObjectRef, list[str]] = {}
    for ref, key in wanted_secrets(stack):
        wanted.setdefault(ref, []).append(key)
    written = {manifest.ref for manifest in stack.manifests}
    filled = {}
    for ref, keys in wanted.items():
        known = {key: encoded(secrets[ref.name, key]) for key in keys if (ref.name, key) in secrets}
        # Keys that only another machine has a value for stay: leaving them out would remove them.
        kept = _ours(live.get(ref), stack.name) if known or ref in written else {}
        if data := {key: value for key, value in {**kept, **known}.items() if key in keys}:
            filled[ref] = data
    return filled


def _secret(ref: ObjectRef) -> JSON:
    meta = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, "type": "Opaque"}


def _ours(body: JSON | None, stack: str) -> dict[str, str]:
    labels = ((body or {}).get("metadata") or {}).get("labels") or {}
    return secret_values(body or {}) if labels.get(STACK_LABEL) == stack else {}


def _set_images(body: JSON, by_name: Mapping[str, str]) -> None:
    for container in containers(pod_spec(body) or {}):
        image = str(container.get("image", "")).partition("@")[0]
        folder, slash, last = image.rpartition("/")
        name = folder + slash + last.partition(":")[0]
        if name in by_name:
            container["image"] = by_name[name]


def _beginning(declared: Declared, ruled: Mapping[Ruled, JSON]) -> Declared:
    """With the number of replicas that the autoscaler would make of a new workload anyway."""
    ruler = ruled.get((declared.ref.kind, declared.ref.namespace, declared.ref.name))
    return replace(declared, begins_with=int(ruler["spec"].get("minReplicas") or 1)) if ruler else declared


def _labelled(stack: str, declared: Declared) -> Declared:
    meta = declared.body["metadata"]
    own = {STACK_LABEL: stack} | ({SERVICE_LABEL: declared.service} if declared.service else {})
    meta["labels"] = {**(meta.get("labels") or {}), **own}
    return replace(declared, sensitive=declared.ref.kind == "Secret")
