"""Back to the last good release: the whole stack, not one workload."""

from __future__ import annotations

from console.engine.applying import send
from console.engine.destroy import remove
from console.engine.releases import last_good
from console.engine.rollout import wait_for
from console.engine.steplog import StepLog
from console.engine.together import together
from console.engine.work import Work
from console.model.declare import rank
from console.model.operations import objects_of
from console.model.plan import Step
from console.model.release import Release
from console.model.stack import SERVICE_LABEL


async def roll_back(work: Work, step: Step, log: StepLog) -> str:
    """Applies the last good release again, removes what it does not have, and waits; what it went back to, in words.

    Raises:
        ConsoleError: it does not work either.
    """
    good = last_good(work.gathered.releases)
    if good is None:
        return "there is no earlier good release: everything is left as it is"
    log.line(f"rolls back to release {good.number}")
    added = [ref for ref in work.created() if good.object(ref) is None and ref.kind != "Namespace"]
    failed = dict(work.sent)
    work.sent.clear()
    for ref, body in objects_of(good, work.live).items():
        # An operation goes back on what it did itself; a deploy has the whole stack to answer for.
        if work.plan.kind == "deploy" or ref in failed:
            await work.certain()
            await send(work, ref, body, force=True)
    await remove(work, sorted(added, key=lambda ref: -rank(ref.kind)), log, uids=False)
    services = _services(good) & {work.declared[ref].service for ref in failed if ref in work.declared}
    await together((wait_for(work, step, service) for service in sorted(services)), "rollback")
    return f"rolled back to release {good.number}"


def _services(release: Release) -> set[str]:
    labels = ((body["metadata"].get("labels") or {}) for body in release.objects)
    return {str(each[SERVICE_LABEL]) for each in labels if SERVICE_LABEL in each}
