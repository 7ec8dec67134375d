"""Nodes: taints that follow their conditions, and the end of pods that do not tolerate them.

Rules: `pkg/controller/nodelifecycle` and `pkg/controller/tainteviction`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers.fit import UNSCHEDULABLE, tolerates
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.runtime import Controller, itself
from console.sandbox.controllers.status import find
from console.sandbox.store import Change, Key

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
_OURS = {UNSCHEDULABLE, NOT_READY, UNREACHABLE}


class NodeLifecycle(Controller):
    """Taints nodes that are cordoned, not ready or unreachable; evicts what may not stay there.

    Args:
        machinery: the cluster.
        pods: its pods.
    """

    name = "node-controller"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods

    def start(self) -> None:
        """Follows nodes, and pods that come to them."""
        self.follow("nodes", self._node_changed)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _node_changed(self, change: Change) -> Iterable[Key]:
        if change.type == "DELETED":
            for pod in self._pods.node(change.entry.key.name):
                self.queue.add(pod.key)
        return itself(change)

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        if after and after.node and not (before and before.node):
            self.queue.add(after.key)

    def reconcile(self, key: Key) -> float | None:
        """Looks after one node, or one pod on a tainted node."""
        if key.resource == "pods":
            return self._pod(key)
        self._node(key)
        return None

    def _node(self, key: Key) -> None:
        node = self.machinery.find(*key)
        if node is None:
            return
        before = node["spec"].get("taints") or []
        wanted = _taints(node)
        kept = [each for each in before if each["key"] not in _OURS]
        known = {(each["key"], each["effect"]): each for each in before}
        taints = kept + [known.get((each["key"], each["effect"]), each) for each in wanted]
        if taints != before:
            self.machinery.mutate(*key, lambda obj: _set_taints(obj, taints))
        if any(each["effect"] == "NoExecute" for each in taints):
            for pod in self._pods.node(key.name):
                self.queue.add(pod.key)

    def _pod(self, key: Key) -> float | None:
        """Evicts a pod once it has stayed as long as it tolerates; one whose node is gone goes at once."""
        pod = self._pods.get(key)
        if not pod or not pod.node or pod.deleting:
            return None
        node = self.machinery.find("nodes", "", pod.node)
        if node is None:
            self.machinery.delete(*key, grace=0, uid=pod.uid)
            return None
        taints = [each for each in node["spec"].get("taints") or () if each["effect"] == "NoExecute"]
        if not taints:
            return None
        obj = self.machinery.get(*key)
        left = _time_left(obj["spec"].get("tolerations") or (), taints)
        if left is not None and left <= 0:
            self.event(obj, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key.namespace}/{key.name}")
            self.machinery.delete(*key, uid=pod.uid)
            return None
        return left


def _taints(node: Object) -> list[Object]:
    """The taints that a node's state calls for."""
    moment = times.time()
    found: list[Object] = []
    if node["spec"].get("unschedulable"):
        found.append({"key": UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": moment})
    ready = find((node.get("status") or {}).get("conditions"), "Ready")
    if ready and ready["status"] != "True":
        key = NOT_READY if ready["status"] == "False" else UNREACHABLE
        found += [{"key": key, "effect": effect, "timeAdded": moment} for effect in ("NoSchedule", "NoExecute")]
    return found


def _set_taints(node: Object, taints: list[Object]) -> None:
    node["spec"]["taints"] = taints
    if not taints:
        del node["spec"]["taints"]


def _time_left(tolerations: Iterable[Object], taints: Iterable[Object]) -> float | None:
    """Seconds that a pod may stay under these taints; None: for ever."""
    shortest: float | None = None
    for taint in taints:
        fitting = [each for each in tolerations if tolerates([each], taint)]
        if not fitting:
            return 0.0
        limits = [each["tolerationSeconds"] for each in fitting if each.get("tolerationSeconds") is not None]
        if limits:
            since = times.parse(taint["timeAdded"]) if taint.get("timeAdded") else times.now()
            left = (since + timedelta(seconds=min(limits)) - times.now()).total_seconds()
            shortest = left if shortest is None else min(shortest, left)
    return shortest
