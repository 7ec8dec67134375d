"""When a service counts as ready: what a probe has seen serve at once, anything else after it has stayed so."""

from dataclasses import replace

import pytest

from console.engine import waiting
from console.engine.store import Store
from console.engine.waiting import Expected, wait_ready
from console.model.diagnosis import Cause
from console.model.errors import RolloutError
from console.model.events import PodObserved, ProbeObserved, WorkloadObserved
from console.model.plan import ObjectRef
from console.model.workload import ProbeKind, ProbeResult, ProbeSource
from tests.observed import LIVE, READY, START, container, pod, workload

DEPLOYMENT = workload(uid="d")
REPLICA_SET = workload("ReplicaSet", "backend-7c9f", uid="rs", service="", owner_uid="d")
EXPECTED = [Expected(ObjectRef("apps/v1", "Deployment", "todo", "backend"), "d", 1)]


@pytest.fixture(autouse=True)
def never_steady(monkeypatch):
    """Whoever waits for a service to stay ready waits longer than the test does."""
    monkeypatch.setattr(waiting, "STEADY", 1000.0)


async def wait(*pods, facts=()):
    store = Store("todo", "sandbox", "todo", ["backend"], [])
    store.dispatch(WorkloadObserved(DEPLOYMENT), WorkloadObserved(REPLICA_SET), *map(PodObserved, pods), *facts)
    return await wait_ready(store, "backend", EXPECTED, 0.2, lambda causes: None, lambda progress: None)


@pytest.mark.parametrize("probes", [(READY,), (START, LIVE)])
async def test_what_a_probe_has_seen_serve_is_ready_at_once(probes):
    pods = [pod(container(probes=probes), uid=name, service="") for name in "ab"]
    assert await wait(*pods) == "2/2 ready"


@pytest.mark.parametrize("others", [(), (container("aside", probes=(LIVE,)),)])
async def test_a_container_that_nothing_has_seen_serve_has_to_stay(others):
    served = container(probes=(READY,)) if others else container()
    with pytest.raises(RolloutError, match="not ready after"):
        await wait(*(pod(served, *others, uid=name, service="") for name in "ab"))


async def test_how_pods_of_an_earlier_template_serve_proves_nothing():
    older = workload("ReplicaSet", "backend-older", uid="old", service="", owner_uid="d", revision="0")
    served = container(probes=(READY,))
    pods = [pod(served, uid=name, service="", owner_name="backend-older") for name in "ab"]
    with pytest.raises(RolloutError, match="not ready after"):
        await wait(*pods, facts=[WorkloadObserved(older)])


async def test_pods_that_were_not_seen_yet_prove_nothing():
    with pytest.raises(RolloutError, match="not ready after"):
        await wait(pod(container(probes=(READY,)), uid="a", service=""))


async def test_one_that_has_ended_before_has_to_stay_longer(monkeypatch):
    monkeypatch.setattr(waiting, "STEADY", 0.01)
    pods = [pod(container(restarts=restarts), uid=name, service="") for name, restarts in (("a", 0), ("b", 1))]
    assert await wait(pods[0], replace(pods[0], uid="b", name="b")) == "2/2 ready"
    with pytest.raises(RolloutError, match="not ready after"):
        await wait(*pods)


async def test_a_liveness_probe_proves_once_it_could_have_failed_or_the_kubelet_has_counted(monkeypatch):
    monkeypatch.setattr(waiting, "STEADY", 0.01)
    pods = [pod(container(probes=(LIVE,)), uid=name, service="") for name in "ab"]
    with pytest.raises(RolloutError, match="not ready after"):
        await wait(*pods)
    counted = ProbeResult(ProbeKind.LIVENESS, True, 1, 12.0, ProbeSource.METRICS)
    assert await wait(*pods, facts=[ProbeObserved(name, "main", counted) for name in "ab"]) == "2/2 ready"


async def test_one_that_counts_as_ready_and_fails_its_liveness_probe_is_waited_for():
    failing = ProbeResult(ProbeKind.LIVENESS, False, 3, 12.0, ProbeSource.METRICS, "the cache is cold")
    pods = [pod(container(probes=(LIVE,)), uid=name, service="") for name in "ab"]
    with pytest.raises(RolloutError, match="not ready after") as raised:
        await wait(*pods, facts=[ProbeObserved("b", "main", failing)])
    assert [each.cause for each in raised.value.diagnoses] == [Cause.LIVENESS_PROBE]
