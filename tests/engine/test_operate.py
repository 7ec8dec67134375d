"""Operations on a deployed stack: each makes a release, waits for its outcome, and can be undone."""

import asyncio
import json

import pytest
import yaml

from console.engine.operate import gather_operation, plan_operation
from console.engine.releases import read_releases
from console.model.errors import PreflightError, UsageError
from console.model.events import RunPaused
from console.model.operations import Configure, Restart, RollBack, Scale, Start, Stop
from console.model.outcome import Outcome
from console.model.plan import ObjectRef
from console.model.run import StepState
from tests.engine.bench import Bench, virtual_deployment
from tests.engine.test_deploy import AUTOSCALER
from tests.stacks import config_map, make_service, make_stack, together

READS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sandbox/fails-when: "MODE=broken"}}
    spec:
      tolerations: [{operator: Exists}]
      nodeSelector: {type: virtual}
      containers:
        - name: main
          image: busybox
          envFrom: [{configMapRef: {name: web}}]
          readinessProbe: {httpGet: {path: /, port: 8000}}
"""


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


def web(namespace, *more, **life):
    return make_service("web", together(virtual_deployment("web", **life), *more), namespace)


def uids(cluster):
    return {pod["metadata"]["uid"] for pod in cluster.list("pods") if "deletionTimestamp" not in pod["metadata"]}


async def deployed(bench, namespace, *services):
    bench.observe(make_stack(services, namespace=namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE


async def test_a_service_gets_as_many_pods_as_were_asked_for_and_back_again(bench, cluster, namespace):
    await deployed(bench, namespace, web(namespace))
    verdict = await bench.operate(Scale({"web": 5}))
    assert (verdict.outcome, verdict.headline) == (Outcome.DONE, "todo on test: web scaled to 5: release 2")
    assert cluster.get("deployments", "web")["status"]["availableReplicas"] == 5
    assert (await bench.operate(RollBack(1))).outcome is Outcome.DONE
    assert cluster.get("deployments", "web")["status"]["availableReplicas"] == 2
    assert len(uids(cluster)) == 2


async def test_where_an_autoscaler_rules_its_bounds_are_moved_and_given_back(bench, cluster, namespace):
    await deployed(bench, namespace, web(namespace, AUTOSCALER))
    assert (await bench.operate(Scale({"web": 8}))).outcome is Outcome.DONE
    spec = cluster.get("horizontalpodautoscalers", "web")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (8, 8)
    assert cluster.get("deployments", "web")["status"]["availableReplicas"] == 8
    assert (await bench.operate(RollBack(1))).outcome is Outcome.DONE
    spec = cluster.get("horizontalpodautoscalers", "web")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 6)


async def test_a_quota_that_allows_no_more_is_told_before_anything_is_changed(bench, cluster, namespace):
    await deployed(bench, namespace, web(namespace))
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "3"}}}
    cluster.create("resourcequotas", quota)
    verdict = await bench.operate(Scale({"web": 9}))
    assert verdict.outcome is Outcome.PREFLIGHT
    assert "few" in verdict.headline
    assert cluster.get("deployments", "web")["spec"]["replicas"] == 2


async def test_room_on_the_nodes_is_told_before_more_pods_are_asked_for(bench, namespace):
    hungry = yaml.safe_load(virtual_deployment("web", replicas=0))
    hungry["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "5000"}}
    await deployed(bench, namespace, make_service("web", yaml.safe_dump(hungry), namespace))
    gathered = await gather_operation(bench.stack, bench.world, Scale({"web": 2}))
    [row] = [check for check in gathered.checks if check.name == "nodes"]
    assert (row.ok, row.detail) == (None, "room for 0 of 2 more pods of deployment/web; the others lack cpu")


async def test_a_restart_makes_every_pod_anew_and_the_next_deploy_leaves_them(bench, cluster, namespace):
    await deployed(bench, namespace, web(namespace), make_service("api", virtual_deployment("api"), namespace))
    before = uids(cluster)
    verdict = await bench.operate(Restart(("web",)))
    assert verdict.headline == "todo on test: web restarted: release 2"
    after = uids(cluster)
    assert len(before & after) == 2
    assert (await bench.deploy()).headline == "todo on test: nothing to do"
    assert (await bench.operate(RollBack(1))).outcome is Outcome.DONE
    assert uids(cluster) == after


async def test_what_others_changed_stays_as_it_is(bench, cluster, namespace):
    await deployed(bench, namespace, web(namespace), make_service("api", virtual_deployment("api"), namespace))
    for name in ("web", "api"):
        cluster.patch("deployments", name, {"spec": {"minReadySeconds": 0, "revisionHistoryLimit": 3}})
        cluster.patch("deployments", name, {"spec": {"replicas": 3}})
    assert (await bench.operate(Restart(("web",)))).outcome is Outcome.DONE
    assert [cluster.get("deployments", name)["spec"]["replicas"] for name in ("web", "api")] == [3, 3]


async def test_a_changed_value_comes_to_those_who_read_it_and_to_nobody_else(bench, cluster, namespace):
    reader = make_service("web", together(READS, config_map("web", MODE="fine")), namespace)
    await deployed(bench, namespace, reader, make_service("api", virtual_deployment("api"), namespace))
    before = uids(cluster)
    ref = ObjectRef("v1", "ConfigMap", namespace, "web")
    assert (await bench.operate(Configure(ref, {"MODE": "better"}))).outcome is Outcome.DONE
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "better"}
    assert len(before & uids(cluster)) == 2
    assert len(before ^ uids(cluster)) == 2


async def test_everything_stops_and_starts_with_what_it_had(bench, cluster, namespace):
    first = make_service("api", virtual_deployment("api", replicas=1), namespace)
    await deployed(
        bench,
        namespace,
        first,
        make_service("web", together(virtual_deployment("web"), AUTOSCALER), namespace, after=["api"]),
    )
    verdict = await bench.operate(Stop())
    assert verdict.headline == "todo on test: stopped: release 2"
    assert cluster.list("pods") == []
    steps = [step.id for step in bench.store.view().run.plan.steps if step.id.startswith("apply")]
    assert steps == ["apply:web", "apply:api"]
    assert (await bench.operate(Start())).outcome is Outcome.DONE
    assert cluster.get("deployments", "api")["status"]["availableReplicas"] == 1
    assert cluster.get("deployments", "web")["status"]["availableReplicas"] == 3
    assert (await bench.deploy()).headline == "todo on test: nothing to do"


async def test_a_deploy_starts_what_was_stopped(bench, cluster, namespace):
    await deployed(bench, namespace, web(namespace, AUTOSCALER))
    await bench.operate(Stop())
    assert (await bench.deploy()).outcome is Outcome.DONE
    assert cluster.get("deployments", "web")["status"]["availableReplicas"] == 3


async def test_back_over_three_releases_is_exactly_the_old_state(bench, cluster, namespace, near_client):
    old = [web(namespace, config_map("web", A="1")), make_service("old", virtual_deployment("old"), namespace)]
    await deployed(bench, namespace, *old)

    def state():
        kinds = ("deployments", "configmaps", "services")
        found = {kind: {each["metadata"]["name"]: each for each in cluster.list(kind)} for kind in kinds}
        return {
            kind: {name: each.get("spec", each.get("data")) for name, each in found[kind].items()} for kind in kinds
        }

    before = state()
    new = make_service("new", together(virtual_deployment("new"), config_map("new", B="2")), namespace)
    for more in ([*old, new], [old[0], new], [web(namespace, config_map("web", A="2")), new]):
        bench.declare(make_stack(more, namespace=namespace))
        assert (await bench.deploy()).outcome is Outcome.DONE
    assert "old" not in state()["deployments"]
    verdict = await bench.operate(RollBack(1))
    assert verdict.headline == "todo on test: rolled back to release 1: release 5"
    assert json.dumps(state(), sort_keys=True) == json.dumps(before, sort_keys=True)
    newest = (await read_releases(near_client, "todo", namespace))[0]
    assert (newest.number, newest.kind, newest.about) == (5, "rollback", "rolled back to release 1")


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Scale({"wbe": 3}), "no service 'wbe'"),
        (Scale({"web": -1}), "between 0 and"),
        (RollBack(9), "there is no release 9"),
        (Restart(("nothing",)), "no service 'nothing'"),
    ],
)
async def test_what_makes_no_sense_is_refused(bench, namespace, operation, words):
    await deployed(bench, namespace, web(namespace))
    with pytest.raises(UsageError, match=words):
        await bench.operate(operation)


async def test_a_stack_that_was_never_deployed_is_told_so(bench, namespace):
    bench.observe(make_stack([web(namespace)], namespace=namespace))
    with pytest.raises(PreflightError, match="was not deployed there"):
        await bench.operate(Restart())


async def test_a_paused_restart_holds_before_the_next_service_and_goes_on(bench, cluster, namespace):
    first = make_service("api", virtual_deployment("api", replicas=1), namespace)
    await deployed(bench, namespace, first, make_service("web", virtual_deployment("web"), namespace, after=["api"]))
    before = uids(cluster)

    def begun(view):
        return view.run and view.run.kind == "restart" and view.run.steps["apply:api"].started is not None

    restarted = asyncio.create_task(bench.operate(Restart()), name="restart")
    await bench.store.wait_until(begun)
    bench.runner.pause("run-2", paused=True)
    await bench.store.wait_until(lambda view: view.run.steps["wait:api"].state is StepState.DONE)
    run = bench.store.view().run
    assert (run.paused, run.steps["apply:web"].state) == (True, StepState.PENDING)
    assert len(before & uids(cluster)) == 2, "the pods of the next service are as they were"
    bench.runner.pause("run-2", paused=False)
    assert (await restarted).outcome is Outcome.DONE
    assert not before & uids(cluster)
    assert [fact.paused for fact in bench.told(RunPaused)] == [True, False]


async def test_a_paused_run_is_cancelled_cleanly_and_says_what_was_reached(bench, cluster, namespace):
    first = make_service("api", virtual_deployment("api", replicas=1), namespace)
    await deployed(bench, namespace, first, make_service("web", virtual_deployment("web"), namespace, after=["api"]))
    restarted = asyncio.create_task(bench.operate(Restart()), name="restart")
    await bench.store.wait_until(lambda view: view.run.kind == "restart" and view.run.steps["apply:api"].started)
    bench.runner.pause("run-2", paused=True)
    await bench.store.wait_until(lambda view: view.run.steps["wait:api"].state is StepState.DONE)
    restarted.cancel()
    verdict = await restarted
    assert verdict.outcome is Outcome.INTERRUPTED
    assert verdict.headline == "interrupted: done: apply:api, wait:api; left: apply:web, wait:web, record"
    assert not bench.store.view().run.paused


async def test_of_two_at_once_the_second_has_to_look_again(bench, cluster, namespace):
    data = config_map("web", A="1", B="1")
    await deployed(bench, namespace, make_service("web", together(READS, data), namespace))
    ref = ObjectRef("v1", "ConfigMap", namespace, "web")
    mine = Configure(ref, {"A": "mine"})
    planned = await gather_operation(bench.stack, bench.world, mine)
    assert (await bench.operate(Configure(ref, {"B": "theirs"}))).outcome is Outcome.DONE
    verdict = await bench.run((plan_operation(planned, mine, bench.world), planned), drift="keep")
    assert verdict.outcome is Outcome.APPLY
    assert "release 2 was made by" in verdict.headline
    assert cluster.get("configmaps", "web")["data"] == {"A": "1", "B": "theirs"}
    assert (await bench.operate(mine)).outcome is Outcome.DONE
    assert cluster.get("configmaps", "web")["data"] == {"A": "mine", "B": "theirs"}
