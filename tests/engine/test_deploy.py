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
    assert verdict.outcome is Outcome.DONE
    assert verdict.headline == "todo on test: nothing to do"
    assert verdict.release is None
    assert [name for name, _ in verdict.phases] == ["preflight"]


AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 3, maxReplicas: 6}
"""


def _owners_of_replicas(body):
    entries = body["metadata"]["managedFields"]
    return {each["manager"] for each in entries if "f:replicas" in each["fieldsV1"].get("f:spec", {})}


async def test_an_autoscaled_workload_begins_with_its_least_and_is_the_autoscalers_from_then_on(
    bench, cluster, namespace
):
    bench.observe(make_stack([web(namespace, AUTOSCALER)], namespace=namespace))
    before = cluster.get("configmaps", "kube-root-ca.crt")["metadata"]["resourceVersion"]
    assert (await bench.deploy()).outcome is Outcome.DONE
    first = next(cluster.watch("deployments", name="web", since=before))
    assert (first["type"], first["object"]["spec"]["replicas"]) == ("ADDED", 3)
    deployed = cluster.get("deployments", "web")
    assert deployed["spec"]["replicas"] == 3
    assert "stack-console" not in _owners_of_replicas(deployed)
    assert (await bench.deploy()).headline == "todo on test: nothing to do"
    cluster.patch("deployments", "web", {"spec": {"replicas": 5}})
    verdict = await bench.deploy()
    assert (verdict.outcome, verdict.release) == (Outcome.DONE, None)
    assert cluster.get("deployments", "web")["spec"]["replicas"] == 5


async def test_services_come_one_behind_the_other_as_they_need_it(bench, namespace):
    services = [
        make_service("front", virtual_deployment("front"), namespace, after=("back",)),
        make_service("back", virtual_deployment("back", ready_after="500ms"), namespace),
        make_service("aside", virtual_deployment("aside"), namespace),
    ]
    bench.observe(make_stack(services, namespace=namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE
    course = [(type(fact), fact.step_id) for fact in bench.facts if isinstance(fact, StepStarted | StepFinished)]
    assert course.index((StepFinished, "wait:back")) < course.index((StepStarted, "apply:front"))
    assert course.index((StepStarted, "wait:aside")) < course.index((StepFinished, "wait:back"))


async def test_a_namespace_that_is_not_there_is_made_first_also_by_two_at_once(bench, outside, tmp_path, tasks):
    namespace = f"fresh-{tmp_path.name[-20:].replace('_', '-').lower()}".strip("-")
    stack = make_stack([web(namespace)], namespace=namespace)
    bench.observe(stack)
    plans = [await bench.plan(), await bench.plan()]
    try:
        verdicts = await asyncio.gather(*(bench.run(plan) for plan in plans))
        assert sorted(verdict.outcome.word for verdict in verdicts) == ["done", "locked"]
        assert (await bench.run(plans[0])).outcome is Outcome.APPLY
    finally:
        await outside.cluster.delete(ObjectRef("v1", "Namespace", "", namespace))


async def test_a_new_namespace_is_told_once(bench, outside, tmp_path):
    namespace = f"told-{tmp_path.parent.name.replace('_', '-').lower()}-{id(bench)}"
    declared = f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"
    bench.observe(make_stack([web(namespace)], shared=declared, namespace=namespace))
    try:
        assert (await bench.deploy()).outcome is Outcome.DONE
        text = "".join(file.read_text() for file in (tmp_path / "runs").rglob("*.log"))
        assert text.count(f"namespace/{namespace} created") == 1
    finally:
        await outside.cluster.delete(ObjectRef("v1", "Namespace", "", namespace))


async def test_what_is_declared_no_more_is_removed_and_nothing_else(bench, cluster, namespace):
    extra = make_service("extra", together(virtual_deployment("extra"), config_map("extra", A="1")), namespace)
    bench.observe(make_stack([web(namespace), extra], namespace=namespace))
    await bench.deploy()
    cluster.create("configmaps", {"metadata": {"name": "foreign"}})
    bench.declare(make_stack([web(namespace)], namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.DONE
    assert cluster.find("deployments", "extra") is None
    assert cluster.find("configmaps", "extra") is None
    assert cluster.find("configmaps", "foreign")
    assert cluster.find("deployments", "web")


async def test_what_was_made_anew_since_the_plan_is_not_removed(bench, cluster, namespace):
    bench.observe(make_stack([web(namespace, config_map("old", A="1"))], namespace=namespace))
    await bench.deploy()
    bench.declare(make_stack([web(namespace)], namespace=namespace))
    made = await bench.plan()
    cluster.delete("configmaps", "old")
    cluster.create("configmaps", {"metadata": {"name": "old"}, "data": {"B": "2"}})
    verdict = await bench.run(made)
    assert verdict.outcome is Outcome.DONE
    assert cluster.get("configmaps", "old")["data"] == {"B": "2"}
    assert verdict.warnings == ("configmap/old was made anew since the plan was made: it stays",)


async def test_a_failed_check_ends_it_before_anything_is_changed(bench, cluster, namespace):
    reads = virtual_deployment("web").replace(
        "readinessProbe:", "envFrom: [{configMapRef: {name: gone}}]\n        readinessProbe:"
    )
    bench.observe(make_stack([make_service("web", reads, namespace)], namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.PREFLIGHT
    assert "configmap/gone" in verdict.headline
    assert "nothing was changed" in verdict.headline
    assert cluster.find("deployments", "web") is None
    assert {fact.step_id for fact in bench.told(StepSkipped)} >= {"apply:web", "wait:web", "record"}


async def test_a_plan_that_is_not_true_any_more_is_not_carried_out(bench, cluster, namespace):
    bench.observe(make_stack([web(namespace, config_map("web", A="1"))], namespace=namespace))
    await bench.deploy()
    bench.declare(make_stack([web(namespace, config_map("web", A="2"))], namespace=namespace))
    made = await bench.plan()
    cluster.patch("configmaps", "web", {"data": {"A": "3"}})
    verdict = await bench.run(made)
    assert verdict.outcome is Outcome.APPLY
    assert "changed since the plan was made: configmap/web data.A" in verdict.headline
    assert cluster.get("configmaps", "web")["data"] == {"A": "3"}


@pytest.mark.parametrize(("drift", "replicas"), [("keep", 3), ("overwrite", 2)])
async def test_what_others_changed_is_kept_or_overwritten_as_asked(bench, cluster, namespace, drift, replicas):
    bench.observe(make_stack([web(namespace, config_map("web", A="1"))], namespace=namespace))
    await bench.deploy()
    cluster.patch("deployments", "web", {"spec": {"replicas": 3}})
    bench.declare(make_stack([web(namespace, config_map("web", A="2"), ready_after="10ms")], namespace=namespace))
    refused = await bench.deploy()
    assert refused.outcome is Outcome.APPLY
    assert "deployment/web spec.replicas" in refused.headline
    assert "--drift keep" in refused.next_step
    verdict = await bench.deploy(drift=drift)
    assert verdict.outcome is Outcome.DONE, verdict
    deployed = cluster.get("deployments", "web")
    assert deployed["spec"]["replicas"] == replicas
    assert deployed["spec"]["template"]["metadata"]["annotations"]["sandbox/ready-after"] == "10ms"


async def test_a_field_that_cannot_be_changed_is_explained(bench, namespace):
    bench.observe(make_stack([web(namespace)], namespace=namespace))
    await bench.deploy()
    changed = virtual_deployment("web").replace("app: web", "app: other")
    bench.declare(make_stack([make_service("web", changed, namespace)], namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome in (Outcome.PREFLIGHT, Outcome.APPLY)
    assert "immutable" in verdict.headline


async def test_a_cancelled_run_says_how_far_it_came_and_goes_on_next_time(bench, cluster, namespace):
    services = [
        make_service("web", virtual_deployment("web", ready_after="1h"), namespace),
        make_service("late", virtual_deployment("late"), namespace, after=("web",)),
    ]
    bench.observe(make_stack(services, namespace=namespace))
    running = asyncio.create_task(bench.deploy())
    await asyncio.to_thread(cluster.until, "deployments", "web", lambda found: found)
    await bench.store.wait_until(lambda view: view.run and view.run.steps["wait:web"].started)
    running.cancel()
    verdict = await running
    assert verdict.outcome is Outcome.INTERRUPTED
    assert verdict.headline == "interrupted: done: apply:web; left: wait:web, apply:late, wait:late, record"
    assert verdict.next_step.startswith("stack-console deploy todo")
    assert verdict.release == 1
    services[0] = make_service("web", virtual_deployment("web"), namespace)
    bench.declare(make_stack(services, namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.DONE, verdict
    releases = await read_releases(bench.world.cluster, "todo", namespace)
    assert [(each.number, each.outcome) for each in releases] == [(2, "done"), (1, "interrupted")]


@pytest.mark.parametrize("turns", [0, 1, 2, 5, 20])
async def test_whenever_it_is_cancelled_and_however_often_there_is_one_verdict(bench, namespace, turns):
    bench.observe(make_stack([web(namespace, ready_after="1h")], namespace=namespace))
    made = await bench.plan()
    running = asyncio.create_task(bench.run(made))
    await bench.store.wait_until(lambda view: view.run)
    while not running.done():
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.sleep(0)
    assert running.result().outcome is Outcome.INTERRUPTED
    assert len(bench.told(RunFinished)) == 1


async def test_a_run_is_in_the_journal_from_its_beginning_to_its_end(bench, namespace):
    bench.observe(make_stack([web(namespace)], namespace=namespace))
    verdict = await bench.deploy()
    (run,) = await bench.world.journal.runs("todo")
    assert (run.run_id, run.outcome, run.release, run.phases) == ("run-1", "done", 1, verdict.phases)
    seconds = await bench.world.journal.step_seconds("todo", "test")
    assert set(seconds) == {"preflight", "apply:web", "wait:web", "record"}
    assert [len(bench.told(kind)) for kind in (RunStarted, RunFinished)] == [1, 1]


async def test_a_bug_of_ours_ends_with_a_verdict_as_well(bench, namespace, monkeypatch):
    bench.observe(make_stack([web(namespace)], namespace=namespace))
    made = await bench.plan()
    monkeypatch.setattr("console.engine.attempt.apply_changes", None)
    with pytest.raises(TypeError):
        await bench.run(made)
    (finished,) = bench.told(RunFinished)
    assert finished.verdict.outcome is Outcome.BUG
