"""DaemonSets: one pod on every node that takes it (`pkg/controller/daemon`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers import template_history
from console.sandbox.controllers.fit import NodeView, takes
from console.sandbox.controllers.ownership import Claims
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import Load, PodCache
from console.sandbox.controllers.rollout import resolve
from console.sandbox.controllers.runtime import Controller, deleting, itself, owner_reference
from console.sandbox.controllers.status import set_status
from console.sandbox.controllers.template_history import HASH
from console.sandbox.store import Change, Key, copy

_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


@dataclass(frozen=True, slots=True)
class State:
    """A DaemonSet and its pods as they are now.

    Attributes:
        nodes: the names of those that are to have a pod.
        pods: by node; those of nodes that are not to have one, too.
        mark: of the newest template.
    """

    owner: Object
    nodes: list[str]
    pods: dict[str, list[Pod]]
    mark: str

    def wait(self, pod: Pod) -> float | None:
        """The seconds until a pod is available; None while it is not ready."""
        if not pod.ready or pod.deleting:
            return None
        patience = timedelta(seconds=self.owner["spec"].get("minReadySeconds", 0))
        return max((times.parse(pod.ready_since) + patience - times.now()).total_seconds(), 0.0) if patience else 0.0

    def is_available(self, pod: Pod) -> bool:
        """Ready for long enough."""
        return self.wait(pod) == 0.0

    def is_new(self, pod: Pod) -> bool:
        """Of the newest template."""
        return pod.labels.get(HASH) == self.mark


class DaemonSets(Controller):
    """Makes, replaces and removes the pods of DaemonSets.

    Args:
        machinery: the cluster.
        pods: its pods.
    """

    name = "daemonset-controller"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._claims = Claims(machinery, pods, "daemonsets")

    def start(self) -> None:
        """Follows DaemonSets, their pods, and nodes."""
        self.follow("daemonsets", itself)
        self.follow("nodes", self._node_changed)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _node_changed(self, change: Change) -> Iterable[Key]:
        return [each.key for each in self.machinery.store.entries("daemonsets")]

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        for key in {each.owner_key for each in (after, before) if each and each.owner_key}:
            if key.resource == "daemonsets":
                self.queue.add(key)

    def reconcile(self, key: Key) -> float | None:
        """Takes the next step of one DaemonSet; the change that it causes leads to the one after."""
        owner = self.machinery.find(*key)
        if owner is None or deleting(owner):
            return None
        revision = template_history.settle(self.machinery, owner, full_name=False)
        pods: dict[str, list[Pod]] = defaultdict(list)
        for pod in self._claims.claim(owner):
            pods[pod.node or self._target(pod)].append(pod)
        state = State(owner, self._nodes_for(owner), pods, template_history.mark(revision))
        self._place(state)
        if owner["spec"]["updateStrategy"]["type"] == "RollingUpdate":
            self._update(state)
        return self._report(key, owner, state)

    def _nodes_for(self, owner: Object) -> list[str]:
        spec = copy(owner["spec"]["template"]["spec"])
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *_tolerations()]
        nodes = [NodeView(each.object, Load()) for each in self.machinery.store.entries("nodes")]
        return [each.name for each in nodes if takes(spec, each)]

    def _target(self, pod: Pod) -> str:
        """The node for which a pod was made that is not bound yet."""
        found = self.machinery.find(*pod.key)
        affinity = ((found or {}).get("spec", {}).get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
        fields = [each for term in required.get("nodeSelectorTerms") or () for each in term.get("matchFields") or ()]
        return str(fields[0]["values"][0]) if fields else ""

    # -- steps

    def _place(self, state: State) -> None:
        """A pod on each node that is to have one, none elsewhere; what has failed is removed, and made anew."""
        for node in state.nodes:
            if not state.pods.get(node):
                self._create(state, node)
        for node, pods in state.pods.items():
            for pod in pods:
                if node not in state.nodes and not pod.deleting:
                    self._delete(state, pod)
                elif pod.finished and not pod.deleting:
                    what = f"Found failed daemon pod {pod.key.namespace}/{pod.key.name} on node {node}"
                    self.event(state.owner, "Warning", "FailedDaemonPod", f"{what}, will try to kill it")
                    self._delete(state, pod)

    def _update(self, state: State) -> None:
        """Replaces old pods: with a surge after the new one is available, else as many at once as may be missing."""
        rolling = state.owner["spec"]["updateStrategy"].get("rollingUpdate") or {}
        surge = resolve(rolling.get("maxSurge", 0), len(state.nodes), up=True)
        if surge:
            self._surge(state, surge)
            return
        pods = {node: [each for each in state.pods.get(node, ()) if each.active] for node in state.nodes}
        missing = sum(1 for each in pods.values() if not any(map(state.is_available, each)))
        allowed = max(resolve(rolling.get("maxUnavailable", 1), len(state.nodes), up=True), 1) - missing
        for pod in (each for here in pods.values() for each in here if not state.is_new(each)):
            if not state.is_available(pod):
                self._delete(state, pod)
            elif allowed > 0:
                self._delete(state, pod)
                allowed -= 1

    def _surge(self, state: State, allowed: int) -> None:
        for node in state.nodes:
            pods = [each for each in state.pods.get(node, ()) if each.active]
            new, old = [each for each in pods if state.is_new(each)], [each for each in pods if not state.is_new(each)]
            if old and new:
                allowed -= 1
                if any(map(state.is_available, new)):
                    for each in old:
                        self._delete(state, each)
            elif old and allowed > 0:
                allowed -= 1
                self._create(state, node)

    def _create(self, state: State, node: str) -> None:
        owner, template = state.owner, copy(state.owner["spec"]["template"])
        metadata, head = owner["metadata"], template.get("metadata") or {}
        spec = template["spec"]
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *_tolerations()]
        field = {"key": "metadata.name", "operator": "In", "values": [node]}
        required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = required
        body = {"generateName": f"{metadata['name']}-", "namespace": metadata["namespace"]}
        body |= {
            "labels": (head.get("labels") or {}) | {HASH: state.mark},
            "annotations": head.get("annotations") or {},
        }
        whole = {"metadata": body | {"ownerReferences": [owner_reference(owner)]}, "spec": spec}
        try:
            pod = self.machinery.create("pods", whole)
        except StatusError as error:
            self.event(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _delete(self, state: State, pod: Pod) -> None:
        self.machinery.delete("pods", pod.key.namespace, pod.key.name, uid=pod.uid)
        self.event(state.owner, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.key.name}")

    # -- status

    def _report(self, key: Key, owner: Object, state: State) -> float | None:
        """Writes the status; returns the seconds until the next pod counts as available."""
        pods: dict[str, list[Pod]] = defaultdict(list)
        for pod in self._pods.owned(owner["metadata"]["uid"]):
            if pod.active:
                pods[pod.node or self._target(pod)].append(pod)
        here = [pods[node] for node in state.nodes]
        available = sum(1 for each in here if any(map(state.is_available, each)))
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "desiredNumberScheduled": len(state.nodes),
            "currentNumberScheduled": sum(1 for each in here if each),
            "numberMisscheduled": sum(1 for node in pods if node not in state.nodes),
            "numberReady": sum(1 for each in here if any(pod.ready for pod in each)),
            "updatedNumberScheduled": sum(1 for each in here if any(map(state.is_new, each))),
            "numberAvailable": available,
            "numberUnavailable": len(state.nodes) - available,
        }
        optional = ("updatedNumberScheduled", "numberAvailable", "numberUnavailable")
        set_status(self.machinery, key, {name: each for name, each in status.items() if each or name not in optional})
        marks = {pod.labels.get(HASH, "") for each in pods.values() for pod in each}
        template_history.forget(self.machinery, owner, {state.mark, *marks})
        waits = (state.wait(pod) for each in pods.values() for pod in each)
        return min((each for each in waits if each), default=None)


def _tolerations() -> list[Object]:
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]
