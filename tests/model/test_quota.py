"""Whether the pods of a plan fit into the quotas of a namespace."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.changes import object_changes
from console.model.declare import declare
from console.model.gathered import ObjectState
from console.model.quantity import parse_quantity
from console.model.quota import pod_demand, shortfalls
from tests.stacks import deployment, edited, gathered_of, make_service, make_stack, together

SMALL = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1"}}
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 3, maxReplicas: 4}
"""


def _short(text, live=None, used=None, **hard):
    stack = make_stack([make_service("web", text)])
    states = [
        ObjectState(each, None, None) if live is None or each.ref.kind != "Deployment" else edited(each, live)
        for each in declare(stack, [], {}, "", {})
    ]
    quota = {
        "metadata": {"name": "all"},
        "spec": {"hard": {name.replace("_", "."): value for name, value in hard.items()}},
    }
    quota["status"] = {"used": used or {}}
    return shortfalls([quota], states, object_changes(gathered_of(stack, states), str))


@pytest.mark.parametrize(
    ("text", "number"),
    [("100m", "0.1"), ("1.5Gi", 1.5 * 1024**3), ("2e3", 2000), ("1E", 10**18), (0.5, "0.5"), ("k", None), (None, None)],
)
def test_quantities(text, number):
    assert parse_quantity(text) == (None if number is None else Decimal(number))


@given(st.integers(0, 10**6))
def test_a_thousand_millis_are_one(number):
    assert parse_quantity(f"{number * 1000}m") == parse_quantity(number)


def test_a_new_workload_counts_all_its_pods():
    text = deployment("web", replicas=3, resources=SMALL)
    assert _short(text, requests_cpu="300m", memory="192Mi", pods="3") == []
    assert _short(text, requests_cpu="250m") == ["resourcequota/all: requests.cpu: 300m more needed, 250m of 250m free"]
    assert _short(text, pods="10", used={"pods": "8"}) == ["resourcequota/all: pods: 3 more needed, 2 of 10 free"]
    assert _short(text, limits_cpu="2") == ["resourcequota/all: limits.cpu: 3 more needed, 2 of 2 free"]


def test_an_autoscaled_workload_counts_the_least_that_the_autoscaler_keeps():
    assert len(_short(together(deployment("web", resources=SMALL), AUTOSCALER), pods="2")) == 1


def test_a_rollout_counts_the_pods_that_it_adds_for_a_while():
    text = deployment("web", replicas=4, resources=SMALL)
    rolled = {"spec": {"template": {"spec": {"serviceAccountName": "other", "containers": []}}}}
    scaled = {"spec": {"replicas": 3}}
    assert _short(text, scaled, pods="1") == []
    assert _short(text, scaled, pods="0") == ["resourcequota/all: pods: 1 more needed, 0 of 0 free"]
    assert _short(text, rolled, pods="1") == []
    assert len(_short(text, rolled, pods="0")) == 1


def test_what_does_not_change_needs_nothing():
    assert _short(deployment("web"), {}, pods="0") == []


@pytest.mark.parametrize(
    ("order", "cores"), [(["2", "sidecar"], "2"), (["sidecar", "2"], "2.25"), (["1", "sidecar"], "1.75")]
)
def test_a_pod_counts_its_hungriest_moment(order, cores):
    def container(cpu, **more):
        return {"resources": {"limits": {"cpu": cpu}}, **more}

    sidecar = container("250m", restartPolicy="Always")
    spec = {
        "containers": [container("1"), container("500m")],
        "initContainers": [sidecar if name == "sidecar" else container(name) for name in order],
    }
    assert pod_demand(spec)["requests.cpu"] == pod_demand(spec)["limits.cpu"] == Decimal(cores)
