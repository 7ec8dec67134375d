"""The rights that a plan needs, proven by access reviews: nothing is tried out, nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.engine.ports import Cluster, Right
from console.engine.together import together
from console.model.errors import NotFoundError
from console.model.plan import ChangeKind, Check, ObjectChange, ObjectRef

# Creating by server-side apply takes both (kubernetes.io, "Server-Side Apply", API endpoint).
_VERBS = {
    ChangeKind.CREATE: ("patch", "create"),
    ChangeKind.UPDATE: ("patch",),
    ChangeKind.DELETE: ("delete",),
    ChangeKind.UNCHANGED: (),
}


async def check_rights(cluster: Cluster, changes: Iterable[ObjectChange], namespace: str) -> list[Check]:
    """One row if we have every right, else a row for each that is missing; none if nothing changes.

    Args:
        cluster: asked.
        changes: what the plan does.
        namespace: where the release and the lock of the stack are kept.
    """
    verbs = list(dict.fromkeys((verb, each.ref) for each in changes for verb in _VERBS[each.kind]))
    if not verbs:
        return []
    named = await together((_right(cluster, verb, ref) for verb, ref in verbs), "preflight: kinds")
    needed = list(dict.fromkeys([right for right in named if right] + _for_a_run(namespace)))
    watched = _to_look_at(namespace)
    answers = await cluster.may([*needed, *watched])
    missing = [each.right for each in answers if not each.allowed]
    checks = [_missing(right, cluster.server, needed) for right in missing]
    if not any(check.ok is False for check in checks):
        checks.insert(0, Check("rights", True, f"all {len(needed)} that the plan needs"))
    return checks


async def _right(cluster: Cluster, verb: str, ref: ObjectRef) -> Right | None:
    try:
        return await cluster.right(verb, ref)
    except NotFoundError:
        # A kind whose definition this very stack brings.
        return None


def _for_a_run(namespace: str) -> list[Right]:
    """To keep the release, and the lock while something changes; and to see whether what was applied gets ready."""
    secrets = [Right(verb, "", "secrets", namespace) for verb in ("create", "list")]
    lease = [Right(verb, "coordination.k8s.io", "leases", namespace) for verb in ("get", "create", "update")]
    return [*secrets, *lease, *(Right(verb, "", "pods", namespace) for verb in ("list", "watch"))]


def _to_look_at(namespace: str) -> list[Right]:
    """Without these, less is seen while a rollout is waited for."""
    events = Right("list", "", "events", namespace), Right("watch", "", "events", namespace)
    return [*events, Right("get", "", "pods", namespace, subresource="log")]


def _missing(right: Right, server: str, needed: Sequence[Right]) -> Check:
    hint = f"ask an administrator for the right to {right} on {server}"
    if right in needed:
        return Check("rights", False, f"not allowed to {right}", hint)
    return Check("rights", None, f"not allowed to {right}: less will be seen if something goes wrong", hint)
