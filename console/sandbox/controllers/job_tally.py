"""How many pods of a Job have ended, each counted once, whatever becomes of the pod or of this program.

A pod of a Job holds a finalizer until it is counted. In between, its uid stands in `uncountedTerminatedPods`, so a kill
at any moment counts none twice and none not at all (KEP-2307).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.status import set_status
from console.sandbox.store import Key, copy

FINALIZER = "batch.kubernetes.io/job-tracking"
_ENDS = ("succeeded", "failed")


@dataclass(frozen=True, slots=True)
class Tally:
    """What a Job's pods have come to.

    Attributes:
        active: those that run, or will.
    """

    active: list[Pod]
    succeeded: int
    failed: int

    @classmethod
    def of(cls, machinery: Machinery, key: Key, job: Object, pods: list[Pod]) -> Tally:
        """Counts the pods that have ended since the last time, and writes that into the Job's status."""
        status = copy(job.get("status") or {})
        noted = status.get("uncountedTerminatedPods") or {}
        ended = {end: [*noted.get(end, ())] for end in _ENDS}
        known = {uid for each in ended.values() for uid in each}
        over = [each for each in pods if not each.active and _is_held(machinery, each)]
        for pod in over:
            if pod.uid not in known:
                ended["succeeded" if pod.phase == "Succeeded" else "failed"].append(pod.uid)
        if any(ended.values()):
            status["uncountedTerminatedPods"] = {end: uids for end, uids in ended.items() if uids}
            set_status(machinery, key, copy(status))
            free(machinery, [each.key for each in over])
            status |= {end: status.get(end, 0) + len(uids) for end, uids in ended.items() if uids}
            status["uncountedTerminatedPods"] = {}
            set_status(machinery, key, status)
        active = [each for each in pods if each.active]
        return cls(active, status.get("succeeded", 0), status.get("failed", 0))


def _is_held(machinery: Machinery, pod: Pod) -> bool:
    found = machinery.find(*pod.key)
    return bool(found and FINALIZER in (found["metadata"].get("finalizers") or ()))


def free(machinery: Machinery, keys: Iterable[Key]) -> None:
    """Lets pods go that are counted, or whose Job is gone."""

    def change(pod: Object) -> None:
        kept = [each for each in pod["metadata"].get("finalizers") or () if each != FINALIZER]
        pod["metadata"]["finalizers"] = kept
        if not kept:
            del pod["metadata"]["finalizers"]

    for key in keys:
        if machinery.find(*key):
            machinery.mutate(*key, change)
