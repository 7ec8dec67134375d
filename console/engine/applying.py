"""Sends objects: server-side apply in order, as our own field manager, with what others changed kept or overwritten."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from console.engine.steplog import StepLog
from console.engine.together import whole
from console.engine.work import ANSWERED_WITHIN, Work
from console.model.diff import object_differences
from console.model.errors import ApplyError, ConflictError, FieldConflictError, StalePlanError
from console.model.fields import path_text, put
from console.model.gathered import ObjectState
from console.model.plan import ChangeKind, ObjectChange, ObjectRef
from console.model.stack import JSON, RELEASE_ANNOTATION, REPLICAS_MANAGER


async def apply_changes(work: Work, changes: Iterable[ObjectChange], log: StepLog) -> str:
    """Applies what the plan changes; how much that was, in words.

    Raises:
        StalePlanError: an object belongs to others by now, or is not known.
        ApplyError: the API server refuses one.
    """
    # The namespace may have been sent already: the lock lies in it.
    wanted = [each for each in changes if each.kind is not ChangeKind.UNCHANGED and each.ref not in work.sent]
    for change in wanted:
        await work.certain()
        body = _body(work, change)
        # What an operation is about becomes ours, whoever had it; only a deploy asks.
        overwrite = work.plan.kind != "deploy" or (bool(change.drift) and work.options.drift == "overwrite")
        if change.kind is ChangeKind.CREATE:
            await _begin_with(work, change.ref, body)
        await send(work, change.ref, body, force=overwrite)
        log.line(f"{change.ref} {'created' if change.kind is ChangeKind.CREATE else 'configured'}")
    return f"{len(wanted)} object{'s' if len(wanted) != 1 else ''} applied"


async def _begin_with(work: Work, ref: ObjectRef, body: JSON) -> None:
    """Creates a workload that is autoscaled with the replicas that it begins with, as a field that is not ours.

    Somebody has to own it until the autoscaler does: what nobody sends any more becomes 1 again (kubernetes.io,
    "Server-Side Apply", transferring ownership).
    """
    replicas = work.declared[ref].begins_with
    if replicas is None:
        return
    beginning = {**body, "spec": {**body["spec"], "replicas": replicas}}
    await send(work, ref, beginning, force=False)
    meta = {"name": ref.name, "namespace": ref.namespace}
    handed_over = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, "spec": {"replicas": replicas}}
    giving = work.world.cluster.apply(handed_over, manager=REPLICAS_MANAGER)
    await whole(giving, f"hand over the replicas of {ref}", ANSWERED_WITHIN)


async def send(work: Work, ref: ObjectRef, body: JSON, *, force: bool) -> None:
    """Applies one object. A cancellation waits for the answer, so that it is known what was done."""
    marked = copy.deepcopy(body)
    meta = marked["metadata"]
    meta["annotations"] = {**(meta.get("annotations") or {}), RELEASE_ANNOTATION: str(work.release)}
    try:
        live = await whole(work.world.cluster.apply(marked, force=force), f"apply {ref}", ANSWERED_WITHIN)
    except FieldConflictError:
        raise
    except ConflictError as error:
        raise StalePlanError(error.what, where=error.where, why=error.why, hint=error.hint) from error
    except ApplyError as error:
        raise _explained(error, ref) from error
    work.sent[ref] = body
    work.live[ref] = live


def _body(work: Work, change: ObjectChange) -> JSON:
    declared = work.declared.get(change.ref)
    if declared is None:
        hint = "plan again; if it stays so, give its value in the environment or in .env beside stack.yaml"
        raise StalePlanError(f"there is no value for {change.ref}", hint=hint)
    return with_drift(work, change.ref, declared.body)


def with_drift(work: Work, ref: ObjectRef, body: JSON) -> JSON:
    """The body with what somebody else had changed, where that is kept."""
    change = work.change(ref)
    if change and change.drift and work.options.drift == "keep":
        state = next(state for state in work.gathered.objects if state.declared.ref == ref)
        return _keep_drift(body, state, change)
    return body


def _keep_drift(body: JSON, state: ObjectState, change: ObjectChange) -> JSON:
    """The body with the live values of the fields that somebody else changed."""
    kept = copy.deepcopy(body)
    drifted = [field.path for field in change.drift]
    for difference in object_differences(state.declared.body, state.live, state.result):
        if _among(path_text(difference.path), drifted):
            put(kept, difference.path, difference.before)
    return kept


def _among(field: str, told: Iterable[str]) -> bool:
    """Whether a field is one of those told; they may be lines of its text, or keys below it."""
    return any(each == field or each.startswith((f"{field}:", f"{field}.", f"{field}[")) for each in told)


def _explained(error: ApplyError, ref: ObjectRef) -> ApplyError:
    """Fields that the API server does not let anybody change need the object to be made anew."""
    if "immutable" not in error.why and "updates to statefulset spec" not in error.why:
        return error
    again = f"kubectl --namespace {ref.namespace} delete {ref}"
    hint = f"what differs cannot be changed in place: remove the object (`{again}`), then deploy again"
    return ApplyError(error.what, where=error.where, why=error.why, hint=hint)
