"""Workloads whose pods cannot even be created, or that took too long.

Texts: the quota, PodSecurity, webhook and NamespaceLifecycle admission plugins of the API server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.model.diagnosing.sight import DEPLOY, LOGS, line
from console.model.diagnosis import Cause, Diagnosis
from console.model.surroundings import Surroundings
from console.model.workload import ClusterEvent, Workload

_QUOTA = re.compile(r"exceeded quota: ([^,\s]+)|failed quota: ([^:\s]+)")
_NO_ACCOUNT = re.compile(r'serviceaccount "([^"]+)" not found')
_WEBHOOK_AWAY = re.compile(r"failed calling webhook|timeout|connection refused", re.I)


def workload(
    source: Workload, events: Sequence[ClusterEvent], around: Surroundings, *, leaving: bool
) -> tuple[Diagnosis, ...]:
    """What is wrong with a workload itself.

    Args:
        source: the workload.
        events: about it, the newest first.
        around: what the stack stands on.
        leaving: pods of its service are being deleted, which makes room in a quota.
    """
    if source.observed_generation < source.generation:
        return ()
    found = _refused(source, events, leaving) or _late(source)
    if found is None:
        return ()
    cause, terminal, summary, words, hints, since = found
    subject = f"{source.kind.lower()}/{source.name}"
    changed = around.changed.get(source.service, "")
    return (Diagnosis(cause, source.service, subject, terminal, summary, line(words), changed, hints, since),)


_Found = tuple[Cause, bool, str, str, tuple[str, ...], float | None]


def _refused(source: Workload, events: Sequence[ClusterEvent], leaving: bool) -> _Found | None:
    """Pods that the API server does not let its controller create."""
    words, since = _failure(source, events)
    if not words:
        return None
    if quota := _QUOTA.search(words):
        summary = f"the quota {quota[1] or quota[2]} allows no more pods of it"
        return Cause.QUOTA, not leaving, summary, words, ("raise the quota, or ask for less", DEPLOY), since
    if "is being terminated" in words:
        return Cause.NAMESPACE_TERMINATING, True, "its namespace is being deleted", words, (_LATER, DEPLOY), since
    if account := _NO_ACCOUNT.search(words):
        # Every namespace gets `default` by a controller, which may come behind the first pods.
        return Cause.REFUSED, False, f"its service account {account[1]} is not there yet", words, (DEPLOY,), since
    away = bool(_WEBHOOK_AWAY.search(words))
    summary = "an admission webhook does not answer" if away else "the API server refuses its pods"
    return Cause.REFUSED, not away, summary, words, (DEPLOY,), since


_LATER = "wait until the namespace is gone, then deploy again"


def _failure(source: Workload, events: Sequence[ClusterEvent]) -> tuple[str, float | None]:
    """Deployments and ReplicaSets keep a condition as long as it lasts; of the others only events tell."""
    condition = source.condition("ReplicaFailure")
    if condition and condition.status == "True":
        return condition.message, condition.since
    if source.kind in ("StatefulSet", "DaemonSet", "Job") and source.current < source.desired:
        event = events[0] if events and events[0].reason == "FailedCreate" else None
        return (event.message, event.first) if event else ("", None)
    return "", None


def _late(source: Workload) -> _Found | None:
    progress, failed = source.condition("Progressing"), source.condition("Failed")
    if progress and progress.reason == "ProgressDeadlineExceeded":
        summary = f"made no progress within its deadline, {source.available} of {source.desired} pods available"
        return Cause.DEADLINE, True, summary, progress.message, (LOGS, DEPLOY), progress.since
    if failed and failed.status == "True":
        cause = Cause.DEADLINE if failed.reason == "DeadlineExceeded" else Cause.CRASH_LOOP
        return cause, True, "the job failed", failed.message or failed.reason, (LOGS, DEPLOY), failed.since
    return None
