"""The API server is killed under a console and a command that are at work, and started again on what it had kept."""

import asyncio
import random
import time
import uuid
from contextlib import aclosing
from pathlib import Path

import pytest

from console.bootstrap import Composition
from console.cli.session import Wanted
from console.model.redaction import Redactor
from console.settings import Settings
from tests.cluster import said_goodbye
from tests.e2e.causes import Ground, Patient
from tests.e2e.command import PATIENCE, Stack, kubeconfig_of, sandboxed
from tests.e2e.test_recovery import late
from tests.engine.conftest import virtual
from tests.outage import BACK_WITHIN, Embedded, all_live, goes_stale, is_back, matches, told_once, until
from tests.workloads import http, serving, shell, web

COUNT = 150
"""Objects that are applied: enough to be killed among them."""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """An environment with a sandbox that may be killed."""
    home = tmp_path_factory.mktemp("outage")
    with sandboxed(home) as made:
        own = made | {"SANDBOX_VIRTUAL_NODES": "10"}
        server = Embedded(Stack("", home, own))
        server.kill()
        server.start()
        yield own


@pytest.fixture
def patient(own, tmp_path):
    name = f"outage-{uuid.uuid4().hex[:6]}"
    (tmp_path / name).mkdir()
    registry = Stack("", tmp_path, own).json("sandbox", "status")["registry"]
    made = Patient(Stack(name, tmp_path / name, own), Ground(kubeconfig_of(own), {"kind": "sandbox"}, registry))
    yield made
    made.cluster.forget(name)


@pytest.fixture
def server(patient):
    return Embedded(patient.stack)


def config(number):
    meta = {"name": f"c-{number}", "labels": {"stack-console/service": "web"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"number": f"{number}"}}


def kill_at_the_first(cluster, server):
    """As soon as one of them is there."""
    next(change for change in cluster.watch("configmaps", timeout=30) if change["object"]["metadata"]["name"] == "c-0")
    server.kill()
    print("killed")


def is_deployed_once(patient, ended):
    assert ended.code == 0, ended.told
    assert ended.document["verdict"]["release"] == 1
    found = patient.cluster.get("deployments", "web")
    assert found["metadata"]["generation"] == 1
    assert found["status"]["availableReplicas"] == 1
    releases = [each for each in patient.cluster.list("secrets") if each["type"] == "stack-console/release.v1"]
    assert len(releases) == 1
    lease = patient.cluster.get("leases", f"stack-console-{patient.stack.name}")
    assert not lease["spec"].get("holderIdentity")


async def test_a_deploy_outlasts_the_end_of_the_api_server_while_objects_are_applied(patient, server):
    patient.write(web(serving(200, readinessProbe=http())), *(config(number) for number in range(COUNT)))
    deploy = asyncio.create_task(patient.deploy())
    await asyncio.to_thread(kill_at_the_first, patient.cluster, server)
    await asyncio.to_thread(server.start)
    ended = await deploy
    assert "lost sight of the cluster" in ended.told
    is_deployed_once(patient, ended)
    assert (
        len([each for each in patient.cluster.list("configmaps") if each["metadata"]["name"].startswith("c-")]) == COUNT
    )


async def test_a_deploy_and_a_console_outlast_it_while_a_service_is_waited_for(patient, server, gate):
    patient.write(web(late(gate)))
    async with patient.console() as terminal, asyncio.TaskGroup() as tasks:
        await terminal.shows("nothing is known to be wrong")
        deploy = tasks.create_task(patient.deploy())
        await gate.reached()
        await terminal.shows("web-")
        await asyncio.to_thread(server.kill)
        await terminal.shows("stale", "connection lost", "web-")
        await patient.says("lost sight of the cluster")
        await asyncio.to_thread(server.start)
        began = time.monotonic()
        await terminal.until(lambda: "stale" not in terminal.text and "live" in terminal.text, BACK_WITHIN)
        print(f"live on the screen after {time.monotonic() - began:.2f} s")
        await patient.says("the cluster is in sight again")
        gate.open()
        ended = await deploy
        await terminal.shows("1/1")
    is_deployed_once(patient, ended)


