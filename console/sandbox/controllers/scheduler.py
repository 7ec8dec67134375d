"""The scheduler: finds a node for each pod that has none (`pkg/scheduler`)."""

from __future__ import annotations

from collections.abc import Iterable

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers import fit
from console.sandbox.controllers.fit import NodeView
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.runtime import Controller
from console.sandbox.controllers.status import condition, find, merge
from console.sandbox.store import Change, Key

RETRY_EVERY = 300.0
"""Seconds after which a pod without a node is tried again even if nothing has changed."""


class Scheduler(Controller):
    """Binds pods to nodes; a pod that fits nowhere is tried again when a node or another pod changes.

    Args:
        machinery: the cluster.
        pods: its pods.
    """

    name = "default-scheduler"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._stuck: set[Key] = set()
        self._nodes: dict[str, Object] = {}

    def start(self) -> None:
        """Follows pods and nodes."""
        self.follow("nodes", self._node_changed)
        for pod in self._pods.all():
            self._pod_changed(pod, None)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _node_changed(self, change: Change) -> Iterable[Key]:
        name = change.entry.key.name
        before = self._nodes.pop(name, None)
        if change.type != "DELETED":
            self._nodes[name] = change.object
        relevant = ("metadata", "labels"), ("spec",), ("status", "allocatable")
        if (
            before
            and change.type != "DELETED"
            and all(_at(before, path) == _at(change.object, path) for path in relevant)
        ):
            return ()
        return tuple(self._stuck)

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        if after and not after.node and not after.deleting and (before is None or before.labels != after.labels):
            self.queue.add(after.key)
        if before and before.node and (after is None or (after.finished and not before.finished)):
            for key in self._stuck:
                self.queue.add(key)

    def reconcile(self, key: Key) -> float | None:
        """Binds one pod, or says why it cannot be."""
        self._stuck.discard(key)
        pod, obj = self._pods.get(key), self.machinery.find(*key)
        if not pod or not obj or pod.node or pod.deleting:
            return None
        if obj["spec"].get("schedulerName", self.name) != self.name or obj["spec"].get("schedulingGates"):
            return None
        places = [self._view(each) for each in self._nodes.values()]
        found = [(place, fit.refusals(obj["spec"], pod, place)) for place in places]
        possible = [place for place, refusals in found if not refusals]
        if not possible:
            self._stuck.add(key)
            self._refuse(obj, fit.unschedulable([refusals for _, refusals in found]))
            return RETRY_EVERY
        node = fit.best(obj["spec"], pod, possible).name
        bound = self.machinery.bind(key.namespace, key.name, node)
        message = f"Successfully assigned {key.namespace}/{key.name} to {node}"
        self.event(bound, "Normal", "Scheduled", message)
        return None

    def _view(self, node: Object) -> NodeView:
        return NodeView(node, self._pods.load(node["metadata"]["name"]))

    def _refuse(self, pod: Object, message: str) -> None:
        metadata = pod["metadata"]

        def change(obj: Object) -> None:
            conditions = obj["status"].get("conditions")
            refused = condition("PodScheduled", False, "Unschedulable", message)
            refused |= {"lastProbeTime": None, "observedGeneration": obj["metadata"].get("generation", 1)}
            obj["status"]["conditions"] = merge(conditions, refused)

        old = find(pod["status"].get("conditions"), "PodScheduled")
        if not old or old.get("message") != message:
            self.machinery.mutate("pods", metadata["namespace"], metadata["name"], change, subresource="status")
        self.event(pod, "Warning", "FailedScheduling", message)


def _at(obj: Object, path: tuple[str, ...]) -> object:
    value: object = obj
    for each in path:
        value = value.get(each) if isinstance(value, dict) else None
    return value
