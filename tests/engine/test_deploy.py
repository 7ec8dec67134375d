"""A plan is carried out against a real API server, by the rules, to one verdict."""

import asyncio
import json

import pytest

from console.engine.releases import read_releases
from console.model.events import RunFinished, RunStarted, StepFinished, StepSkipped, StepStarted
from console.model.outcome import Outcome
from console.model.plan import ObjectRef
from console.model.stack import RELEASE_ANNOTATION
from tests.engine.bench import Bench, virtual_deployment
from tests.stacks import config_map, make_service, make_stack, together


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


def web(namespace, *more, **life):
    return make_service("web", together(virtual_deployment("web", **life), *more), namespace)


async def test_a_new_stack_is_applied_waited_for_and_recorded(bench, cluster, namespace):
    bench.observe(make_stack([web(namespace, config_map("web", A="1"))], namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.DONE, verdict
    assert verdict.release == 1
    assert verdict.headline == "todo on test is deployed: release 1"
    assert [name for name, _ in verdict.phases] == ["preflight", "apply", "wait", "record"]
    deployed = cluster.get("deployments", "web")
    assert deployed["status"]["availableReplicas"] == 2
    assert deployed["metadata"]["annotations"][RELEASE_ANNOTATION] == "1"
    assert RELEASE_ANNOTATION not in json.dumps(deployed["spec"]["template"])


async def test_a_second_deploy_has_nothing_to_do(bench, namespace):
    bench.observe(make_stack([web(namespace)], namespace=namespace))
    await bench.deploy()
    verdict = await bench.deploy()
    assert (verdict.outcome, verdict.headline, verdict.release) == (Outcome.DONE, "todo on test is as it should be", None)
