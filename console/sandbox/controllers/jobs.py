"""Jobs: run pods until so many have succeeded (`pkg/controller/job`), without completion indexes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers.job_tally import FINALIZER, Tally, free
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.runtime import Controller, deleting, itself, owner_reference
from console.sandbox.controllers.status import condition, find, merge, set_status
from console.sandbox.store import Key, copy

_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 10.0, 600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A Job is decided; `type` is the condition that says so once its last pod has ended."""

    type: str
    reason: str
    message: str

    @property
    def target(self) -> str:
        """The condition that says so already while pods still end."""
        return "SuccessCriteriaMet" if self.type == "Complete" else "FailureTarget"


class Jobs(Controller):
    """Makes the pods of Jobs, counts how they end, and decides.

    Args:
        machinery: the cluster.
        pods: its pods.
        time_scale: multiplies the back-off after failures.
    """

    name = "job-controller"

    def __init__(self, machinery: Machinery, pods: PodCache, time_scale: float) -> None:
        super().__init__(machinery)
        self._pods, self._scale = pods, time_scale
        self._not_before: dict[str, float] = {}

    def start(self) -> None:
        """Follows Jobs and their pods."""
        self.follow("jobs", itself)
        self._ends.append(self._pods.follow(self._pod_changed))
        for pod in self._pods.all():
            self._pod_changed(pod, None)

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        for key in {each.owner_key for each in (after, before) if each and each.owner_key}:
            if key.resource == "jobs":
                self.queue.add(key)

    def reconcile(self, key: Key) -> float | None:
        """Brings one Job a step further."""
        job = self.machinery.find(*key)
        if job is None or deleting(job):
            free(self.machinery, [each.key for each in self._pods.space(key.namespace) if each.owner_key == key])
            return None
        if _is_finished(job):
            free(self.machinery, [each.key for each in self._pods.owned(job["metadata"]["uid"])])
            return self._expire(key, job)
        return self._go_on(key, job)

    def _go_on(self, key: Key, job: Object) -> float | None:
        uid, spec = job["metadata"]["uid"], job["spec"]
        before = (job.get("status") or {}).get("failed", 0)
        tally = Tally.of(self.machinery, key, job, self._pods.owned(uid))
        if tally.failed > before:
            pause = min(_FIRST_BACK_OFF * 2.0 ** (tally.failed - 1), _LONGEST_BACK_OFF) * self._scale
            self._not_before[uid] = time.monotonic() + pause
        verdict = _decide(job, tally)
        again = None
        if verdict or spec.get("suspend"):
            self._delete(job, tally.active, failed=verdict is not None and verdict.type == "Failed")
        else:
            again = self._scale_to(job, tally, _wanted(spec, tally))
        self._report(key, job, verdict)
        return min((each for each in (again, _deadline(job)) if each is not None), default=None)

    # -- pods

    def _scale_to(self, job: Object, tally: Tally, wanted: int) -> float | None:
        """Makes or removes pods; the seconds to wait when it is too early after a failure."""
        missing = wanted - len(tally.active)
        if missing < 0:
            self._delete(job, tally.active[missing:])
        early = self._not_before.get(job["metadata"]["uid"], 0.0) - time.monotonic()
        if missing > 0 and early > 0:
            return early
        for _ in range(missing):
            self._create(job)
        return None

    def _create(self, job: Object) -> None:
        template, name = copy(job["spec"]["template"]), job["metadata"]["name"]
        given = template.get("metadata") or {}
        metadata = {each: given[each] for each in ("labels", "annotations") if each in given}
        metadata |= {"generateName": f"{name}-", "namespace": job["metadata"]["namespace"], "finalizers": [FINALIZER]}
        metadata["ownerReferences"] = [owner_reference(job)]
        try:
            pod = self.machinery.create("pods", {"metadata": metadata, "spec": template["spec"]})
        except StatusError as error:
            self.event(job, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self.event(job, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _delete(self, job: Object, pods: list[Pod], failed: bool = False) -> None:
        """Removes pods; only those of a Job that has failed count as failures."""
        if not failed:
            free(self.machinery, [each.key for each in pods])
        for pod in pods:
            self.machinery.delete("pods", pod.key.namespace, pod.key.name, uid=pod.uid)
            self.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.key.name}")

    # -- status

    def _report(self, key: Key, job: Object, verdict: Verdict | None) -> None:
        """Writes how many pods there are now, and what is decided."""
        pods = self._pods.owned(job["metadata"]["uid"])
        status = copy(self.machinery.get(*key).get("status") or {})
        active = [each for each in pods if each.active]
        ending = sum(1 for each in pods if each.deleting and not each.finished)
        counts = {"active": len(active), "ready": sum(1 for each in active if each.ready), "terminating": ending}
        status |= counts
        if not counts["active"]:
            del status["active"]
        self._note_suspension(job, status)
        if verdict:
            self._conclude(job, status, verdict, done=not active and not ending)
        set_status(self.machinery, key, status)

    def _note_suspension(self, job: Object, status: Object) -> None:
        suspended, known = bool(job["spec"].get("suspend")), find(status.get("conditions"), "Suspended")
        if suspended:
            status.pop("startTime", None)
        else:
            status.setdefault("startTime", times.time())
        if suspended or known:
            reason = "JobSuspended" if suspended else "JobResumed"
            note = condition("Suspended", suspended, reason, f"Job {reason.removeprefix('Job').lower()}")
            status["conditions"] = merge(status.get("conditions"), note)

    def _conclude(self, job: Object, status: Object, verdict: Verdict, done: bool) -> None:
        types = [verdict.target, verdict.type] if done else [verdict.target]
        notes = [condition(each, True, verdict.reason, verdict.message) for each in types]
        status["conditions"] = merge(status.get("conditions"), *notes)
        if not done:
            return
        self._not_before.pop(job["metadata"]["uid"], None)
        if verdict.type == "Complete":
            status["completionTime"] = times.time()
            self.event(job, "Normal", "Completed", "Job completed")
        else:
            self.event(job, "Warning", verdict.reason, verdict.message)

    def _expire(self, key: Key, job: Object) -> float | None:
        """Removes a Job that has been over for its time to live; else the seconds until then."""
        patience = job["spec"].get("ttlSecondsAfterFinished")
        if patience is None:
            return None
        over = next(each for each in job["status"]["conditions"] if each["type"] in ("Complete", "Failed"))
        left = (times.parse(over["lastTransitionTime"]) + timedelta(seconds=patience) - times.now()).total_seconds()
        if left > 0:
            return left
        self.machinery.delete(*key, uid=job["metadata"]["uid"])
        return None


def _is_finished(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions")
    return any((find(conditions, each) or {}).get("status") == "True" for each in ("Complete", "Failed"))


def _wanted(spec: Object, tally: Tally) -> int:
    """How many pods shall run: as parallel as allowed, but no more than are still needed."""
    parallel, completions = spec.get("parallelism", 1), spec.get("completions")
    if completions is None:
        return len(tally.active) if tally.succeeded else parallel
    return int(min(parallel, completions - tally.succeeded))


def _decide(job: Object, tally: Tally) -> Verdict | None:
    spec, limit = job["spec"], job["spec"].get("backoffLimit", 6)
    known = find((job.get("status") or {}).get("conditions"), "FailureTarget")
    if known:
        return Verdict("Failed", known["reason"], known["message"])
    left = _deadline(job)
    if left is not None and left <= 0:
        return Verdict("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    restarts = sum(each.restarts for each in tally.active) if _restarts(spec) else 0
    if tally.failed > limit or (restarts and restarts >= limit):
        return Verdict("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    completions = spec.get("completions")
    enough = tally.succeeded >= completions if completions is not None else tally.succeeded and not tally.active
    if enough:
        return Verdict("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
    return None


def _restarts(spec: Object) -> bool:
    return bool(spec["template"]["spec"].get("restartPolicy") == "OnFailure")


def _deadline(job: Object) -> float | None:
    """The seconds that the Job has left; None when it has no deadline, or does not run."""
    seconds, since = job["spec"].get("activeDeadlineSeconds"), (job.get("status") or {}).get("startTime")
    if seconds is None or not since:
        return None
    return (times.parse(since) + timedelta(seconds=seconds) - times.now()).total_seconds()
