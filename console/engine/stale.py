"""Is a plan still true: what it changes is read again, and compared with what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.engine.live import Findings, read_live
from console.engine.releases import read_releases
from console.engine.work import Work
from console.model.checksums import UNREADABLE
from console.model.diff import clean, object_differences
from console.model.errors import StalePlanError
from console.model.fields import lookup, path_text
from console.model.gathered import ObjectState
from console.model.plan import ObjectRef
from console.model.stack import JSON

_MOST = 5


async def refuse_stale(work: Work) -> None:
    """Compares the live values of all planned fields with those that the plan was made from.

    Raises:
        StalePlanError: some differ.
    """
    await _refuse_newer_release(work)
    changed = {change.ref for change in work.plan.changes}
    states = [state for state in work.gathered.objects if state.declared.ref in changed - work.sent.keys()]
    live = await read_live(work.world.cluster, [state.declared.ref for state in states], Findings())
    moved = [words for state in states for words in _moved(state, live.get(state.declared.ref))]
    if moved:
        raise stale(moved)


async def _refuse_newer_release(work: Work) -> None:
    """An operation starts from the newest release: one that was made since would be undone by it, unseen."""
    if work.plan.kind == "deploy" or not work.gathered.releases:
        return
    releases = await read_releases(work.world.cluster, work.stack.name, work.stack.namespace)
    known = work.gathered.releases[0].number
    if made := [each for each in releases if each.number > known]:
        raise stale(f"release {each.number} was made by {each.by}" for each in made)


def stale(moved: Iterable[str]) -> StalePlanError:
    """The error that names what moved."""
    words = list(moved)
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    why = "; ".join(words[:_MOST]) + more
    return StalePlanError("the cluster changed since the plan was made", why=why, hint="look at a new plan")


def _moved(state: ObjectState, now: JSON | None) -> Iterator[str]:
    ref: ObjectRef = state.declared.ref
    if now is UNREADABLE:
        return
    if (state.live is None) != (now is None):
        yield f"{ref} {'is there by now' if now else 'is gone'}"
        return
    current = clean(now or {})
    for difference in object_differences(state.declared.body, state.live, state.result):
        if now and difference.path[-1] != "[order]" and lookup(current, difference.path) != difference.before:
            yield f"{ref} {path_text(difference.path)}"
