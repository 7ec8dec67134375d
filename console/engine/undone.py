"""The undo of drills: written down here and in the cluster before anything is injected, carried out by anyone.

What is written is small and holds no value of a Secret: objects are brought back from the last release.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from console.engine.holder import seconds_of
from console.engine.injected import send_signal
from console.engine.live import Findings, read_live
from console.engine.ports import Cluster, UndoRecord, World
from console.engine.releases import read_releases
from console.model.configuration import values_of
from console.model.drills.calls import OpenDrill
from console.model.drills.ground import DRILL_ANNOTATION
from console.model.drills.restoring import digest, restored
from console.model.errors import ApplyError, ConflictError, DeniedError, DrillError, LockedError, NotFoundError
from console.model.operations import objects_of
from console.model.plan import Check, ObjectRef
from console.model.stack import JSON, Stack

_KEY = "drill"
_Bodies = dict[ObjectRef, JSON]


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of an undo: what is not as it was before, in words, and the uids of the pods that are made anew."""

    wrong: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()


def record_ref(stack: Stack) -> ObjectRef:
    """The ConfigMap that tells of an open drill; it is no part of the stack."""
    return ObjectRef("v1", "ConfigMap", stack.namespace, f"stack-console-drill-{stack.name}")


def encoded(drill: OpenDrill) -> str:
    """A drill as it is written down."""
    return msgspec.json.encode(drill).decode()


async def write_down(stack: Stack, world: World, drill: OpenDrill) -> None:
    """Keeps the undo of a drill, here and in the cluster.

    Raises:
        LockedError: another drill is open.
        ConsoleError: it cannot be kept; then nothing may be injected.
    """
    action = msgspec.to_builtins(drill)
    keep = UndoRecord(drill.run_id, drill.run_id, stack.name, stack.target.name, action, drill.begun)
    await world.journal.record_undo(keep)
    ref = record_ref(stack)
    told = {"stack-console/undo": f"stack-console drill undo {stack.name}"}
    meta = {"name": ref.name, "namespace": ref.namespace, "annotations": told}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {_KEY: encoded(drill)}}
    try:
        await world.cluster.create(body)
    except ConflictError as error:
        found = await _read(stack, world.cluster)
        # The answer to us may have been lost, and asked for again.
        if found is None or found[0].run_id != drill.run_id:
            await world.journal.drop_undo(drill.run_id)
            raise (open_error(stack, found[0]) if found else error) from error
    # Only one can be open: what this machine still knows of others came to nothing, or was undone elsewhere.
    for record in await world.journal.undo_records(stack.name, stack.target.name):
        if record.run_id != drill.run_id:
            await world.journal.drop_undo(record.undo_id)


async def read_open(stack: Stack, world: World) -> OpenDrill | None:
    """The drill that was begun and not undone yet; None too where that may not be read."""
    try:
        found = await _read(stack, world.cluster)
    except DeniedError:
        return None
    return found[0] if found else None


def open_check(stack: Stack, drill: OpenDrill) -> Check:
    """The row of preflight that tells of it."""
    error = open_error(stack, drill)
    return Check("drill", None, f"{error.what}: {error.why}", error.hint)


def open_error(stack: Stack, drill: OpenDrill) -> LockedError:
    """Why nothing else may be done meanwhile."""
    moments = [datetime.fromtimestamp(each, UTC).strftime("%H:%M:%S UTC") for each in (drill.begun, drill.until)]
    why = f"begun by {drill.who} at {moments[0]}, it ends at {moments[1]} at the latest: {drill.command}"
    hint = f"wait for its end, or end it now: stack-console drill undo {stack.name}"
    return LockedError(f"a drill is open: {drill.about}", where=str(record_ref(stack)), why=why, hint=hint)


