"""What comes before anything is changed: checks, drift, the namespace, the lock, and whether the plan is still true."""

from __future__ import annotations

from contextlib import AsyncExitStack

from console.engine.applying import send
from console.engine.holder import this_process
from console.engine.lease import TERMS, hold
from console.engine.record import announce_release
from console.engine.stale import refuse_stale
from console.engine.steplog import StepLog
from console.engine.work import Work
from console.model.errors import ApplyError, PreflightError
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
        LockedError: another run changes the stack.
        StalePlanError: the cluster changed since the plan was made.
    """
    _refuse_failed_checks(work)
    interrupted = [each for each in work.plan.checks if each.name == "interrupted"]
    if all(step.kind in {StepKind.PREFLIGHT, StepKind.ROLLBACK} for step in work.plan.steps):
        if interrupted:
            work.warnings += [f"{each.detail}: nothing of it is left to do" for each in interrupted]
            await held.enter_async_context(_lock(work, log))
        return "nothing to do"
    await work.world.cluster.confirm()
    work.warnings += [f"{each.detail}; {each.hint}" for each in interrupted]
    _refuse_drift(work)
    if not work.plan.removes:
        await _make_namespace(work, log)
    if not work.plan.removes or work.gathered.namespace_exists:
        work.lock = await held.enter_async_context(_lock(work, log))
    if not work.plan.removes:
        await refuse_stale(work)
        if any(step.kind is StepKind.APPLY for step in work.plan.steps):
            announce_release(work)
    return f"{len(work.plan.checks)} checks passed"


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


def _lock(work: Work, log: StepLog) -> hold:
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
