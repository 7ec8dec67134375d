"""What comes before anything is changed: checks, drift, the namespace, the lock, and whether the plan is still true."""

from __future__ import annotations

from contextlib import AsyncExitStack

from console.engine.applying import send
from console.engine.holder import this_process
from console.engine.lease import TERMS, hold
from console.engine.record import announce_release
from console.engine.stale import refuse_stale
from console.engine.steplog import StepLog
from console.engine.undone import open_error, read_open, undo
from console.engine.work import Work
from console.model.errors import ApplyError, PreflightError, StalePlanError
from console.model.plan import ObjectRef, StepKind


async def begin(work: Work, held: AsyncExitStack, log: StepLog) -> str:
    """Makes sure that the plan may be carried out, and takes the lock; what was found, in words.

    Args:
        work: the run.
        held: gives the lock back when it is closed.
        log: is told what is waited for.

    Raises:
        PreflightError: something that the plan needs is not there.
        RefusedError: the context does not stand for the cluster of the plan any more.
        ApplyError: others changed values, and nobody said what becomes of them.
        LockedError: another run changes the stack, or a drill is open.
        StalePlanError: the cluster changed since the plan was made.
    """
    await settle_drill(work, log)
    _refuse_failed_checks(work)
    interrupted = [each for each in work.plan.checks if each.name == "interrupted"]
    if all(step.kind in {StepKind.PREFLIGHT, StepKind.ROLLBACK} for step in work.plan.steps):
        if interrupted:
            work.warnings += [f"{each.detail}: nothing of it is left to do" for each in interrupted]
            await held.enter_async_context(lock(work, log))
        return "nothing to do"
    await work.world.cluster.confirm()
    work.warnings += [f"{each.detail}; {each.hint}" for each in interrupted]
    _refuse_drift(work)
    if not work.plan.removes:
        await _make_namespace(work, log)
    if not work.plan.removes or work.gathered.namespace_exists:
        work.lock = await held.enter_async_context(lock(work, log))
    # Somebody may have begun one while we waited for the lock.
    await _refuse_drill(work)
    if not work.plan.removes:
        await refuse_stale(work)
        if any(step.kind is StepKind.APPLY for step in work.plan.steps):
            announce_release(work)
    return f"{len(work.plan.checks)} checks passed"


async def settle_drill(work: Work, log: StepLog) -> None:
    """Nothing is begun while a drill is open; one whose time is over is ended by whoever comes first.

    Raises:
        LockedError: a drill is open.
        StalePlanError: one was ended, so that the plan may not be true any more.
    """
    drill = await read_open(work.stack, work.world)
    if drill is None:
        return
    if work.world.clock() < drill.until:
        raise open_error(work.stack, drill)
    await work.world.cluster.confirm()
    async with lock(work, log):
        log.line(f"the time of {drill.about} is over: it is undone")
        await undo(work.stack, work.world, drill)
    what = f"a drill was left open, its time was over, and it was undone: {drill.about}"
    raise StalePlanError(what, hint="look at a new plan")


async def _refuse_drill(work: Work) -> None:
    if drill := await read_open(work.stack, work.world):
        raise open_error(work.stack, drill)


def _refuse_failed_checks(work: Work) -> None:
    failed = [check for check in work.plan.checks if check.ok is False]
    if failed:
        why = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        hint = next((check.hint for check in failed if check.hint), "")
        what = f"{len(failed)} check{'s' if len(failed) != 1 else ''} failed, nothing was changed"
        raise PreflightError(what, why=why, hint=hint)


def _refuse_drift(work: Work) -> None:
    drifted = work.plan.drift
    if drifted and work.options.drift == "fail":
        fields = [f"{change.ref} {field.path}" for change in drifted for field in change.drift]
        hint = "say --drift keep or --drift overwrite, or write the values to the files"
        raise ApplyError("others changed values since the last release", why="; ".join(fields), hint=hint)


async def _make_namespace(work: Work, log: StepLog) -> None:
    """The namespace comes first, for the lock lies in it. To apply it twice at once does no harm."""
    ref = ObjectRef("v1", "Namespace", "", work.stack.namespace)
    declared = work.declared.get(ref)
    if not work.gathered.namespace_exists and declared:
        await send(work, ref, declared.body, force=False)
        log.line(f"{ref} created")


def lock(work: Work, log: StepLog) -> hold:
    """The lock on the stack of a run, to be held as a context."""

    def waiting(who: str, seconds: float) -> None:
        log.line(f"{who} holds the lock and may be dead: {seconds:.0f} s until it counts as that")

    return hold(
        work.world.cluster,
        work.stack.namespace,
        work.stack.name,
        this_process(work.run_id),
        command=work.world.redactor.text(work.options.command),
        clock=work.world.clock,
        waiting=waiting,
        terms=TERMS,
    )
