"""Watching over a real wire: what is lost comes back by itself, and nothing is missed."""

import asyncio
import time

import pytest
import yaml

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine import watch as module
from console.engine.watch import BackOff, keep_watching
from console.model.events import Denied, Relisted, WatchLost
from console.model.state import Freshness
from tests.engine.conftest import virtual


@pytest.fixture
def observe(tasks, store, namespace):
    """Begins to watch a resource of the namespace for the store."""

    def begin(client, *resources):
        for resource in resources:
            work = keep_watching(client, resource, namespace, store.dispatch, time.time)
            tasks.start(f"watch {resource}", work)

    return begin


def live(view):
    return view if view.freshness is Freshness.LIVE else None


async def until(store, holds):
    async with asyncio.timeout(20):
        return await store.wait_until(holds)


async def test_what_is_there_and_what_comes_is_in_the_store(near_client, cluster, observe, store):
    cluster.create("deployments", virtual())
    observe(near_client, "pods", "deployments", "replicasets")
    view = await until(store, lambda view: view if view.services[0].state == "ready" else None)
    assert (view.services[0].ready, view.services[0].desired) == (2, 2)
    assert {pod.service for pod in view.pods.values()} == {"web"}
    cluster.patch("deployments", "web", {"spec": {"replicas": 3}})
    await until(store, lambda view: view.services[0].ready == 3)
    cluster.delete("deployments", "web", propagationPolicy="Background")
    await until(store, lambda view: not view.pods and not view.workloads)


async def test_a_wire_that_breaks_is_told_once_and_mended_by_itself(far_client, line, cluster, observe, store):
    cluster.create("deployments", virtual())
    heard = []
    store.subscribe(lambda fact: heard.append(fact) if isinstance(fact, WatchLost | Relisted) else None)
    observe(far_client, "pods")
    before = await until(store, lambda view: live(view) if len(view.pods) == 2 else None)
    known = set(before.pods)
    await line.cut()
    view = await until(store, lambda view: view if view.freshness is Freshness.STALE else None)
    assert set(view.pods) == known
    # Meanwhile the world goes on.
    gone = cluster.list("pods")[0]
    cluster.delete("pods", gone["metadata"]["name"])
    cluster.until_pods(lambda pods: len(pods) == 2 and gone["metadata"]["uid"] not in _uids(pods))
    await asyncio.sleep(2 * module.FIRST)  # more than one try in vain
    await line.mend()
    view = await until(store, live)
    assert set(view.pods) == _uids(cluster.list("pods"))
    assert [type(fact) for fact in heard if isinstance(fact, Relisted)] == [Relisted, Relisted]
    reasons = [fact.why.partition(":")[0] for fact in heard if isinstance(fact, WatchLost)]
    assert reasons[-1] == "the API server cannot be reached"
    assert len(reasons) == len(set(reasons)) <= 2


def _uids(pods):
    return {pod["metadata"]["uid"] for pod in pods}


async def test_what_is_forbidden_is_told_with_the_right_and_tried_again(
    cluster, sandbox, tmp_path, observe, store, monkeypatch
):
    monkeypatch.setattr(module, "SELDOM", 0.05)
    cluster.create("serviceaccounts", {"metadata": {"name": "visitor"}})
    token = cluster.request("POST", f"{cluster.path('serviceaccounts', 'visitor')}/token", {"spec": {}})
    config = yaml.safe_load(sandbox.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token["status"]["token"]}
    (tmp_path / "visitor").write_text(yaml.safe_dump(config))
    client = KubernetesCluster(await open_transport([tmp_path / "visitor"], "sandbox"), "sandbox")
    told = []
    store.subscribe(lambda fact: told.append(fact) if isinstance(fact, Denied) else None)
    observe(client, "pods")
    await until(store, lambda view: view.freshness is Freshness.DENIED)
    role = {"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"}
    subject = {"kind": "ServiceAccount", "name": "visitor", "namespace": cluster.namespace}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/rolebindings"
    cluster.request("POST", path, {"metadata": {"name": "visitor"}, "roleRef": role, "subjects": [subject]})
    await until(store, live)
    assert [fact.right for fact in told] == [f"list pods in {cluster.namespace}"]
    await client.close()
    await asyncio.sleep(0)


def test_pauses_grow_to_a_limit_and_begin_anew():
    back_off = BackOff()
    pauses = [back_off.pause() for _ in range(12)]
    assert module.FIRST / 2 <= pauses[0] <= module.FIRST
    assert module.LONGEST / 2 <= pauses[-1] <= module.LONGEST
    assert back_off.tries == 12
    back_off.reset()
    assert back_off.pause() <= module.FIRST