async def undo(stack: Stack, world: World, drill: OpenDrill) -> Undone:
    """Brings everything back as it was, and strikes the drill off.

    Whoever does it again, or goes on with it, comes to the same end.

    Raises:
        DrillError: the release that tells how it was is gone.
        ConsoleError: the API server refuses, or does not answer; the drill stays open.
    """
    cluster = world.cluster
    bodies = await _released(stack, cluster, drill)
    wrong = []
    for ref, mark in drill.undo.reapply:
        if not await _bring_back(cluster, drill, restored(bodies[ref], mark)):
            wrong.append(f"{ref} is not as it was before: somebody changed it meanwhile")
    for each in drill.undo.replicas:
        await _patch(cluster, each.ref, {"spec": {"replicas": each.count}})
    for ref in drill.undo.uncordon:
        await _patch(cluster, ref, {"spec": {"unschedulable": None}})
    for ref in drill.undo.remove:
        await cluster.delete(ref)
    for signal in drill.undo.resume:
        # The process may have been ended, with its container or its pod.
        with suppress(NotFoundError, ApplyError):
            await send_signal(cluster, signal)
    renewed = await _renew(stack, cluster, drill)
    await strike_off(stack, world, drill.run_id)
    return Undone(tuple(wrong), renewed)


async def strike_off(stack: Stack, world: World, run_id: str) -> None:
    """Nothing is open any more."""
    await world.cluster.delete(record_ref(stack))
    for record in await world.journal.undo_records(stack.name, stack.target.name):
        if record.run_id == run_id:
            await world.journal.drop_undo(record.undo_id)


async def _read(stack: Stack, cluster: Cluster) -> tuple[OpenDrill, float] | None:
    """The open drill, and when it was written down by the clock of the API server."""
    body = await cluster.get(record_ref(stack))
    if body is None:
        return None
    try:
        drill = msgspec.json.decode((body.get("data") or {}).get(_KEY, ""), type=OpenDrill)
    except msgspec.MsgspecError as error:
        hint = "it was written by another version of the console: undo the drill with that one"
        raise DrillError("the undo of a drill is not understood", where=str(record_ref(stack)), hint=hint) from error
    return drill, seconds_of(body["metadata"].get("creationTimestamp"))


async def _released(stack: Stack, cluster: Cluster, drill: OpenDrill) -> _Bodies:
    """The objects of the release that was there before."""
    if not drill.undo.reapply:
        return {}
    releases = await read_releases(cluster, stack.name, stack.namespace)
    release = next((each for each in releases if each.number == drill.release), None)
    if release is None:
        hint = f"bring the stack back by `stack-console deploy {stack.name}`, once the ConfigMap is deleted"
        raise DrillError(f"release {drill.release} is gone", where=str(record_ref(stack)), hint=hint)
    refs = [ref for ref, _ in drill.undo.reapply]
    return objects_of(release, await read_live(cluster, refs, Findings()))


async def _bring_back(cluster: Cluster, drill: OpenDrill, body: JSON) -> bool:
    """Applies an object as it was; whether it is."""
    live = await cluster.apply(body, force=True)
    before = dict(drill.undo.digests).get(ObjectRef.of(body))
    return digest(live, body) == before if before else values_of(live) == values_of(body)


async def _patch(cluster: Cluster, ref: ObjectRef, change: JSON) -> None:
    """A change, and no mark of a drill any more; what is gone needs none."""
    with suppress(NotFoundError):
        await cluster.patch(ref, "merge", {**change, "metadata": {"annotations": {DRILL_ANNOTATION: None}}})


async def _renew(stack: Stack, cluster: Cluster, drill: OpenDrill) -> tuple[str, ...]:
    """Pods that were made since then have what was wrong in their environment: they go, and here are their uids."""
    written = await _read(stack, cluster) if drill.undo.renew else None
    if written is None:
        return ()
    gone = []
    for pod in await cluster.list("v1", "Pod", stack.namespace, labels=drill.undo.renew):
        meta = pod["metadata"]
        if seconds_of(meta["creationTimestamp"]) >= written[1] and not meta.get("deletionTimestamp"):
            with suppress(ConflictError):
                await cluster.delete(ObjectRef("v1", "Pod", stack.namespace, meta["name"]), uid=meta["uid"])
            gone.append(str(meta["uid"]))
    return tuple(gone)
