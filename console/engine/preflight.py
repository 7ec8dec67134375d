"""Is everything there that a plan needs: asked all at once, each answer one row with plain words and what to do."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from console.engine.admission import check_admission
from console.engine.outside import check_externals, check_references
from console.engine.ports import World
from console.engine.pulling import check_pulling
from console.engine.rights import check_rights
from console.engine.together import together
from console.model.changes import object_changes
from console.model.errors import ConsoleError, DeniedError, UnreachableError
from console.model.gathered import Gathered
from console.model.plan import ChangeKind, Check, ObjectChange, ObjectRef
from console.model.quota import shortfalls, unspecified
from console.model.skew import skew
from console.model.stack import JSON

Rows = Coroutine[Any, Any, list[Check]]


async def check(gathered: Gathered, world: World) -> tuple[Check, ...]:
    """Every row of preflight, with what already turned up while the plan was gathered.

    Raises:
        UnreachableError: the API server does not answer.
    """
    changes = object_changes(gathered, world.redactor.text)
    doomed = tuple(ObjectChange(ref, "", ChangeKind.DELETE) for ref in gathered.obsolete)
    parts: dict[str, Rows] = {
        "cluster": _cluster(world),
        "namespace": _namespace(gathered, world),
        "rights": check_rights(world.cluster, (*changes, *doomed), gathered.stack.namespace),
        "build": _builder(gathered, world),
        "registry": _registry(gathered, world),
        "externals": check_externals(gathered, world),
        "pods": check_admission(gathered, changes, world),
        "pull": check_pulling(gathered, changes, world),
        "quota": _quota(gathered, changes, world),
        "references": check_references(gathered, world),
    }
    rows = await together((_guarded(name, part) for name, part in parts.items()), "preflight")
    return (*(row for part in rows for row in part), *gathered.checks)


async def check_destroy(gathered: Gathered, world: World) -> tuple[Check, ...]:
    """Whether we may remove all that carries the stack's label."""
    changes = [ObjectChange(state.declared.ref, "", ChangeKind.DELETE) for state in gathered.objects]
    rights = check_rights(world.cluster, changes, gathered.stack.namespace, records=False)
    parts = {"cluster": _cluster(world), "rights": rights}
    rows = await together((_guarded(name, part) for name, part in parts.items()), "preflight")
    return tuple(row for part in rows for row in part)


async def _guarded(name: str, part: Rows) -> list[Check]:
    """What cannot be asked is a row as well; only an API server that does not answer ends it all."""
    try:
        return await part
    except UnreachableError:
        raise
    except DeniedError as error:
        return [Check(name, None, f"cannot be checked: {error.what}", error.hint)]
    except ConsoleError as error:
        return [_failed(name, error)]


def _failed(name: str, error: ConsoleError) -> Check:
    where = f"{error.where}: " if error.where else ""
    return Check(name, False, f"{where}{error.what}" + (f": {error.why}" if error.why else ""), error.hint)


async def _cluster(world: World) -> list[Check]:
    cluster = world.cluster
    version, identity = await together((cluster.version(), cluster.identity()), "preflight: cluster")
    rows = [Check("cluster", True, f"{version} at {cluster.server}" + (f", as {identity}" if identity else ""))]
    if words := skew(version):
        rows.append(Check("version", None, words, "use the console's release that goes with the cluster"))
    if cluster.read_only:
        rows.append(
            Check("read-only", None, "a plan can be looked at, nothing can be changed", "leave out --read-only")
        )
    return rows


async def _namespace(gathered: Gathered, world: World) -> list[Check]:
    name = gathered.stack.namespace
    body = await world.cluster.get(ObjectRef("v1", "Namespace", "", name))
    if body is None:
        return [Check("namespace", True, f"{name} will be created")]
    if body["metadata"].get("deletionTimestamp"):
        hint = "wait until it is gone, then plan again; `kubectl describe namespace` says what holds it up"
        return [Check("namespace", False, f"{name} is being removed", hint)]
    return [Check("namespace", True, f"{name} is there")]


async def _builder(gathered: Gathered, world: World) -> list[Check]:
    missing = [image.source for image in gathered.images if not image.present]
    if not missing:
        return []
    building = await world.builder.check(missing)
    rows = [Check("build", True, f"{', '.join(source.service for source in missing)}: {building.words}")]
    return [*rows, *([Check("build", None, building.warning)] if building.warning else [])]


async def _registry(gathered: Gathered, world: World) -> list[Check]:
    names = sorted({image.source.name for image in gathered.images if not image.present})
    await together((world.registry.check_push(name) for name in names), "preflight: registry")
    return [Check("registry", True, f"may push {', '.join(names)}")] if names else []


async def _quota(gathered: Gathered, changes: Sequence[ObjectChange], world: World) -> list[Check]:
    quotas = await _as_they_will_be("ResourceQuota", gathered, world)
    if not quotas:
        return []
    short = shortfalls(quotas, gathered.objects, changes)
    rows = [
        Check("quota", False, text, "lower requests or replicas, or ask an administrator for more") for text in short
    ]
    # A LimitRange gives defaults to containers that say nothing.
    if not await _as_they_will_be("LimitRange", gathered, world):
        silent = unspecified(quotas, gathered.objects, changes)
        rows += [Check("quota", False, text, "add it to the container's resources") for text in silent]
    return rows or [Check("quota", True, "the plan fits")]


async def _as_they_will_be(kind: str, gathered: Gathered, world: World) -> list[JSON]:
    """The objects of a kind in the stack's namespace, with what the plan makes of them."""
    namespace = gathered.stack.namespace
    live = await world.cluster.list("v1", kind, namespace) if gathered.namespace_exists else []
    by_name: dict[str, JSON] = {body["metadata"]["name"]: body for body in live}
    for state in gathered.objects:
        ref = state.declared.ref
        if (ref.kind, ref.namespace) == (kind, namespace):
            by_name[ref.name] = {**by_name.get(ref.name, {}), **state.declared.body}
    return list(by_name.values())
