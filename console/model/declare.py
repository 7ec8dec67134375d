"""From what is written to what will be sent: images, labels, checksums of configuration, replicas, Secrets.

The rules are those of the stack description, "What the console changes in what was written, and nothing else".
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from console.model.gathered import Declared, Image
from console.model.plan import ObjectRef
from console.model.podspec import containers, pod_spec, pod_template
from console.model.references import Reference, Use, references
from console.model.stack import CHECKSUM_ANNOTATION, FIELD_MANAGER, JSON, SERVICE_LABEL, STACK_LABEL, Stack

UNREADABLE: JSON = {}
"""Stands for a live object that is there, but may not be read."""

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
    least = _autoscaled(stack)
    for each in written:
        _set_images(each.body, by_name)
        _set_checksum(each.body, checksum_key, sources, live.get(each.ref))
        if (each.ref.kind, each.ref.namespace, each.ref.name) in least:
            _leave_replicas(each.body, live.get(each.ref))
    finished = [
        _labelled(stack.name, _beginning(each, least)) for each in (*sorted(made, key=lambda each: each.ref), *written)
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


def secret_values(body: JSON) -> dict[str, str]:
    """The values of a Secret in base64, those of `stringData` included (they win, as the API has it)."""
    plain = {key: _base64(str(value)) for key, value in (body.get("stringData") or {}).items()}
    return {**(body.get("data") or {}), **plain}


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
        known = {key: _base64(secrets[ref.name, key]) for key in keys if (ref.name, key) in secrets}
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


def _autoscaled(stack: Stack) -> dict[tuple[str, str, str], int]:
    """The least replicas of every workload that an autoscaler of the stack targets, by kind, namespace and name."""
    least = {}
    for manifest in stack.manifests:
        if manifest.ref.kind == "HorizontalPodAutoscaler":
            spec = manifest.body["spec"]
            target = spec["scaleTargetRef"]
            least[target["kind"], manifest.ref.namespace, target["name"]] = int(spec.get("minReplicas") or 1)
    return least


def _beginning(declared: Declared, least: Mapping[tuple[str, str, str], int]) -> Declared:
    """With the number of replicas that the autoscaler would make of a new workload anyway."""
    ref = declared.ref
    return replace(declared, begins_with=least.get((ref.kind, ref.namespace, ref.name)))


def _leave_replicas(body: JSON, live: JSON | None) -> None:
    """Leaves `spec.replicas` to the autoscaler.

    While we still own the live value it is sent as it is: to stop sending it would reset it to 1 (kubernetes.io,
    "Server-Side Apply", transferring ownership).
    """
    body["spec"].pop("replicas", None)
    for entry in ((live or {}).get("metadata") or {}).get("managedFields") or ():
        ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if ours and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            body["spec"]["replicas"] = (live or {})["spec"]["replicas"]


def _set_checksum(body: JSON, key: str, sources: Mapping[ObjectRef, JSON], live: JSON | None) -> None:
    template = pod_template(body)
    used = [each for each in references(body) if each.use is Use.ENVIRONMENT]
    if template is None or not used:
        return
    known = key and not any(sources.get(each.ref) is UNREADABLE for each in used)
    checksum = _checksum(used, key, sources) if known else _live_checksum(live)
    if checksum:
        meta = template.setdefault("metadata", {})
        meta["annotations"] = {**(meta.get("annotations") or {}), CHECKSUM_ANNOTATION: checksum}


def _checksum(used: Sequence[Reference], key: str, sources: Mapping[ObjectRef, JSON]) -> str:
    """HMAC-SHA256, shortened to 128 bits, of every key and value that is read; a missing one counts as well."""
    read = sorted({(each.ref.kind, each.ref.name, *pair) for each in used for pair in _values(each, sources)})
    text = json.dumps(read, separators=(",", ":"))
    return hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).hexdigest()[:32]


def _values(reference: Reference, sources: Mapping[ObjectRef, JSON]) -> list[tuple[str, str]]:
    body = sources.get(reference.ref) or {}
    values = secret_values(body) if reference.ref.kind == "Secret" else body.get("data") or {}
    # A value is marked, so that an empty one differs from none.
    marked = {key: f"={value}" for key, value in values.items()}
    return [(reference.key, marked.get(reference.key, ""))] if reference.key else list(marked.items())


def _live_checksum(live: JSON | None) -> str:
    template = pod_template(live) if live else None
    annotations = ((template or {}).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(CHECKSUM_ANNOTATION, ""))


def _labelled(stack: str, declared: Declared) -> Declared:
    meta = declared.body["metadata"]
    own = {STACK_LABEL: stack} | ({SERVICE_LABEL: declared.service} if declared.service else {})
    meta["labels"] = {**(meta.get("labels") or {}), **own}
    return replace(declared, sensitive=declared.ref.kind == "Secret")


def _ref(body: JSON) -> ObjectRef:
    return ObjectRef(body["apiVersion"], body["kind"], body["metadata"]["namespace"], body["metadata"]["name"])


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
