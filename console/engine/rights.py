"""The rights that a plan needs, proven by access reviews: nothing is tried out, nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.engine.ports import Cluster, Right
from console.engine.together import together
from console.model.errors import NotFoundError
from console.model.plan import ChangeKind, Check, ObjectChange, ObjectRef
from console.model.podspec import WORKLOADS

# Creating by server-side apply takes both (kubernetes.io, "Server-Side Apply", API endpoint).
_VERBS = {
    ChangeKind.CREATE: ("patch", "create"),
    ChangeKind.UPDATE: ("patch",),
    ChangeKind.DELETE: ("delete",),
    ChangeKind.UNCHANGED: (),
}


async def check_rights(
    cluster: Cluster, changes: Iterable[ObjectChange], namespace: str, *, records: bool = True
) -> list[Check]:
    """One row if we have every right, else a row for each that is missing; none if nothing changes.

    Args:
        cluster: asked.
        changes: what the plan does.
        namespace: where the release and the lock of the stack are kept.
        records: whether a release is recorded at the end.
    """
    verbs = list(dict.fromkeys((verb, each.ref) for each in changes for verb in _verbs(each)))
    if not verbs:
        return []
    named = await together((_right(cluster, verb, ref) for verb, ref in verbs), "preflight: kinds")
    needed = list(dict.fromkeys([right for right in named if right] + _for_a_run(namespace, records)))
    watched = _to_look_at(namespace)
    answers = await cluster.may([*needed, *watched])
    missing = [each.right for each in answers if not each.allowed]
    checks = [_missing(right, cluster.server, needed) for right in missing]
    if not any(check.ok is False for check in checks):
        checks.insert(0, Check("rights", True, f"all {len(needed)} that the plan needs"))
    return checks


def _verbs(change: ObjectChange) -> tuple[str, ...]:
    rolls = change.ref.kind in WORKLOADS and change.kind in {ChangeKind.CREATE, ChangeKind.UPDATE}
    return (*_VERBS[change.kind], "list", "watch") if rolls else _VERBS[change.kind]


async def _right(cluster: Cluster, verb: str, ref: ObjectRef) -> Right | None:
    try:
        return await cluster.right(verb, ref)
    except NotFoundError:
        # A kind whose definition this very stack brings.
        return None


def _for_a_run(namespace: str, records: bool) -> list[Right]:
    """To hold the lock while something changes, to see whether pods get ready, and to keep the release."""
    lease = [Right(verb, "coordination.k8s.io", "leases", namespace) for verb in ("get", "create", "update")]
    pods = [Right(verb, "", "pods", namespace) for verb in ("list", "watch")]
    secrets = [Right(verb, "", "secrets", namespace) for verb in ("create", "list")] if records else []
    return [*lease, *pods, *secrets]


def _to_look_at(namespace: str) -> list[Right]:
    """Without these, less is seen while a rollout is waited for."""
    events = Right("list", "", "events", namespace), Right("watch", "", "events", namespace)
    return [*events, Right("get", "", "pods", namespace, subresource="log")]


def _missing(right: Right, server: str, needed: Sequence[Right]) -> Check:
    hint = f"ask an administrator for the right to {right} on {server}"
    if right in needed:
        return Check("rights", False, f"not allowed to {right}", hint)
    return Check("rights", None, f"not allowed to {right}: less will be seen if something goes wrong", hint)
