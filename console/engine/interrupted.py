"""What was interrupted: a run that was killed gives its lock back to nobody, so the Lease still tells of it."""

from __future__ import annotations

from console.engine.holder import Holder, held_by, seconds_of, told_of
from console.engine.lease import SKEW, lease_ref
from console.engine.ports import World
from console.model.errors import DeniedError
from console.model.plan import Check
from console.model.run import LockHolder
from console.model.stack import JSON, Stack
from console.model.wording import interruption_words


async def interrupted(stack: Stack, world: World) -> LockHolder | None:
    """Whose run on the stack ended without an end, if the last one did."""
    try:
        lease = await world.cluster.get(lease_ref(stack.namespace, stack.name))
    except DeniedError:
        return None
    return told_of(lease) if lease and _is_left(lease, world.clock()) else None


def interruption_check(found: LockHolder, stack: str) -> Check:
    """The row of preflight that tells of it."""
    return Check("interrupted", None, *interruption_words(found, stack))


def _is_left(lease: JSON, now: float) -> bool:
    holder, spec = held_by(lease), lease["spec"]
    if isinstance(holder, Holder) and holder.is_gone:
        return True
    lasts = float(spec.get("leaseDurationSeconds") or 0) + SKEW
    return bool(holder) and now - seconds_of(spec.get("renewTime")) > lasts
