"""A stack is removed: in order, to the last object, and nothing that is not its own."""

import asyncio
from itertools import takewhile

import pytest

from console.engine import destroy as module
from console.engine.lease import lease_ref
from console.model.events import StepFinished, StepStarted
from console.model.outcome import Outcome
from console.model.plan import ObjectRef
from console.model.run import StepState
from console.model.stack import ExternalSource
from tests.engine.bench import Bench, virtual_deployment
from tests.stacks import config_map, make_service, make_stack, together


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


@pytest.fixture
def stack(namespace):
    services = [
        make_service("front", virtual_deployment("front"), namespace, after=("back",)),
        make_service("back", together(virtual_deployment("back"), config_map("back", A="1")), namespace),
    ]
    return make_stack(services, shared=config_map("shared", B="2"), namespace=namespace)


async def test_everything_of_the_stack_goes_and_nothing_else(bench, stack, cluster, namespace):
    bench.observe(stack)
    await bench.deploy()
    cluster.create("configmaps", {"metadata": {"name": "foreign"}})
    verdict = await bench.destroy()
    assert verdict.outcome is Outcome.DONE, verdict
    assert verdict.headline == "todo on test is removed"
    left = [each["metadata"]["name"] for each in cluster.list("configmaps")]
    assert sorted(left) == ["foreign", "kube-root-ca.crt"]
    assert cluster.list("deployments") == cluster.list("pods") == cluster.list("secrets") == []
    assert await bench.world.cluster.get(lease_ref(namespace, "todo")) is None
    assert verdict.warnings == (f"the namespace {namespace} stays: the stack does not declare it",)


async def test_what_comes_after_others_goes_before_them(bench, stack):
    bench.observe(stack)
    await bench.deploy()
    bench.facts.clear()
    await bench.destroy()
    told = [(type(fact), fact.step_id) for fact in bench.facts if isinstance(fact, StepStarted | StepFinished)]
    assert [step for _, step in told if step in {"stop:front", "stop:back"}][::2] == ["stop:front", "stop:back"]
    assert told.index((StepFinished, "prune:front")) < told.index((StepStarted, "prune:back"))
    assert told[-1] == (StepFinished, "prune")


async def test_pods_are_told_to_stop_once_all_that_need_them_are_stopping_and_drain_together(
    bench, stack, cluster, namespace
):
    bench.observe(stack)
    await bench.deploy()
    before = cluster.get("configmaps", "kube-root-ca.crt")["metadata"]["resourceVersion"]
    # A front pod that takes its time: it stays in its end until it is let go.
    slow = cluster.list("pods", "app=front")[0]["metadata"]["name"]
    cluster.patch("pods", slow, {"metadata": {"finalizers": ["example.com/drains"]}})
    running = asyncio.create_task(bench.destroy())
    await bench.store.wait_until(lambda view: _state(view, "stop:back") is StepState.DONE)
    view = bench.store.view()
    assert _state(view, "prune:front") is StepState.RUNNING
    assert _state(view, "prune:back") is StepState.PENDING
    assert cluster.find("configmaps", "back")
    cluster.patch("pods", slow, {"metadata": {"finalizers": None}})
    assert (await running).outcome is Outcome.DONE
    metas = (change["object"]["metadata"] for change in cluster.watch("pods", since=before))
    stopped = (meta for meta in metas if meta.get("deletionTimestamp"))
    fronts = {meta["name"] for meta in takewhile(lambda meta: meta["labels"]["app"] == "front", stopped)}
    assert len(fronts) == 2


def _state(view, step):
    return view.run.steps[step].state if view.run and step in view.run.steps else None


async def test_a_namespace_that_the_stack_declares_goes_at_the_very_end(bench, outside, tmp_path):
    name = f"own-{abs(hash(str(tmp_path))) % 10**8}"
    declared = f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}"
    stack = make_stack([make_service("web", virtual_deployment("web"), name)], shared=declared, namespace=name)
    bench.observe(stack)
    assert (await bench.deploy()).outcome is Outcome.DONE
    verdict = await bench.destroy()
    assert verdict.outcome is Outcome.DONE, verdict
    assert verdict.warnings == ()
    assert await outside.cluster.get(ObjectRef("v1", "Namespace", "", name)) is None


async def test_what_does_not_go_is_named_with_what_holds_it(bench, stack, cluster, monkeypatch):
    monkeypatch.setattr(module, "GONE_WITHIN", 1.0)
    bench.observe(stack)
    await bench.deploy()
    cluster.patch("configmaps", "back", {"metadata": {"finalizers": ["example.com/keep"]}})
    try:
        verdict = await bench.destroy()
        assert verdict.outcome is Outcome.APPLY
        assert "configmap/back is still there: held by example.com/keep" in verdict.headline
        assert cluster.find("configmaps", "shared")
    finally:
        cluster.patch("configmaps", "back", {"metadata": {"finalizers": None}})
    assert (await bench.destroy()).outcome is Outcome.DONE


async def test_a_stack_that_is_not_there_is_nothing_to_remove(bench, stack):
    bench.observe(stack)
    verdict = await bench.destroy()
    assert (verdict.outcome, verdict.headline) == (Outcome.DONE, "todo on test: nothing was there")


async def test_our_own_externals_end_with_the_stack_and_their_data_stays(bench, namespace):
    database = ExternalSource("database", "postgres", "postgres", "DATABASE_URL", "embedded")
    stack = make_stack(
        [make_service("web", virtual_deployment("web"), namespace)], externals=[database], namespace=namespace
    )
    bench.observe(stack)
    assert (await bench.deploy()).outcome is Outcome.DONE
    assert await bench.world.externals.known("database", "postgres")
    verdict = await bench.destroy()
    assert "the data of database stays on this machine" in verdict.warnings
    assert await bench.world.externals.known("database", "postgres") is None


async def test_a_destroy_that_is_cancelled_says_what_is_left(bench, stack, cluster, namespace):
    bench.observe(stack)
    await bench.deploy()
    cluster.patch("deployments", "back", {"metadata": {"finalizers": ["example.com/keep"]}})
    running = asyncio.create_task(bench.destroy())
    await bench.store.wait_until(
        lambda view: view.run and "prune:back" in view.run.steps and view.run.steps["prune:back"].started
    )
    running.cancel()
    verdict = await running
    cluster.patch("deployments", "back", {"metadata": {"finalizers": None}})
    assert verdict.outcome is Outcome.INTERRUPTED
    assert verdict.headline == "interrupted: done: stop:front, stop:back, prune:front; left: prune:back, prune"
    lease = await bench.world.cluster.get(lease_ref(namespace, "todo"))
    assert not lease["spec"].get("holderIdentity")
