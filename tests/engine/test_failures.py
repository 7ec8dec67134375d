"""Runs that fail: each cause ends with its outcome, its diagnosis and its evidence on disk, before a rollback."""

import asyncio
import stat
from dataclasses import replace

import pytest
import yaml

from console.engine.lease import Terms
from console.engine.releases import read_releases
from console.model.diagnosis import Cause
from console.model.events import StepFailed, StepSkipped
from console.model.outcome import Outcome
from console.model.stack import ExternalSource
from tests.engine.bench import Bench, virtual_deployment
from tests.engine.planning_world import GivenSecrets
from tests.stacks import build_source, config_map, make_service, make_stack, together
from tests.workloads import http, serving, shell, web

SECRET = "postgresql://app:verysecret@127.0.0.1:1/todo"


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


def real(container, replicas=1, **spec):
    """A Deployment whose pods are real processes, as text."""
    body = {"apiVersion": "apps/v1", "kind": "Deployment", **web(container, replicas, **spec)}
    del body["metadata"]["labels"]
    return yaml.safe_dump(body)


def one_service(namespace, text, *more, **service):
    return make_stack([make_service("web", together(text, *more), namespace, **service)], namespace=namespace)


async def test_what_ends_again_and_again_is_not_ready_although_it_seems_to_be(bench, namespace):
    bench.observe(one_service(namespace, real(shell("sleep 0.4; exit 1"))))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.ROLLOUT, verdict
    assert verdict.diagnoses[0].cause is Cause.CRASH_LOOP


async def test_pods_of_before_do_not_fail_a_new_rollout(bench, namespace):
    bench.observe(one_service(namespace, real(shell("exit 3"))))
    assert (await bench.deploy()).outcome is Outcome.ROLLOUT
    bench.declare(one_service(namespace, real(serving(200, readinessProbe=http()))))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.DONE, verdict


async def test_a_service_that_fails_keeps_those_behind_it_from_being_touched(bench, cluster, namespace):
    services = [
        make_service("web", virtual_deployment("web", fail="CreateContainerConfigError"), namespace, timeout=2.0),
        make_service("behind", virtual_deployment("behind"), namespace, after=("web",)),
    ]
    bench.observe(make_stack(services, namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.ROLLOUT, verdict
    assert cluster.find("deployments", "behind") is None
    skipped = {fact.step_id: fact.why for fact in bench.told(StepSkipped)}
    assert skipped["apply:behind"] == "not done, wait:web failed"


async def test_a_failure_goes_back_to_the_last_good_release_after_its_evidence_was_kept(bench, cluster, namespace):
    bench.observe(one_service(namespace, real(serving(200, readinessProbe=http())), config_map("web", A="1")))
    assert (await bench.deploy()).outcome is Outcome.DONE
    broken = one_service(namespace, real(shell("echo last words; exit 3")), config_map("extra", B="2"))
    bench.declare(broken)
    verdict = await bench.deploy(rollback=True)
    assert verdict.outcome is Outcome.ROLLOUT, verdict
    assert verdict.headline.endswith("; rolled back to release 1")
    assert any("last words" in (bench.logs / "run-2" / "evidence" / name).read_text() for name in verdict.evidence)
    assert verdict.diagnoses[0].changed.startswith("release 2: ")
    assert [name for name, _ in verdict.phases][-1] == "rollback"
    deployed = cluster.get("deployments", "web")
    assert deployed["spec"]["template"]["spec"]["containers"][0]["command"][0] == "python"
    assert deployed["status"]["availableReplicas"] == 1
    assert cluster.find("configmaps", "extra") is None
    assert cluster.get("configmaps", "web")["data"] == {"A": "1"}
    releases = await read_releases(bench.world.cluster, "todo", namespace)
    assert [(each.number, each.outcome) for each in releases] == [(3, "done"), (2, "rollout"), (1, "done")]
    assert verdict.release == 3


async def test_without_a_good_release_everything_is_left_as_it_is(bench, cluster, namespace):
    bench.observe(one_service(namespace, real(shell("exit 3"))))
    verdict = await bench.deploy(rollback=True)
    assert verdict.outcome is Outcome.ROLLOUT, verdict
    assert verdict.headline.endswith("no good release to roll back to")
    assert cluster.find("deployments", "web")


async def test_a_rollback_that_is_not_needed_is_left_out(bench, namespace):
    bench.observe(one_service(namespace, virtual_deployment("web")))
    assert (await bench.deploy(rollback=True)).outcome is Outcome.DONE
    assert [(fact.step_id, fact.why) for fact in bench.told(StepSkipped)] == [("rollback", "nothing failed")]


async def test_secrets_are_nowhere_in_what_is_kept_or_told(bench, namespace):
    bench.world.redactor.add("x", "unrelated-value")
    bench.world = replace(bench.world, secrets=GivenSecrets({"DATABASE_URL": SECRET}))
    reads = {
        "env": [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "DATABASE_URL"}}}]
    }
    bench.observe(one_service(namespace, real(shell('echo "cannot reach $DATABASE_URL"; exit 3', **reads))))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.ROLLOUT, verdict
    kept = {file: file.read_text() for file in bench.logs.rglob("*") if file.is_file()}
    assert any("cannot reach •••" in text for text in kept.values())
    everything = [*kept.values(), repr(verdict), *map(repr, bench.facts), repr(await bench.world.journal.runs("todo"))]
    assert not any("verysecret" in text for text in everything)
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}


