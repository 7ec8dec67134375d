"""PodDisruptionBudgets: how many pods may be evicted now (`pkg/controller/disruption`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from console.sandbox.api import times
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.controllers.ownership import matcher
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.rollout import resolve
from console.sandbox.controllers.runtime import Controller, controller_of, itself
from console.sandbox.controllers.status import condition, merge, set_status
from console.sandbox.store import Change, Key

EVICTION_WITHIN = timedelta(minutes=2)
"""An eviction that was granted and not followed by a deletion is forgotten after this time."""
_SCALED = {"Deployment": "deployments", "ReplicaSet": "replicasets", "StatefulSet": "statefulsets"}


class DisruptionBudgets(Controller):
    """Keeps the status of every budget current; the eviction subresource takes from it.

    Args:
        machinery: the cluster.
        pods: its pods.
    """

    name = "disruption-controller"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._selectors: dict[Key, Selector] = {}

    def start(self) -> None:
        """Follows budgets, pods, and what says how many pods there should be."""
        self.follow("poddisruptionbudgets", self._budget_changed)
        for resource in _SCALED.values():
            self.follow(resource, self._scaled)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _budget_changed(self, change: Change) -> Iterable[Key]:
        key = change.entry.key
        selector = None if change.type == "DELETED" else Selector.of(change.object["spec"].get("selector"))
        self._selectors.pop(key, None)
        if selector:
            self._selectors[key] = selector
        return itself(change)

    def _scaled(self, change: Change) -> Iterable[Key]:
        namespace = change.entry.key.namespace
        return [key for key in self._selectors if key.namespace == namespace]

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        pod = after or before
        for key, selector in self._selectors.items():
            if pod and key.namespace == pod.key.namespace and selector.matches(pod.labels):
                self.queue.add(key)

    def reconcile(self, key: Key) -> float | None:
        """Counts one budget's pods."""
        budget = self.machinery.find(*key)
        if budget is None:
            return None
        selector = self._selectors.get(key)
        matches = matcher(selector) if selector else bool
        pods = [each for each in self._pods.space(key.namespace) if selector and matches(each) and not each.finished]
        evicted = _granted(budget, {each.key.name: each for each in pods})
        healthy = sum(1 for each in pods if each.ready and not each.deleting and each.key.name not in evicted)
        expected, desired = self._expectation(budget, pods)
        allowed = max(healthy - desired, 0) if expected else 0
        reason = "SufficientPods" if allowed else "InsufficientPods"
        status = {
            "observedGeneration": budget["metadata"].get("generation", 0),
            "expectedPods": expected,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
        }
        allowance = condition("DisruptionAllowed", bool(allowed), reason, "")
        allowance["observedGeneration"] = status["observedGeneration"]
        status["conditions"] = merge((budget.get("status") or {}).get("conditions"), allowance)
        set_status(self.machinery, key, status | ({"disruptedPods": evicted} if evicted else {}))
        return EVICTION_WITHIN.total_seconds() if evicted else None

    def _expectation(self, budget: Object, pods: list[Pod]) -> tuple[int, int]:
        """How many pods there should be, and how many of them have to be healthy."""
        spec = budget["spec"]
        least = spec.get("minAvailable")
        if isinstance(least, int):
            return len(pods), least
        expected = self._wanted(pods)
        if least is not None:
            return expected, resolve(least, expected, up=True)
        return expected, max(expected - resolve(spec.get("maxUnavailable", 0), expected, up=True), 0)

    def _wanted(self, pods: list[Pod]) -> int:
        """The sizes of the workloads behind the pods; a pod of its own counts as one."""
        sizes: dict[str, int] = {}
        for pod in pods:
            top = self._top(pod)
            if top:
                sizes[top["metadata"]["uid"]] = top["spec"].get("replicas", 1)
            else:
                sizes[pod.uid] = 1
        return sum(sizes.values())

    def _top(self, pod: Pod) -> Object | None:
        """The workload that sizes the pod's owner: for a ReplicaSet of a Deployment, the Deployment."""
        owner = self.machinery.find(*pod.owner_key) if pod.owner_key else None
        above = controller_of(owner) if owner else None
        if owner and above and above["kind"] in _SCALED:
            return self.machinery.find(_SCALED[above["kind"]], pod.key.namespace, above["name"]) or owner
        return owner


def _granted(budget: Object, pods: dict[str, Pod]) -> dict[str, str]:
    """Evictions that were allowed, and whose pods do not show it yet."""
    found = (budget.get("status") or {}).get("disruptedPods") or {}
    now = times.now()
    return {
        name: since
        for name, since in found.items()
        if name in pods and not pods[name].deleting and times.parse(since) + EVICTION_WITHIN > now
    }
