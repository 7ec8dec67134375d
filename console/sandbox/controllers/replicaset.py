"""ReplicaSets: keep so many pods of a template (`pkg/controller/replicaset`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.controllers.ownership import Claims, matcher
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.ranking import to_delete
from console.sandbox.controllers.runtime import Controller, Retry, deleting, itself, owner_reference
from console.sandbox.controllers.status import condition, find, set_status
from console.sandbox.store import Key, copy

BURST = 500
"""Pods made or removed at most in one go."""


class ReplicaSets(Controller):
    """Makes and removes pods until there are as many as a ReplicaSet wants, and counts them.

    Args:
        machinery: the cluster.
        pods: its pods.
    """

    name = "replicaset-controller"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._claims = Claims(machinery, pods, "replicasets")

    def start(self) -> None:
        """Follows ReplicaSets, and the pods that are theirs or could be."""
        self.follow("replicasets", itself)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        for key in {each.owner_key for each in (after, before) if each and each.owner_key}:
            if key.resource == "replicasets":
                self.queue.add(key)
        if after and not after.owner and not after.deleting:
            for key in self._claims.candidates(after):
                self.queue.add(key)

    def reconcile(self, key: Key) -> float | None:
        """Brings one ReplicaSet's pods to the wanted number.

        Raises:
            Retry: pods could not be made or removed; the status says why.
        """
        wanted = self.machinery.find(*key)
        if wanted is None:
            return None
        active = [each for each in self._claims.claim(wanted) if each.active]
        problem = None if deleting(wanted) else self._scale(wanted, active)
        again = self._report(key, wanted, problem)
        if problem:
            raise Retry
        return again

    def _scale(self, wanted: Object, active: list[Pod]) -> tuple[str, StatusError] | None:
        missing = wanted["spec"].get("replicas", 1) - len(active)
        try:
            if missing > 0:
                for _ in range(min(missing, BURST)):
                    self._create(wanted)
            elif missing < 0:
                for pod in to_delete(active, self._related(wanted, active), min(-missing, BURST), times.now()):
                    self._delete(wanted, pod)
        except StatusError as error:
            if _terminating(error):
                return None
            return ("FailedCreate" if missing > 0 else "FailedDelete"), error
        return None

    def _create(self, wanted: Object) -> None:
        template = copy(wanted["spec"]["template"])
        name, namespace = wanted["metadata"]["name"], wanted["metadata"]["namespace"]
        metadata = {"labels": {}} | {
            each: value for each, value in template.get("metadata", {}).items() if each in ("labels", "annotations")
        }
        metadata |= {
            "generateName": f"{name}-",
            "namespace": namespace,
            "ownerReferences": [owner_reference(wanted)],
        }
        try:
            pod = self.machinery.create("pods", {"metadata": metadata, "spec": template["spec"]})
        except StatusError as error:
            if not _terminating(error):
                self.event(wanted, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self.event(wanted, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _delete(self, wanted: Object, pod: Pod) -> None:
        try:
            self.machinery.delete("pods", pod.key.namespace, pod.key.name, uid=pod.uid)
        except StatusError as error:
            if error.code == 404:
                return
            self.event(wanted, "Warning", "FailedDelete", f"Error deleting: {error.message}")
            raise
        self.event(wanted, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.key.name}")

    def _related(self, wanted: Object, active: list[Pod]) -> Iterable[Pod]:
        """The active pods of all ReplicaSets that have the same owner."""
        owner = next((each for each in wanted["metadata"].get("ownerReferences") or () if each.get("controller")), None)
        if not owner:
            return active
        siblings = self.machinery.owned_by(owner["uid"], "replicasets")
        return [pod for each in siblings for pod in self._pods.owned(each["metadata"]["uid"]) if pod.active]

    def _report(self, key: Key, wanted: Object, problem: tuple[str, StatusError] | None) -> float | None:
        """Writes the status; returns the seconds until the next pod counts as available."""
        pods = [each for each in self._pods.owned(wanted["metadata"]["uid"]) if each.active]
        patience = timedelta(seconds=wanted["spec"].get("minReadySeconds", 0))
        labelled = matcher(Selector.labels(wanted["spec"]["template"].get("metadata", {}).get("labels") or {}))
        ready = [each for each in pods if each.ready]
        waits = [_wait(each, patience) for each in ready]
        status = {
            "replicas": len(pods),
            "fullyLabeledReplicas": sum(1 for each in pods if labelled(each)),
            "readyReplicas": len(ready),
            "availableReplicas": sum(1 for each in waits if each <= 0),
            "observedGeneration": wanted["metadata"]["generation"],
        }
        conditions = (wanted.get("status") or {}).get("conditions", [])
        known = find(conditions, "ReplicaFailure")
        kept = [each for each in conditions if each is not known]
        failure = [known or _failure(*problem)] if problem else []
        counts = {name: value for name, value in status.items() if value or name == "replicas"}
        set_status(self.machinery, key, counts | ({"conditions": kept + failure} if kept + failure else {}))
        return min((each for each in waits if each > 0), default=None)


def _terminating(error: StatusError) -> bool:
    """The namespace is on its way out: nothing is wrong, and nothing can be made."""
    return any(each.get("reason") == "NamespaceTerminating" for each in error.details.get("causes", ()))


def _wait(pod: Pod, patience: timedelta) -> float:
    if not patience:
        return 0.0
    return (times.parse(pod.ready_since) + patience - times.now()).total_seconds()


def _failure(reason: str, error: StatusError) -> Object:
    """Written once: every try fails with another pod's name in its message, which would be a change each time."""
    return {"lastTransitionTime": times.time()} | condition("ReplicaFailure", True, reason, error.message)