async def test_a_lost_lock_ends_the_run(bench, cluster, namespace, monkeypatch):
    monkeypatch.setattr("console.engine.opening.TERMS", Terms(renew=0.2))
    bench.observe(one_service(namespace, virtual_deployment("web", ready_after="1h")))
    running = asyncio.create_task(bench.deploy())
    await bench.store.wait_until(lambda view: view.run and view.run.steps["wait:web"].started)
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/stack-console-todo"
    theirs = {"spec": {"holderIdentity": "somebody else"}}
    await asyncio.to_thread(cluster.request, "PATCH", path, theirs, "application/merge-patch+json")
    verdict = await running
    assert verdict.outcome is Outcome.LOCKED
    assert "somebody else" in verdict.headline


async def test_a_cluster_that_goes_out_of_sight_is_waited_for(bench, far_client, line, namespace):
    bench.world = replace(bench.world, cluster=far_client)
    bench.observe(one_service(namespace, virtual_deployment("web", ready_after="2s")))
    running = asyncio.create_task(bench.deploy())
    await bench.store.wait_until(lambda view: view.run and view.run.steps["wait:web"].started)
    await line.cut()
    await bench.store.wait_until(lambda view: view.freshness == "stale")
    await line.mend()
    verdict = await running
    assert verdict.outcome is Outcome.DONE, verdict


async def test_a_cluster_that_stays_out_of_sight_is_what_failed(bench, far_client, line, namespace):
    bench.world = replace(bench.world, cluster=far_client)
    bench.observe(one_service(namespace, virtual_deployment("web", ready_after="1h"), timeout=2.0))
    running = asyncio.create_task(bench.deploy())
    await bench.store.wait_until(lambda view: view.run and view.run.steps["wait:web"].started)
    await line.cut()
    verdict = await running
    await line.mend()
    assert verdict.outcome is Outcome.UNREACHABLE, verdict


# -- images and externals


def built(name, context, namespace, *prepare, **more):
    context.mkdir(exist_ok=True)
    (context / "app.py").write_text("print('hello')")
    (context / "Dockerfile").write_text("FROM scratch\n")
    source = replace(build_source(name, context), prepare=prepare, command=("python", "app.py"))
    return make_service(name, virtual_deployment(name, image=source.name), namespace, build=source, **more)


@pytest.fixture
async def with_registry(bench, sandbox):
    from console.adapters.images.registry import OciRegistry

    registry = OciRegistry(sandbox.status["registry"])
    bench.world = replace(bench.world, registry=registry)
    yield bench
    await registry.close()


async def test_images_are_built_with_live_output_and_pushed_once(with_registry, namespace, tmp_path):
    bench = with_registry
    say = "echo one; echo two; cp app.py $BUNDLE_ROOT/"
    bench.observe(make_stack([built("web", tmp_path / "web", namespace, say)], namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.DONE, verdict
    step = bench.store.view().run.steps
    assert (step["build:web"].lines, step["build:web"].last_line) == (3, "two")
    assert bench.runner.step_log("run-1", "build:web").read_text() == f"$ {say}\none\ntwo\n"
    assert step["push:web"].detail.startswith("pushed")
    assert step["push:web"].progress.done == step["push:web"].progress.total


async def test_what_was_pushed_is_what_runs_and_the_second_deploy_has_nothing_to_do(
    with_registry, cluster, namespace, tmp_path
):
    bench = with_registry
    copy = "cp app.py $BUNDLE_ROOT/"
    bench.observe(make_stack([built("web", tmp_path / "web", namespace, copy)], namespace=namespace))
    first = await bench.plan()
    verdict = await bench.run(first)
    [planned] = first[1].images
    digest = await bench.world.registry.has(planned.source.name, planned.tag)
    pinned = f"{planned.reference}@{digest}"
    assert cluster.get("deployments", "web")["spec"]["template"]["spec"]["containers"][0]["image"] == pinned
    [release] = await read_releases(bench.world.cluster, bench.stack.name, namespace)
    assert release.images == {"web": pinned}
    plan, gathered = await bench.plan()
    assert (plan.empty, gathered.images[0].reference) == (True, pinned), verdict


async def test_a_build_that_fails_ends_the_others_and_changes_nothing(with_registry, cluster, namespace, tmp_path):
    bench = with_registry
    services = [
        built("web", tmp_path / "web", namespace, "echo cannot find it; exit 7"),
        built("slow", tmp_path / "slow", namespace, "sleep 60"),
    ]
    bench.observe(make_stack(services, namespace=namespace))
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.BUILD
    assert "cannot find it" in verdict.headline
    assert verdict.seconds < 20
    assert {fact.step_id for fact in bench.told(StepFailed)} == {"build:web"}
    assert {"build:slow", "push:web", "apply:web"} <= {fact.step_id for fact in bench.told(StepSkipped)}
    assert cluster.find("deployments", "web") is None
    assert verdict.release is None


async def test_an_external_of_our_own_is_started_and_its_address_reaches_the_pods(bench, cluster, namespace):
    database = ExternalSource("database", "postgres", "postgres", "DATABASE_URL", "embedded")
    reads = {
        "env": [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "DATABASE_URL"}}}]
    }
    text = real(shell('case "$DATABASE_URL" in postgres*) sleep 600;; *) exit 3;; esac', **reads))
    stack = make_stack(
        [make_service("web", text, namespace, after=("database",))], externals=[database], namespace=namespace
    )
    bench.observe(stack)
    try:
        verdict = await bench.deploy()
        assert verdict.outcome is Outcome.DONE, verdict
        assert cluster.get("secrets", "postgres")["data"]["DATABASE_URL"]
        assert (await bench.deploy()).headline == "todo on test: nothing to do"
    finally:
        await bench.world.externals.withdraw("database", "postgres")
