"""One stack observed: its pods, its externals, its releases, and why something is not well."""

import asyncio
from dataclasses import replace

from console.engine.observe import Observer
from console.engine.releases import write_release
from console.engine.store import Store
from console.model.diagnosis import Cause
from console.model.release import Release
from console.model.stack import ExternalSource
from console.model.state import ServiceState
from tests.engine.conftest import virtual
from tests.stacks import make_service, make_stack

DATABASE = ExternalSource("database", "postgres", "postgres", "DATABASE_URL")
URL = "postgresql://app:correct-horse@127.0.0.1:1/todo"


def stack_of(namespace, **more):
    return make_stack([make_service("web", DEPLOYMENT, namespace, after=("database",))], namespace=namespace, **more)


DEPLOYMENT = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {}}"


def begin(outside, store, tasks, stack):
    Observer(outside, store, stack).start(tasks)


async def until(store, holds):
    async with asyncio.timeout(20):
        return await store.wait_until(holds)


async def test_a_service_is_followed_from_absent_to_ready(outside, cluster, store, tasks):
    begin(outside, store, tasks, stack_of(cluster.namespace))
    await until(store, lambda view: view.services[0].state is ServiceState.ABSENT)
    cluster.create("deployments", virtual(**{"ready-after": "300ms"}))
    await until(store, lambda view: view.services[0].state is ServiceState.STARTING)
    view = await until(store, lambda view: view if view.services[0].state is ServiceState.READY else None)
    assert (view.services[0].ready, view.diagnoses) == (2, ())


async def test_pods_that_fail_are_one_diagnosis(outside, cluster, store, tasks):
    begin(outside, store, tasks, stack_of(cluster.namespace))
    cluster.create("deployments", virtual(fail="ImagePullBackOff"))
    view = await until(store, lambda view: view if view.services[0].state is ServiceState.FAILING else None)
    [found] = view.diagnoses
    assert (found.cause, found.service) == (Cause.IMAGE_UNPULLABLE, "web")


async def test_a_quota_is_told_of_the_deployment(outside, cluster, store, tasks):
    cluster.create("resourcequotas", {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})
    begin(outside, store, tasks, stack_of(cluster.namespace))
    cluster.create("deployments", virtual())
    view = await until(store, lambda view: view if view.diagnoses else None)
    found = (await until(store, lambda view: [each for each in view.diagnoses if each.cause is Cause.QUOTA]))[0]
    assert (found.terminal, found.subject) == (True, "deployment/web")
    assert "exceeded quota: few" in found.evidence
    assert view.namespace == cluster.namespace


async def test_a_pod_that_no_node_takes_says_what_is_short(outside, cluster, store, tasks):
    begin(outside, store, tasks, stack_of(cluster.namespace))
    huge = virtual(replicas=1)
    huge["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "5000"}}
    cluster.create("deployments", huge)
    found = await until(store, lambda view: next((each for each in view.diagnoses if each.terminal), None))
    assert found.cause is Cause.UNSCHEDULABLE
    assert found.summary == "no node is large enough: it asks for 5000 cpu, the largest has 1000"
    assert "Insufficient cpu" in found.evidence


async def test_an_external_is_checked_by_the_url_that_pods_use(outside, cluster, tasks):
    stack = stack_of(cluster.namespace, externals=[DATABASE])
    store = Store("todo", "test", cluster.namespace, ["web"], [("database", "postgres")])
    begin(outside, store, tasks, stack)
    view = await until(store, lambda view: view if view.externals[0].at else None)
    assert view.externals[0].ok is None
    cluster.create("secrets", {"metadata": {"name": "postgres"}, "stringData": {"DATABASE_URL": URL}})
    view = await until(store, lambda view: view if view.externals[0].ok is False else None)
    assert "correct-horse" not in view.externals[0].detail
    assert [each.subject for each in view.diagnoses] == ["external/database"]
    assert "correct-horse" not in outside.redactor.text(f"connecting to {URL}")


async def test_the_newest_release_and_what_it_changed_is_known(outside, cluster, store, tasks):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"A": "1", "B": "2"}}
    body["metadata"] = {"name": "web", "namespace": cluster.namespace, "labels": {"stack-console/service": "web"}}
    first = Release(1, "todo", "test", 10.0, "me", "done", {}, (body,), "00")
    second = replace(first, number=2, at=20.0, objects=(body | {"data": {"A": "1"}},))
    for release in (first, second):
        await write_release(outside.cluster, release, cluster.namespace)
    cluster.create("deployments", virtual(fail="CrashLoopBackOff"))
    begin(outside, store, tasks, stack_of(cluster.namespace))
    view = await until(store, lambda view: view if any(each.changed for each in view.diagnoses) else None)
    assert view.release.number == 2
    assert view.diagnoses[0].changed == "release 2: ConfigMap web lost data.B"


async def test_nothing_goes_on_after_the_end(outside, store, tasks, namespace):
    before = asyncio.all_tasks()
    begin(outside, store, tasks, stack_of(namespace))
    await until(store, lambda view: view.services[0].state is ServiceState.ABSENT)
    await tasks.close()
    assert asyncio.all_tasks() == before
