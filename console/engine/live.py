"""What is live: objects, what a dry run makes of those declared, and what is declared no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from console.engine.ports import Cluster
from console.engine.together import together
from console.model.checksums import UNREADABLE
from console.model.errors import ApplyError, DeniedError, FieldConflictError, NotFoundError
from console.model.gathered import Declared, ObjectState
from console.model.plan import Check, ObjectRef
from console.model.stack import JSON, STACK_LABEL

Kind = tuple[str, str, str]
"""apiVersion, kind, and namespace, which is empty for cluster-wide kinds."""


@dataclass(slots=True)
class Findings:
    """What turned up while the cluster was read, besides the objects themselves."""

    warnings: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


async def read_live(cluster: Cluster, refs: Iterable[ObjectRef], findings: Findings) -> dict[ObjectRef, JSON]:
    """The live objects among these; `UNREADABLE` stands for one that may not be read."""

    async def read(ref: ObjectRef) -> tuple[ObjectRef, JSON | None]:
        try:
            return ref, await cluster.get(ref)
        except DeniedError as error:
            findings.warnings.append(f"{error.what}: what is there counts as new")
            return ref, UNREADABLE

    found = await together((read(ref) for ref in dict.fromkeys(refs)), "gather: live")
    return {ref: body for ref, body in found if body is not None}


async def try_out(
    cluster: Cluster,
    declared: Sequence[Declared],
    live: Mapping[ObjectRef, JSON],
    missing: set[str],
    findings: Findings,
) -> tuple[ObjectState, ...]:
    """What the API server would make of each object (server-side apply, dry run).

    Args:
        cluster: asked, never changed.
        declared: what would be sent.
        live: what is there.
        missing: namespaces that do not exist yet: a dry run in them is not possible.
        findings: gets a failed check for each object that the API server refuses.
    """
    coming = {_defined(each.body) for each in declared if each.ref.kind == "CustomResourceDefinition"}

    async def attempt(each: Declared) -> ObjectState:
        body = live.get(each.ref) or None
        if each.ref.namespace in missing:
            return ObjectState(each, None, None)
        try:
            return ObjectState(each, body, *await _dry_run(cluster, each.body))
        except DeniedError as error:
            findings.warnings.append(f"{error.what}: only declared fields are compared")
        except (NotFoundError, ApplyError) as error:
            # A kind may be unknown as long as the stack's own definition of it is not applied.
            if isinstance(error, ApplyError) or _kind(each.ref) not in coming:
                why = f": {error.why}" if error.why else ""
                findings.checks.append(Check(str(each.ref), False, f"{error.what}{why}", error.hint))
        return ObjectState(each, body, None)

    return tuple(await together((attempt(each) for each in declared), "gather: dry run"))


def _kind(ref: ObjectRef) -> tuple[str, str]:
    return ref.api_version.rpartition("/")[0], ref.kind


def _defined(definition: JSON) -> tuple[str, str]:
    """Group and kind that a CustomResourceDefinition brings."""
    return definition["spec"]["group"], definition["spec"]["names"]["kind"]


async def _dry_run(cluster: Cluster, body: JSON) -> tuple[JSON, tuple[tuple[str, str], ...]]:
    """The result, and the fields that belong to others."""
    try:
        return await cluster.apply(body, dry_run=True), ()
    except FieldConflictError as error:
        return await cluster.apply(body, dry_run=True, force=True), error.conflicts


async def list_owned(cluster: Cluster, stack: str, kinds: Iterable[Kind], findings: Findings) -> list[JSON]:
    """Every object of these kinds that carries the stack's label and that no other object brought about."""

    async def listed(kind: Kind) -> list[JSON]:
        try:
            return await cluster.list(*kind, labels=f"{STACK_LABEL}={stack}")
        except DeniedError as error:
            findings.warnings.append(f"what is left of {kind[1]}s is not known: {error.what}")
        except NotFoundError:
            # A kind of a release whose definition is gone, and its objects with it.
            pass
        return []

    found = await together((listed(kind) for kind in sorted(set(kinds))), "gather: owned")
    return [body for bodies in found for body in bodies if _stands_alone(body["metadata"])]


def _stands_alone(metadata: JSON) -> bool:
    return not metadata.get("ownerReferences") and not metadata.get("deletionTimestamp")