@pytest.mark.soak
def test_deploys_outlast_it_at_any_moment_once_they_have_begun(patient, server):
    for number in range(20):
        seed = random.SystemRandom().randrange(10**6)
        print(f"seed {seed}")
        patient.write(web(serving(200, readinessProbe=http())), *(config(number + each) for each in range(COUNT)))
        deploy = patient.stack.start("deploy", "{}", "--headless")
        time.sleep(random.Random(seed).uniform(0, 3.0))  # the moment itself is what is under test
        killed_and_started(server)
        said, told = deploy.communicate(timeout=PATIENCE)
        # Before anything is changed, nobody is waited for.
        assert deploy.returncode == 0 or (deploy.returncode == 18 and "apply web" not in told), said + told
        assert patient.stack.run("deploy", "{}", "--headless").returncode == 0
        found = patient.cluster.get("deployments", "web")
        assert (found["metadata"]["generation"], found["status"]["availableReplicas"]) == (1, 1)
        names = {each["metadata"]["name"] for each in patient.cluster.list("configmaps")}
        assert names - {"kube-root-ca.crt"} == {f"c-{number + each}" for each in range(COUNT)}


@pytest.fixture
async def engine(patient, own):
    """A console's engine on the stack, at work, whose namespace is there."""
    patient.write(web(shell("sleep 600")))
    patient.cluster.create("namespaces", {"metadata": {"name": patient.stack.name}})
    settings = Settings(state=Path(own["STACK_CONSOLE_STATE"]), kubeconfig=kubeconfig_of(own))
    made = await Composition(settings, Redactor()).connect(Wanted(str(patient.stack.folder), None), print)
    made.facts = []
    made.store.subscribe(made.facts.append)
    await made.start()
    await until(made.store, all_live)
    yield made
    await made.close()
    await said_goodbye(patient.cluster.server)


async def outlast(engine, patient, server, pods):
    """A watch of many pods, of which a tenth goes as soon as the API server is there again."""
    patient.cluster.create("deployments", virtual(replicas=pods))
    ready = lambda view: len(view.pods) == pods and all(pod.ready for pod in view.pods.values())  # noqa: E731
    await until(engine.store, ready)
    await asyncio.to_thread(server.kill)
    await goes_stale(engine.store)
    await asyncio.to_thread(server.start)
    patient.cluster.patch("deployments", "web", {"spec": {"replicas": pods - pods // 10}})
    print(f"{pods} pods: back after {await is_back(engine.store, patient.cluster):.2f} s")
    await until(engine.store, lambda view: len(view.pods) == pods - pods // 10)
    await until(engine.store, lambda view: matches(view, patient.cluster))
    told_once(engine.facts)
    patient.cluster.delete("deployments", "web")
    await until(engine.store, lambda view: not view.pods)


async def test_a_watch_of_a_hundred_pods_outlasts_it(engine, patient, server):
    await outlast(engine, patient, server, 100)


@pytest.mark.soak
async def test_a_watch_of_a_thousand_pods_outlasts_it_three_times(engine, patient, server):
    for _ in range(3):
        await outlast(engine, patient, server, 1000)


SPEAKS = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo line $i; sleep 0.01; done; sleep 600"


async def test_a_log_that_is_followed_outlasts_it(engine, patient, server):
    patient.cluster.create("deployments", web(shell(SPEAKS)))
    lines = []
    async with asyncio.timeout(60), aclosing(engine.follow_logs()) as chunks:
        killing = None
        async for chunk in chunks:
            lines += chunk.data.decode().splitlines()
            if killing is None and len(lines) > 50:
                killing = asyncio.create_task(asyncio.to_thread(killed_and_started, server))
            if len(lines) >= 500:
                break
    await killing
    assert lines == [f"line {number}" for number in range(1, 501)]


def killed_and_started(server):
    server.kill()
    server.start()
