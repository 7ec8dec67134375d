"""StatefulSets: pods with names that stay, made and replaced one after the other (`pkg/controller/statefulset`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers import template_history
from console.sandbox.controllers.ownership import Claims
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.runtime import Controller, deleting, itself, owner_reference
from console.sandbox.controllers.status import set_status
from console.sandbox.controllers.template_history import HASH
from console.sandbox.store import Key, copy

_NO_CLAIMS = "volumeClaimTemplates are not served by the embedded cluster: use an emptyDir, or a database outside of it"


@dataclass(frozen=True, slots=True)
class State:
    """A StatefulSet and its pods as they are now.

    Attributes:
        pods: by ordinal.
        update: the revision that the pods are to get.
        current: the mark of the revision that they had before.
        patience: how long a pod has to be ready before it is available.
    """

    owner: Object
    pods: dict[int, Pod]
    update: Object
    current: str
    patience: timedelta

    @property
    def wanted(self) -> range:
        """The ordinals that there are to be."""
        spec = self.owner["spec"]
        first = (spec.get("ordinals") or {}).get("start", 0)
        return range(first, first + spec["replicas"])

    @property
    def ordered(self) -> bool:
        """One after the other."""
        return bool(self.owner["spec"]["podManagementPolicy"] == "OrderedReady")

    def wait(self, pod: Pod) -> float | None:
        """The seconds until a pod is available; None while it is not ready."""
        if not pod.ready or pod.deleting:
            return None
        if not self.patience:
            return 0.0
        return max((times.parse(pod.ready_since) + self.patience - times.now()).total_seconds(), 0.0)

    def is_available(self, pod: Pod) -> bool:
        """Ready for long enough."""
        return self.wait(pod) == 0.0


class StatefulSets(Controller):
    """Makes, replaces and removes the pods of StatefulSets.

    Args:
        machinery: the cluster.
        pods: its pods.
    """

    name = "statefulset-controller"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._claims = Claims(machinery, pods, "statefulsets")

    def start(self) -> None:
        """Follows StatefulSets and their pods."""
        self.follow("statefulsets", itself)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        for key in {each.owner_key for each in (after, before) if each and each.owner_key}:
            if key.resource == "statefulsets":
                self.queue.add(key)
        if after and not after.owner and not after.deleting:
            for key in self._claims.candidates(after):
                self.queue.add(key)

    def reconcile(self, key: Key) -> float | None:
        """Takes the next step of one StatefulSet; the change that it causes leads to the one after."""
        owner = self.machinery.find(*key)
        if owner is None or deleting(owner):
            return None
        if owner["spec"].get("volumeClaimTemplates"):
            self.event(owner, "Warning", "FailedCreate", _NO_CLAIMS)
            return None
        update = template_history.settle(self.machinery, owner, full_name=True)
        mark = template_history.mark(update)
        current = (owner.get("status") or {}).get("currentRevision") or mark
        found = {_ordinal(owner, each): each for each in self._claims.claim(owner)}
        pods = {ordinal: pod for ordinal, pod in found.items() if ordinal is not None}
        patience = timedelta(seconds=owner["spec"].get("minReadySeconds", 0))
        state = State(owner, pods, update, current, patience)
        if self._scale(state):
            self._update(state)
        return self._report(key, state)

    # -- steps

    def _scale(self, state: State) -> bool:
        """Brings the pods to the wanted ordinals; False when something has to happen before anything else."""
        for ordinal in state.wanted:
            pod = state.pods.get(ordinal)
            if pod is None:
                self._create(state, ordinal)
            elif pod.finished and not pod.deleting:
                self._delete(state, pod)
            elif state.is_available(pod) or not state.ordered:
                continue
            if state.ordered:
                return False
        for ordinal in sorted(set(state.pods) - set(state.wanted), reverse=True):
            if not state.pods[ordinal].deleting:
                self._delete(state, state.pods[ordinal])
            if state.ordered:
                return False
        return True

    def _update(self, state: State) -> None:
        """Replaces the last pod that is not of the newest template, once all behind it are available."""
        strategy = state.owner["spec"]["updateStrategy"]
        if strategy["type"] == "OnDelete":
            return
        for ordinal in reversed(state.wanted):
            pod = state.pods.get(ordinal)
            if ordinal - state.wanted.start < _partition(state.owner) or pod is None:
                return
            if pod.labels.get(HASH) != template_history.mark(state.update):
                if not pod.deleting:
                    self._delete(state, pod)
                return
            if not state.is_available(pod):
                return

    def _create(self, state: State, ordinal: int) -> None:
        owner, revision = state.owner, self._revision_for(state, ordinal)
        metadata, template = owner["metadata"], copy(revision["data"]["spec"]["template"])
        name, head = f"{metadata['name']}-{ordinal}", template.get("metadata") or {}
        own = {HASH: template_history.mark(revision), "statefulset.kubernetes.io/pod-name": name}
        own["apps.kubernetes.io/pod-index"] = str(ordinal)
        body = {"name": name, "namespace": metadata["namespace"], "ownerReferences": [owner_reference(owner)]}
        body |= {"labels": (head.get("labels") or {}) | own, "annotations": head.get("annotations") or {}}
        spec = template["spec"] | {"hostname": name, "subdomain": owner["spec"].get("serviceName", "")}
        about = f"create Pod {name} in StatefulSet {metadata['name']}"
        try:
            self.machinery.create("pods", {"metadata": body, "spec": spec})
        except StatusError as error:
            self.event(owner, "Warning", "FailedCreate", f"{about} failed error: {error.message}")
            raise
        self.event(owner, "Normal", "SuccessfulCreate", f"{about} successful")

    def _revision_for(self, state: State, ordinal: int) -> Object:
        """A pod whose turn in an update has not come gets the template that its neighbours have."""
        number = ordinal - state.wanted.start
        status = state.owner.get("status") or {}
        if number >= (_partition(state.owner) or status.get("currentReplicas", 0)):
            return state.update
        known = template_history.revisions(self.machinery, state.owner)
        return next((each for each in known if template_history.mark(each) == state.current), state.update)

    def _delete(self, state: State, pod: Pod) -> None:
        self.machinery.delete("pods", pod.key.namespace, pod.key.name, uid=pod.uid)
        name = state.owner["metadata"]["name"]
        message = f"delete Pod {pod.key.name} in StatefulSet {name} successful"
        self.event(state.owner, "Normal", "SuccessfulDelete", message)

    # -- status

    def _report(self, key: Key, state: State) -> float | None:
        """Writes the status; returns the seconds until the next pod counts as available."""
        mark, owner = template_history.mark(state.update), state.owner
        pods = [each for each in self._pods.owned(owner["metadata"]["uid"]) if not each.finished]
        live = [each.labels.get(HASH) for each in pods if not each.deleting]
        waits = [state.wait(each) for each in pods]
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": sum(1 for each in pods if each.ready),
            "availableReplicas": sum(1 for each in waits if each == 0.0),
            "currentReplicas": live.count(state.current),
            "updatedReplicas": live.count(mark),
            "currentRevision": state.current,
            "updateRevision": mark,
            "collisionCount": 0,
        }
        updated = (
            status["updatedReplicas"] == status["readyReplicas"] == status["replicas"] == owner["spec"]["replicas"]
        )
        if updated and not _partition(owner):
            status |= {"currentRevision": mark, "currentReplicas": status["updatedReplicas"]}
        always = ("replicas", "availableReplicas", "collisionCount")
        set_status(self.machinery, key, {name: each for name, each in status.items() if each or name in always})
        template_history.forget(self.machinery, owner, {mark, state.current, *filter(None, live)})
        return min((each for each in waits if each), default=None)


def _ordinal(owner: Object, pod: Pod) -> int | None:
    """A pod's number; None when its name is not of this StatefulSet."""
    name, _, number = pod.key.name.rpartition("-")
    return int(number) if name == owner["metadata"]["name"] and number.isdecimal() else None


def _partition(owner: Object) -> int:
    return int((owner["spec"]["updateStrategy"].get("rollingUpdate") or {}).get("partition") or 0)
