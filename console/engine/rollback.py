"""Back to the last good release: the whole stack, not one workload."""

from __future__ import annotations

from collections.abc import Mapping

from console.engine.applying import send, with_drift
from console.engine.claims import claims
from console.engine.destroy import remove
from console.engine.effective import hurry, take_effect
from console.engine.releases import last_good
from console.engine.rollout import wait_for
from console.engine.steplog import StepLog
from console.engine.together import together
from console.engine.work import Work
from console.model.configuration import CONFIGURATION
from console.model.declare import rank
from console.model.operations import RESTARTED, objects_of
from console.model.plan import ObjectRef, Step
from console.model.release import Release
from console.model.restarting import restart
from console.model.stack import JSON, SERVICE_LABEL


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
    failed, live, began = dict(work.sent), dict(work.live), work.world.clock()
    work.sent.clear()
    for ref, body in objects_of(good, work.live).items():
        # An operation goes back on what it did itself; a deploy has the whole stack to answer for.
        if work.plan.kind == "deploy" or ref in failed:
            await work.certain()
            await send(work, ref, _back(work, ref, body, failed), force=True)
    await remove(work, sorted(added, key=lambda ref: -rank(ref.kind)), log, uids=False)
    before = {ref: body for ref, body in live.items() if ref.kind in CONFIGURATION and ref in work.sent}
    edit = work.plan.kind == "config"
    if edit:
        await hurry(work, claims(work, before))
    services = _services(good) & {work.declared[ref].service for ref in failed if ref in work.declared}
    await together((wait_for(work, step, service) for service in sorted(services)), "rollback")
    if edit:
        log.line(str(await take_effect(work, step, log, before, began)))
    return f"rolled back to release {good.number}"


def _back(work: Work, ref: ObjectRef, body: JSON, failed: Mapping[ObjectRef, JSON]) -> JSON:
    """What is sent to go back: what others had changed before stays theirs; who read an edit has to start again."""
    if work.plan.kind == "deploy":
        return body
    if work.plan.kind == "config" and ref.kind in RESTARTED and body == failed[ref]:
        restart(body, work.world.clock())
    return with_drift(work, ref, body)


def _services(release: Release) -> set[str]:
    labels = ((body["metadata"].get("labels") or {}) for body in release.objects)
    return {str(each[SERVICE_LABEL]) for each in labels if SERVICE_LABEL in each}
