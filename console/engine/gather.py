"""What a plan needs to know: what is declared, what is live, what the API server would make of it, what is left over.

Nothing is changed, and nothing is started.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from console.engine.live import Kind, list_owned, try_out
from console.engine.ports import World
from console.engine.preflight import check_destroy
from console.engine.releases import is_release
from console.engine.seen import Seen, known_secrets, look, namespace_ref, text_values
from console.engine.together import both
from console.model.declare import declare, wanted_secrets
from console.model.gathered import Declared, Gathered, ObjectState
from console.model.plan import ObjectRef
from console.model.podspec import WORKLOADS
from console.model.readiness import readiness
from console.model.references import references
from console.model.stack import JSON, SERVICE_LABEL, STACK_LABEL, Stack

__all__ = ["gather", "gather_destroy", "known_secrets"]

# What stacks are usually made of: searched before a destroy, whatever manifests and releases say.
_USUAL = (
    *(("v1", kind) for kind in ("ConfigMap", "PersistentVolumeClaim", "Secret", "Service", "ServiceAccount")),
    *(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")),
    *(("batch/v1", kind) for kind in ("CronJob", "Job")),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    *(("networking.k8s.io/v1", kind) for kind in ("Ingress", "NetworkPolicy")),
    ("policy/v1", "PodDisruptionBudget"),
)


async def gather(stack: Stack, world: World) -> Gathered:
    """What a deploy of the stack needs to know.

    Raises:
        UnreachableError: the API server does not answer.
        BuildError: a build context cannot be read.
    """
    seen = await look(stack, world)
    declared = _declare(seen)
    cluster, findings = world.cluster, seen.findings
    kinds = _kinds(seen, (each.ref for each in declared))
    objects, owned = await both(
        try_out(cluster, declared, seen.live, seen.missing, findings),
        list_owned(cluster, stack.name, kinds, findings),
        "gather: cluster",
    )
    uids = {ObjectRef.of(body): str(body["metadata"]["uid"]) for body in owned}
    return replace(gathered_of(seen, world, objects, _obsolete(seen, declared, owned)), obsolete_uids=uids)


async def gather_destroy(stack: Stack, world: World) -> Gathered:
    """All that carries the stack's label, as `Gathered.objects`; the namespace only if the stack declares it.

    Raises:
        UnreachableError: the API server does not answer.
    """
    seen = await look(stack, world, images=False)
    usual = {(*kind, namespace) for kind in _USUAL for namespace in seen.namespaces - seen.missing}
    kinds = usual | _kinds(seen, (each.ref for each in stack.manifests))
    owned = await list_owned(world.cluster, stack.name, kinds, seen.findings)
    objects = tuple(_owned_state(body) for body in owned if _may_go(seen, ObjectRef.of(body)))
    gathered = gathered_of(seen, world, objects, ())
    return replace(gathered, checks=await check_destroy(gathered, world))


def _declare(seen: Seen) -> tuple[Declared, ...]:
    """What will be sent; a namespace that nobody declares, and that is not there, comes first."""
    declared = declare(seen.stack, seen.images, {**_kept_urls(seen), **seen.secrets}, seen.checksum_key, seen.live)
    namespace = namespace_ref(seen.stack.namespace)
    if namespace.name in seen.missing and all(each.ref != namespace for each in declared):
        meta = {"name": namespace.name, "labels": {STACK_LABEL: seen.stack.name}}
        return (Declared(namespace, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}), *declared)
    return declared


def _kept_urls(seen: Seen) -> dict[tuple[str, str], str]:
    """What the cluster holds for externals of our own that do not run: most likely they come back the same."""
    own = [external for external in seen.stack.externals if external.provision]
    refs = {each: ObjectRef("v1", "Secret", seen.stack.namespace, each.secret) for each in own}
    values = {each: text_values(seen.live.get(ref) or {}).get(each.key, "") for each, ref in refs.items()}
    return {(each.secret, each.key): value for each, value in values.items() if value}


def _kinds(seen: Seen, refs: Iterable[ObjectRef]) -> set[Kind]:
    """The kinds of these objects and of all past releases, but not in namespaces that do not exist."""
    found = {(ref.api_version, ref.kind, ref.namespace) for ref in (*refs, *seen.released)}
    return {kind for kind in found if kind[2] not in seen.missing}


def _obsolete(seen: Seen, declared: Sequence[Declared], owned: Iterable[JSON]) -> tuple[ObjectRef, ...]:
    """What is ours, declared no more, and not needed by anything that is declared; never a namespace or a release."""
    kept = {_same_object(each.ref) for each in declared}
    kept |= {_same_object(need.ref) for each in declared for need in references(each.body)}
    kept |= {_same_object(ref) for ref, _ in wanted_secrets(seen.stack)}
    found = [ObjectRef.of(body) for body in owned if not is_release(body)]
    return tuple(
        ref
        for ref in found
        # Another target of the same stack may have cluster-wide objects, too.
        if _same_object(ref) not in kept and ref.kind != "Namespace" and (ref.namespace or ref in seen.released)
    )


def _may_go(seen: Seen, ref: ObjectRef) -> bool:
    """Namespaces go only if they are declared; what else is cluster-wide, if this target of the stack made it."""
    if ref.namespace or ref in {each.ref for each in seen.stack.manifests}:
        return True
    return ref.kind != "Namespace" and ref in seen.released


def _owned_state(body: JSON) -> ObjectState:
    ref = ObjectRef.of(body)
    service = str(body["metadata"]["labels"].get(SERVICE_LABEL, ""))
    return ObjectState(Declared(ref, service, body, ref.kind == "Secret"), body, None)


def gathered_of(
    seen: Seen, world: World, objects: tuple[ObjectState, ...], obsolete: tuple[ObjectRef, ...]
) -> Gathered:
    """What was seen, as the planner wants it."""
    own = [external for external in seen.stack.externals if external.provision]
    return Gathered(
        stack=seen.stack,
        namespace_exists=seen.stack.namespace not in seen.missing,
        images=seen.images,
        objects=objects,
        obsolete=obsolete,
        releases=seen.releases,
        checks=tuple(seen.findings.checks),
        warnings=(*dict.fromkeys(seen.findings.warnings), *_masking(world)),
        past=seen.past,
        unprovisioned=tuple(each.name for each in own if (each.secret, each.key) not in seen.secrets),
        unready=tuple(sorted({each.declared.service for each in objects if _unready(each)} - {""})),
        checksum_key=seen.checksum_key,
        cluster=seen.cluster,
    )


def _unready(state: ObjectState) -> bool:
    return state.live is not None and state.declared.ref.kind in WORKLOADS and not readiness(state.live).ok


def _masking(world: World) -> Iterator[str]:
    if world.redactor.by_pattern:
        yield "masking by pattern: the values of Secrets may not be read, so names of keys and URLs stand in"
    for name in world.redactor.too_short:
        yield f"not searched in what is shown: {name} is too short"


def _same_object(ref: ObjectRef) -> tuple[str, str, str, str]:
    """What stays the same when only the version of the API group changes."""
    return ref.api_version.rpartition("/")[0], ref.kind, ref.namespace, ref.name
