"""Removes objects: only those that the plan saw, in its order, and waits until they are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby

from console.engine.releases import is_release
from console.engine.steplog import StepLog
from console.engine.together import together, whole
from console.engine.work import ANSWERED_WITHIN, Work
from console.model.errors import ApplyError, ConflictError, ConsoleError, DeniedError
from console.model.plan import ObjectRef, Step, StepKind
from console.model.stack import JSON
from console.model.state import Freshness, View

GONE_WITHIN = 180.0
STOPPING_WITHIN = 10.0
LOOK = 0.3
"""Seconds: how long an object may take to go, pods to hear of it, and between two looks at an object."""


async def stop_service(work: Work, step: Step, log: StepLog) -> str:
    """Tells the pods of a service to stop; how much that was, in words.

    It is done when all of them are stopping: then nothing new reaches them, and what they stand on may follow.

    Raises:
        ApplyError: an object may not be removed.
    """
    going = await _ask(work, [change.ref for change in step.changes], log)
    work.going.update(going)

    def stopping(view: View) -> bool:
        known = view.freshness is Freshness.LIVE
        return known and all(pod.deleting for pod in view.pods.values() if pod.service == step.service)

    # Who may not look at pods goes on; that they have ended is waited for anyway.
    with suppress(TimeoutError):
        async with asyncio.timeout(STOPPING_WITHIN):
            await work.store.wait_until(stopping)
    return f"{_count(len(going))} going"


async def remove_changes(work: Work, step: Step, log: StepLog) -> str:
    """Removes what a step of the plan removes; how much that was, in words.

    What was stopped before has to be gone first. The releases go behind everything else, the namespace at the very end.

    Raises:
        ApplyError: an object may not be removed, or does not go.
    """
    stopped = [ref for ref in _stopped(work, step.service) if ref in work.going]
    await together((_gone(work, ref, work.going[ref], log) for ref in stopped), "wait until gone")
    refs = sorted((change.ref for change in step.changes), key=lambda ref: _is_release(work, ref))
    inside = [ref for ref in refs if ref.kind != "Namespace"]
    await remove(work, inside, log)
    for ref in refs:
        if ref.kind == "Namespace":
            if ref.name == work.stack.namespace and work.lock:
                # It goes with its namespace; to renew it from now on would fail.
                await work.lock.remove()
            await remove(work, [ref], log)
    return f"{_count(len(stopped) + len(refs))} removed"


async def remove(work: Work, refs: Sequence[ObjectRef], log: StepLog, *, uids: bool = True) -> None:
    """Removes objects, their dependents first, then waits until all of them are gone.

    Args:
        work: the run.
        refs: what goes.
        log: is told.
        uids: only if they are the very objects that the plan saw.

    Raises:
        ApplyError: one does not go.
    """
    going = await _ask(work, refs, log, uids=uids)
    await together((_gone(work, ref, uid, log) for ref, uid in going.items()), "wait until gone")


async def _ask(work: Work, refs: Sequence[ObjectRef], log: StepLog, *, uids: bool = True) -> dict[ObjectRef, str]:
    """Asks for the end of objects, those of one kind at once; what is going, with its uid."""
    going: dict[ObjectRef, str] = {}

    async def ask(ref: ObjectRef) -> None:
        uid = work.uid(ref) if uids else str(work.live.get(ref, {}).get("metadata", {}).get("uid", ""))
        try:
            asking = work.world.cluster.delete(ref, propagation="Foreground", uid=uid)
            there = await whole(asking, f"delete {ref}", ANSWERED_WITHIN)
        except ConflictError:
            work.warnings.append(f"{ref} was made anew since the plan was made: it stays")
            return
        work.removed.add(ref)
        if there:
            going[ref] = uid
            log.line(f"{ref} is going")

    for _, group in groupby(refs, key=lambda ref: (ref.kind, _is_release(work, ref))):
        await work.certain()
        await together((ask(ref) for ref in group), "delete")
    return going


async def finish_destroy(work: Work) -> None:
    """What comes behind the last step of a destroy: our own externals end, and what is left is said."""
    for external in work.stack.externals:
        if external.provision:
            await work.world.externals.withdraw(external.name, external.kind)
            work.warnings.append(f"the data of {external.name} stays on this machine")
    if work.lock:
        await work.lock.remove()
    if work.gathered.namespace_exists and all(change.ref.kind != "Namespace" for change in work.plan.changes):
        work.warnings.append(f"the namespace {work.stack.namespace} stays: the stack does not declare it")


def _stopped(work: Work, service: str) -> list[ObjectRef]:
    steps = (step for step in work.plan.steps if step.kind is StepKind.STOP and step.service == service)
    return [change.ref for step in steps for change in step.changes]


def _count(number: int) -> str:
    return f"{number} object{'s' if number != 1 else ''}"


def _is_release(work: Work, ref: ObjectRef) -> bool:
    states = (state for state in work.gathered.objects if state.declared.ref == ref)
    return any(state.live and is_release(state.live) for state in states)


async def _gone(work: Work, ref: ObjectRef, uid: str, log: StepLog) -> None:
    body: JSON | None = None
    try:
        async with asyncio.timeout(work.options.timeout or GONE_WITHIN):
            while True:
                try:
                    body = await work.world.cluster.get(ref)
                except DeniedError:
                    # To remove it was allowed, to look is not.
                    body = None
                if body is None or (uid and body["metadata"]["uid"] != uid):
                    log.line(f"{ref} is gone")
                    return
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise _stays(ref, body or {}) from None


def _stays(ref: ObjectRef, body: JSON) -> ConsoleError:
    meta, status = body.get("metadata") or {}, body.get("status") or {}
    held = ", ".join([*(meta.get("finalizers") or ()), *((body.get("spec") or {}).get("finalizers") or ())])
    told = [each["message"] for each in status.get("conditions") or () if each.get("status") == "True"]
    why = "; ".join([*([f"held by {held}"] if held else []), *filter(None, told)])
    hint = "whoever put a finalizer on it has to take it off; then run the same command again"
    return ApplyError(f"{ref} is still there", where=ref.namespace, why=why, hint=hint)
