"""Room on nodes, as the scheduler counts it."""

import pytest

from console.model.headroom import room_for


def node(name="a", cpu="2", memory="1Gi", pods="10", **spec):
    return {
        "metadata": {"name": name, "labels": {}},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods}},
    }


def spec(cpu="500m", memory="100Mi", **more):
    return {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu, "memory": memory}}}], **more}


def pod(on, phase="Running", **more):
    return {"spec": {"nodeName": on, **spec(**more)}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("nodes", "pods", "wanted", "found"),
    [
        ([node()], [], 4, (4, "")),
        ([node()], [], 5, (4, "cpu")),
        ([node(), node("b")], [], 8, (8, "")),
        ([node(memory="250Mi")], [], 4, (2, "memory")),
        ([node(pods="3")], [pod("a", cpu="0")], 4, (2, "pods")),
        ([node()], [pod("a"), pod("a", "Succeeded"), pod("elsewhere")], 4, (3, "cpu")),
        ([node(unschedulable=True)], [], 1, (0, "no node takes such pods")),
        ([node(taints=[{"key": "a", "effect": "NoSchedule"}])], [], 1, (0, "no node takes such pods")),
        ([], [], 1, (0, "no node takes such pods")),
    ],
)
def test_pods_go_where_what_they_request_is_free(nodes, pods, wanted, found):
    assert room_for(spec(), wanted, nodes, pods) == found
