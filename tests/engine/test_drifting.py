"""What in the cluster differs from the last release: which field, by whom, since when."""

import time

import pytest

from console.engine.drifting import read_drift
from console.model.errors import PreflightError
from console.model.outcome import Outcome
from tests.engine.bench import Bench, virtual_deployment
from tests.stacks import config_map, make_service, make_stack, together


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


async def test_every_changed_field_is_told_with_its_manager(bench, cluster, namespace):
    web = make_service("web", together(virtual_deployment("web"), config_map("web", A="1", B="1")), namespace)
    bench.observe(make_stack([web], namespace=namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE
    assert await read_drift(bench.stack, bench.world) == ()
    began = time.time()
    cluster.patch("deployments", "web", {"spec": {"replicas": 3}})
    cluster.patch("configmaps", "web", {"data": {"A": "other", "B": None}})
    found = {(str(each.ref), each.field): each for each in await read_drift(bench.stack, bench.world)}
    assert found.keys() == {
        ("deployment/web", "spec.replicas"),
        ("configmap/web", "data.A"),
        ("configmap/web", "data.B"),
    }
    replicas = found["deployment/web", "spec.replicas"]
    assert (replicas.released, replicas.live, replicas.was, replicas.now) == ("2", "3", 2, 3)
    assert replicas.manager == "tests"
    assert replicas.since is not None
    assert replicas.since > began - 2
    gone = found["configmap/web", "data.B"]
    assert (gone.released.strip('"'), gone.live, gone.manager) == ("1", "", "")


async def test_an_object_that_is_gone_is_told(bench, cluster, namespace):
    web = make_service("web", together(virtual_deployment("web"), config_map("web", A="1")), namespace)
    bench.observe(make_stack([web], namespace=namespace))
    await bench.deploy()
    cluster.delete("configmaps", "web")
    [gone] = await read_drift(bench.stack, bench.world)
    assert (str(gone.ref), gone.field, gone.live) == ("configmap/web", "", "gone")


async def test_of_a_stack_that_was_never_deployed_nothing_is_known(bench, namespace):
    bench.observe(make_stack([make_service("web", virtual_deployment("web"), namespace)], namespace=namespace))
    with pytest.raises(PreflightError, match="was not deployed"):
        await read_drift(bench.stack, bench.world)
