"""What an operation needs to know: the last release and what is live of it; only what it changes is tried out."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from console.engine.gather import gathered_of
from console.engine.live import Findings, list_owned, read_live, try_out
from console.engine.ports import World
from console.engine.preflight import check
from console.engine.releases import read_releases
from console.engine.room import check_room
from console.engine.seen import Seen, look, text_values
from console.engine.together import both
from console.engine.work import RunOptions
from console.model.effect import with_effect
from console.model.errors import PreflightError
from console.model.gathered import Declared, Gathered, ObjectState
from console.model.operations import SCALED, Before, Bodies, Configure, Operation, RollBack, Stop
from console.model.plan import ObjectRef, Plan
from console.model.planning import plan_deploy
from console.model.release import Release
from console.model.scaling import Scalable, scalables
from console.model.stack import JSON, SERVICE_LABEL, Service, Stack

ROLLS_BACK = frozenset({"restart", "config"})
"""Operations that go back by themselves if they fail, unless somebody says otherwise."""
CAN_ROLL_BACK = ROLLS_BACK | {"scale"}
"""Operations that can be told to."""

_ABOUT_SCALE = frozenset({"HorizontalPodAutoscaler", "PodDisruptionBudget"})


async def gather_operation(stack: Stack, world: World, operation: Operation) -> Gathered:
    """All that the plan of an operation is made from. Changes nothing.

    Raises:
        PreflightError: the stack was not deployed here yet.
        UsageError: the operation makes no sense for this stack.
        UnreachableError: the API server does not answer.
    """
    seen = await look_at_release(stack, world)
    if isinstance(operation, Configure):
        mask_edit(operation, world)
    before = Before(seen.releases, seen.live, world.clock())
    after = operation.after(before)
    touched = after.keys() if isinstance(operation, RollBack) else _touched(operation, before.bodies(), after)
    objects = await _states(seen, world, after, touched)
    shown = replace(seen, stack=_as_released(stack, seen.releases, after, reverse=isinstance(operation, Stop)))
    gathered = gathered_of(shown, world, objects, ())
    if isinstance(operation, RollBack):
        gathered = await _with_obsolete(gathered, seen, world, after)
    gathered = replace(gathered, unready=(), unprovisioned=())
    if isinstance(operation, Configure):
        gathered = replace(gathered, warnings=(*gathered.warnings, *operation.warnings(before)))
    checks, room = await both(check(gathered, world), check_room(objects, world.cluster), "preflight")
    return replace(gathered, checks=(*checks, *room))


async def look_at_release(stack: Stack, world: World) -> Seen:
    """The releases of the stack, and all that is live of their objects. Raises PreflightError: there is none."""
    seen = await look(stack, world, images=False)
    if not seen.releases:
        what = f"nothing is known of {stack.name} on {stack.target.name}: it was not deployed there"
        raise PreflightError(what, hint=f"stack-console deploy {stack.name}")
    refs = {ObjectRef.of(body) for release in seen.releases for body in release.objects} - seen.live.keys()
    seen.live |= await read_live(world.cluster, sorted(refs), seen.findings)
    return seen


def plan_operation(gathered: Gathered, operation: Operation, world: World) -> Plan:
    """The plan of an operation."""
    plan = plan_deploy(gathered, world.redactor.text, kind=operation.kind, about=operation.about)
    return with_effect(plan, operation, gathered.past) if isinstance(operation, Configure) else plan


async def read_scalables(stack: Stack, world: World) -> tuple[Scalable, ...]:
    """What of the stack as it was deployed can be scaled; nothing if it was not deployed yet."""
    releases = await read_releases(world.cluster, stack.name, stack.namespace)
    sent = releases[0].objects if releases else ()
    refs = [ref for ref in map(ObjectRef.of, sent) if ref.kind in SCALED | _ABOUT_SCALE]
    return scalables(sent, await read_live(world.cluster, refs, Findings()))


def run_options(operation: Operation, command: str, *, wait: bool = True, timeout: float | None = None) -> RunOptions:
    """How an operation is carried out: one that makes pods anew goes back if it fails; a rollback goes over drift.

    Args:
        operation: what is done.
        command: the command line that would repeat it.
        wait: False for who does not want to know how it ends.
        timeout: seconds for each wait, in place of those that the plan gives.
    """
    return RunOptions(
        command,
        rollback=operation.kind in ROLLS_BACK,
        wait=wait,
        drift="overwrite" if operation.kind == "rollback" else "keep",
        timeout=timeout,
    )


def mask_edit(edit: Configure, world: World) -> None:
    """Makes the new values of a Secret sensitive."""
    if edit.ref.kind == "Secret":
        body = {"kind": "Secret", "data": {key: value for key, value in edit.values.items() if value is not None}}
        for key, text in text_values(body).items():
            world.redactor.add(f"secret/{edit.ref.name} {key}", text)


def _touched(operation: Operation, before: Bodies, after: Bodies) -> set[ObjectRef]:
    """What the operation changes; an edit also takes back what somebody else changed."""
    edited = {operation.ref} if isinstance(operation, Configure) else set()
    return edited | {ref for ref, body in after.items() if body != before.get(ref)}


async def _states(seen: Seen, world: World, after: Bodies, touched: Set[ObjectRef]) -> tuple[ObjectState, ...]:
    """What the operation changes, tried out; of everything else what is live stays as it is, whoever changed it."""
    declared = {ref: _declared(ref, body) for ref, body in after.items()}
    changed = [declared[ref] for ref in after if ref in touched]
    tried = await try_out(world.cluster, changed, seen.live, seen.missing, seen.findings)
    states = {each.declared.ref: replace(each, conflicts=()) for each in tried}
    left = {ref: seen.live.get(ref) for ref in after if ref not in states}
    states |= {ref: ObjectState(declared[ref], live, live) for ref, live in left.items() if live}
    return tuple(states[ref] for ref in after if ref in states)


def _declared(ref: ObjectRef, body: JSON) -> Declared:
    return Declared(ref, _service(body), body, ref.kind == "Secret")


def _service(body: JSON) -> str:
    return str((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))


async def _with_obsolete(gathered: Gathered, seen: Seen, world: World, after: Bodies) -> Gathered:
    """What newer releases brought, and the one that is gone back to does not have."""
    kinds = {(ref.api_version, ref.kind, ref.namespace) for ref in seen.released if ref.namespace not in seen.missing}
    owned = {
        ObjectRef.of(body): body for body in await list_owned(world.cluster, seen.stack.name, kinds, seen.findings)
    }
    gone = tuple(ref for ref in owned if ref in seen.released and ref not in after and ref.kind != "Namespace")
    return replace(gathered, obsolete=gone, obsolete_uids={ref: owned[ref]["metadata"]["uid"] for ref in gone})


def _as_released(stack: Stack, releases: tuple[Release, ...], after: Bodies, *, reverse: bool) -> Stack:
    """The stack as its releases know it: with the services of the cluster, not with those that are written now."""
    names = dict.fromkeys(filter(None, map(_service, after.values())))
    behind = {name: _after(stack, releases, name) & names.keys() for name in names}
    if reverse:
        behind = {name: {other for other in names if name in behind[other]} for name in names}
    timeouts = {service.name: service.timeout for service in stack.services}
    services = (Service(name, "", None, (), tuple(sorted(behind[name])), timeouts.get(name)) for name in names)
    return replace(stack, services=tuple(services), shared=(), externals=(), warnings=())


def _after(stack: Stack, releases: tuple[Release, ...], name: str) -> set[str]:
    """What a service comes after, as the newest release tells that has it."""
    written = stack.service(name)
    if written:
        return set(written.after)
    return set(next((release.after[name] for release in releases if name in release.after), ()))
