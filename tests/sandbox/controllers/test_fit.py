"""Which nodes take a pod, and in which words they refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from console.sandbox.controllers.fit import NodeView, Refusal, best, refusals, unschedulable
from console.sandbox.controllers.pod import Pod, Port
from console.sandbox.controllers.pods import Load
from console.sandbox.store import Key


def pod(name: str = "p", *, owner: str = "", host_port: int = 0, **requests: str) -> Pod:
    """A pod that requests something."""
    return Pod(
        key=Key("pods", "work", name),
        uid=name,
        labels={},
        owner=owner,
        owner_key=None,
        node="",
        phase="Pending",
        ready=False,
        ready_since="",
        deleting=False,
        created="",
        restarts=0,
        deletion_cost=0,
        ip="",
        hostname="",
        requests={name: Decimal(each) for name, each in requests.items()},
        ports=(Port("", 80, "TCP", host_port),),
    )


def place(name: str = "n", *on_it: Pod, labels: dict[str, str] | None = None, **spec: Any) -> NodeView:
    """A node of 4 cores, 1 GiB and 10 pods."""
    room = {"cpu": "4", "memory": "1Gi", "pods": "10"}
    load = Load()
    for each in on_it:
        load.add(each, 1)
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}
    return NodeView({"metadata": metadata, "spec": spec, "status": {"allocatable": room}}, load)


TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_taints_and_tolerations(toleration: dict[str, str], fits: bool) -> None:
    refused = reasons({"tolerations": [toleration]}, pod(), place(taints=[TAINT]))
    assert refused == ([] if fits else ["node(s) had untolerated taint {gpu: yes}"])


def test_a_cordoned_node_takes_nothing_new() -> None:
    assert reasons({}, pod(), place(unschedulable=True)) == ["node(s) were unschedulable"]


def reasons(spec: dict[str, Any], wanted: Pod, where: NodeView) -> list[str]:
    return [each.reason for each in refusals(spec, wanted, where)]


def affinity(*terms: Any) -> dict[str, Any]:
    required = {"nodeSelectorTerms": list(terms)}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def term(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "hdd"}}, False),
        (affinity(term("disk", "In", "hdd"), term("cores", "Gt", "4")), True),  # one term is enough
        (affinity(term("disk", "In", "hdd")), False),
        (affinity(term("disk", "NotIn", "ssd")), False),
        (affinity(term("other", "DoesNotExist")), True),
        (affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}), True),
        (affinity({}), False),
    ],
)
def test_selectors_and_required_affinity(spec: dict[str, Any], fits: bool) -> None:
    refused = reasons(spec, pod(), place(labels={"disk": "ssd", "cores": "8"}))
    assert refused == ([] if fits else ["node(s) didn't match Pod's node affinity/selector"])


def test_everything_that_is_short_is_named() -> None:
    crowded = place("n", *(pod(str(index), cpu="0.5") for index in range(8)))
    assert reasons({}, pod(cpu="0.1", memory=str(2 * 2**30)), crowded) == ["Insufficient cpu", "Insufficient memory"]
    assert reasons({}, pod(memory=str(2**30)), crowded) == []
    full = place("n", *(pod(str(index)) for index in range(10)))
    assert reasons({}, pod(cpu="1"), full) == ["Too many pods"]


def test_a_port_of_the_node_is_given_once() -> None:
    taken = place("n", pod("a", host_port=8080))
    assert reasons({}, pod(host_port=8080), taken) == ["node(s) didn't have free ports for the requested pod ports"]
    assert reasons({}, pod(host_port=8081), taken) == []


def test_pods_of_one_owner_spread_then_the_emptier_node_wins() -> None:
    one = place("one", pod("a", owner="rs", cpu="0.1"))
    two = place("two", pod("b", owner="other", cpu="2"), pod("c", owner="other"))
    assert best({}, pod(owner="rs", cpu="0.1"), [one, two]).name == "two"
    assert best({}, pod(owner="new", cpu="0.1"), [one, two]).name == "one"


def test_preferred_affinity_and_soft_taints_decide_first() -> None:
    preference = {"weight": 5, "preference": term("disk", "In", "ssd")}
    spec = {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}}}
    busy = place("busy", pod("a", cpu="3"), labels={"disk": "ssd"})
    assert best(spec, pod(), [busy, place("idle")]).name == "busy"
    soft = place("soft", taints=[{"key": "x", "effect": "PreferNoSchedule"}])
    assert best({}, pod(), [soft, place("full", pod("a", cpu="3"))]).name == "full"


def test_the_refusal_reads_as_kubernetes_words_it() -> None:
    """What a kube-scheduler 1.34 said of the same; only what others occupy could be had by preemption."""
    busy = place("busy", pod("a", cpu="3"))
    wanted = pod(cpu="2", memory=str(2**40))
    assert unschedulable([refusals({}, wanted, place("one"))]) == (
        "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    found = [
        refusals({}, pod(cpu="2"), busy),
        refusals({}, pod(cpu="9"), busy),
        [Refusal("node(s) were unschedulable")],
    ]
    assert unschedulable(found) == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )
    assert unschedulable([]) == "no nodes available to schedule pods"
