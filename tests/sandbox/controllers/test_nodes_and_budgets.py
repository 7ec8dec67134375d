"""Nodes that are closed or lost, budgets, autoscalers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from console.sandbox import virtual
from console.sandbox.api import times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.eviction import evict
from console.sandbox.api.ports import LogOptions, NodeUsage, PodUsage, Session, Usage
from tests.sandbox.controllers.conftest import Live, condition, container, template


async def test_a_cordoned_node_is_tainted_and_takes_nothing(live: Live) -> None:
    live.machinery.mutate("nodes", "", "virtual-0", lambda obj: obj["spec"].update(unschedulable=True))
    await live.until("nodes", lambda found: "node.kubernetes.io/unschedulable" in _taints(found[0]))
    live.deployment(replicas=1)
    [pod] = await live.until("pods", lambda found: found and condition(found[0], "PodScheduled"))
    assert "1 node(s) were unschedulable" in condition(pod, "PodScheduled")["message"]
    live.machinery.mutate("nodes", "", "virtual-0", lambda obj: obj["spec"].pop("unschedulable"))
    await live.settled()
    assert _taints(live.machinery.get("nodes", "", "virtual-0")) == [virtual.MARK]


def _taints(node: dict[str, Any]) -> list[str]:
    return [each["key"] for each in node["spec"].get("taints") or ()]


async def test_pods_leave_a_node_that_is_not_ready_once_they_do_not_tolerate_it_any_more(live: Live) -> None:
    live.machinery.create("nodes", virtual.node("virtual-1"))
    hasty = template({"app": "web"})
    for key in ("not-ready", "unreachable"):
        toleration = {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "tolerationSeconds": 0}
        hasty["spec"]["tolerations"].append(toleration | {"effect": "NoExecute"})
    live.deployment(replicas=2, template=hasty)
    await live.settled()
    assert {each["spec"]["nodeName"] for each in live.list("pods")} == {"virtual-0", "virtual-1"}

    def lose(node: dict[str, Any]) -> None:
        condition(node, "Ready")["status"] = "Unknown"

    live.machinery.mutate("nodes", "", "virtual-0", lose, subresource="status")
    await live.until("pods", lambda found: {each["spec"].get("nodeName") for each in found} == {"virtual-1"})
    assert "node.kubernetes.io/unreachable" in _taints(live.machinery.get("nodes", "", "virtual-0"))


async def test_pods_of_a_removed_node_go(live: Live) -> None:
    live.deployment(replicas=1)
    await live.settled()
    live.machinery.delete("nodes", "", "virtual-0")
    await live.until("pods", lambda found: [each["spec"].get("nodeName") for each in found] == [None])


async def test_a_budget_allows_as_many_evictions_as_it_can_bear(live: Live) -> None:
    live.deployment(replicas=3, template=template({"app": "web"}, **{"sandbox/ready-after": "1ms"}))
    await live.settled()
    live.create("poddisruptionbudgets", "web", {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}})
    budget = await live.until_one(
        "poddisruptionbudgets", "web", lambda each: (each.get("status") or {}).get("disruptionsAllowed") == 1
    )
    assert {name: budget["status"][name] for name in ("expectedPods", "currentHealthy", "desiredHealthy")} == {
        "expectedPods": 3,
        "currentHealthy": 3,
        "desiredHealthy": 2,
    }
    first, second, _ = (each["metadata"]["name"] for each in live.list("pods"))
    evict(live.machinery, "work", first, {})
    with pytest.raises(StatusError, match="would violate the pod's disruption budget") as refused:
        evict(live.machinery, "work", second, {})
    assert refused.value.code == 429
    healed = await live.until_one(
        "poddisruptionbudgets",
        "web",
        lambda each: each["status"]["disruptionsAllowed"] == 1 and "disruptedPods" not in each["status"],
    )
    assert condition(healed, "DisruptionAllowed")["reason"] == "SufficientPods"


class Figures:
    """A node whose pods use as much as the test says."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.cores = 0.0

    async def usage(self) -> NodeUsage:
        now = times.now()
        names = [each["metadata"]["name"] for each in self.live.list("pods")]
        pods = tuple(PodUsage("work", name, now, 1.0, {"main": Usage(self.cores, 1024)}) for name in names)
        return NodeUsage(now, 1.0, Usage(0.0, 0), pods)

    async def logs(self, pod: Any, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def exec(self, pod: Any, container: str, command: list[str], *, stdin: bool, tty: bool) -> Session:
        raise NotImplementedError

    async def attach(self, pod: Any, container: str, *, stdin: bool, tty: bool) -> Session:
        raise NotImplementedError

    def address(self, pod: Any) -> str:
        raise NotImplementedError

    def probe_metrics(self) -> str:
        raise NotImplementedError


async def test_an_autoscaler_follows_the_use_within_its_bounds(live: Live) -> None:
    figures = Figures(live)
    live.agents["virtual-0"] = figures
    labelled = template({"app": "web"})
    labelled["spec"]["containers"] = [container(cpu="1")]
    live.deployment(replicas=1, template=labelled)
    await live.settled()
    figures.cores = 1.0
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    live.create("horizontalpodautoscalers", "web", {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": target})
    grown = await live.until_one(
        "horizontalpodautoscalers", "web", lambda each: (each.get("status") or {}).get("currentReplicas") == 3
    )
    assert [each["status"] for each in grown["status"]["conditions"] if each["type"] == "ScalingActive"] == ["True"]
    assert grown["status"]["currentMetrics"][0]["resource"]["current"] == {
        "averageUtilization": 100,
        "averageValue": "1000m",
    }
    assert live.get("deployments", "web")["spec"]["replicas"] == 3
    limited = await live.until_one(
        "horizontalpodautoscalers", "web", lambda each: condition(each, "ScalingLimited").get("status") == "True"
    )
    assert condition(limited, "ScalingLimited")["message"] == (
        "the desired replica count is more than the maximum replica count"
    )
    figures.cores = 0.1
    await live.until_one("deployments", "web", lambda each: each["spec"]["replicas"] == 1)


async def test_an_autoscaler_without_figures_says_so(live: Live) -> None:
    live.deployment(replicas=1)
    await live.settled()
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    live.create("horizontalpodautoscalers", "web", {"maxReplicas": 3, "scaleTargetRef": target})
    lost = await live.until_one("horizontalpodautoscalers", "web", lambda each: condition(each, "ScalingActive"))
    active = condition(lost, "ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "FailedGetResourceMetric")
    assert active["message"] == (
        "the HPA was unable to compute the replica count: failed to get cpu utilization: "
        "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    )
