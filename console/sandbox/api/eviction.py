"""Eviction: a deletion that asks the disruption budgets first (`pkg/registry/core/pod/storage/eviction.go`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery


def evict(machinery: Machinery, namespace: str, name: str, options: Object, *, dry_run: bool = False) -> None:
    """Deletes the pod, taking one disruption from its budget. A pod that does not run needs none.

    Raises:
        StatusError: 429 the budget allows none now, 500 several budgets, 404.
    """
    pod = machinery.get("pods", namespace, name)
    budgets = [] if _harmless(pod) else _budgets(machinery, pod)
    if len(budgets) > 1:
        message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise StatusError(500, "", message)
    for budget in budgets:
        _take(machinery, budget, name, dry_run=dry_run)
    if not dry_run:
        machinery.mutate("pods", namespace, name, _disrupted, subresource="status")
    preconditions = options.get("preconditions") or {}
    machinery.delete(
        "pods",
        namespace,
        name,
        grace=options.get("gracePeriodSeconds"),
        uid=preconditions.get("uid"),
        dry_run=dry_run,
    )


def _disrupted(pod: Object) -> None:
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": times.time(),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    kept = [each for each in pod["status"].get("conditions", ()) if each["type"] != condition["type"]]
    pod["status"]["conditions"] = [*kept, condition]


def _harmless(pod: Object) -> bool:
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending")
    return ended or bool(pod["metadata"].get("deletionTimestamp"))


def _budgets(machinery: Machinery, pod: Object) -> list[Object]:
    labels = pod["metadata"].get("labels") or {}
    found = []
    for budget in machinery.list("poddisruptionbudgets", pod["metadata"]["namespace"]):
        selector = Selector.of(budget["spec"].get("selector"))
        if selector and selector.matches(labels):
            found.append(budget)
    return found


def _take(machinery: Machinery, budget: Object, pod: str, *, dry_run: bool) -> None:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    allowed = status.get("disruptionsAllowed", 0)
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0) or allowed < 1:
        healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        cause = {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently",
        }
        message = "Cannot evict pod as it would violate the pod's disruption budget."
        raise StatusError(429, "TooManyRequests", message, {"causes": [cause]})

    def change(current: Object) -> None:
        current["status"]["disruptionsAllowed"] = allowed - 1
        current["status"].setdefault("disruptedPods", {})[pod] = times.time()

    machinery.mutate(
        "poddisruptionbudgets",
        budget["metadata"]["namespace"],
        name,
        change,
        subresource="status",
        dry_run=dry_run,
    )
