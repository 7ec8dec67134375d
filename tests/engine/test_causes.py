"""Finer points of causes, provoked for real; each cause itself is proven from end to end, in tests/e2e."""

import asyncio
import time

import pytest

from console.engine.observe import Observer
from console.model.diagnosis import Cause
from console.model.workload import ProbeKind, ProbeSource
from tests.stacks import make_service, make_stack
from tests.workloads import http, serving, shell, web

DEPLOYMENT = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {}}"


@pytest.fixture
async def observed(outside, cluster, store, tasks):
    Observer(
        outside, store, make_stack([make_service("web", DEPLOYMENT, cluster.namespace)], namespace=cluster.namespace)
    ).start(tasks)
    await store.wait_until(lambda view: view.services[0].state == "absent")
    return store


async def diagnosed(store, cause, *, terminal=None):
    """The diagnosis, once there is one of that cause (and as certain as it is asked for)."""

    def holds(view):
        found = (each for each in view.diagnoses if each.cause is cause)
        return next((each for each in found if terminal is None or each.terminal is terminal), None)

    try:
        async with asyncio.timeout(20):
            return await store.wait_until(holds)
    except TimeoutError:
        view = store.view()
        raise AssertionError(f"{view.diagnoses}\n{view.pods}\n{list(view.events.values())}") from None


async def test_a_command_that_a_shell_does_not_find_is_named_once_its_words_are_heard(observed, cluster):
    cluster.create("deployments", web(shell("no-such-program")))
    assert "no-such-program" in (await diagnosed(observed, Cause.COMMAND_NOT_FOUND, terminal=True)).evidence


async def test_an_end_that_is_no_failure_is_told_as_well(observed, cluster):
    cluster.create("deployments", web(shell("exit 0")))
    assert "exits with code 0" in (await diagnosed(observed, Cause.CRASH_LOOP)).summary


async def test_every_single_result_is_counted_where_the_kubelet_tells(observed, cluster):
    cluster.create("deployments", web(serving(200, readinessProbe=http())))

    def counted(view):
        results = [result for probes in view.probes.values() for result in probes.values()]
        return next((each for each in results if each.source is ProbeSource.METRICS and each.streak >= 5), None)

    async with asyncio.timeout(20):
        found = await observed.wait_until(counted)
    assert (found.kind, found.ok) == (ProbeKind.READINESS, True)
    assert time.time() - found.at < 2


async def test_a_limit_that_is_not_kept_to_is_a_refusal(observed, cluster):
    limit = {"type": "Container", "max": {"memory": "1Mi"}}
    cluster.create("limitranges", {"metadata": {"name": "small"}, "spec": {"limits": [limit]}})
    cluster.create("deployments", web({"resources": {"limits": {"memory": "64Mi"}}}))
    found = await diagnosed(observed, Cause.REFUSED, terminal=True)
    assert "maximum memory usage per Container" in found.evidence


async def test_a_label_that_no_node_has_is_not_waited_for(observed, cluster):
    cluster.create("deployments", web({}, nodeSelector={"disk": "none-has-it"}))
    found = await diagnosed(observed, Cause.UNSCHEDULABLE, terminal=True)
    assert "didn't match Pod's node affinity/selector" in found.evidence


async def test_a_volume_whose_configuration_is_missing_is_named(observed, cluster):
    volume = {"name": "conf", "configMap": {"name": "nginx"}}
    mount = {"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}
    cluster.create("deployments", web(mount, volumes=[volume]))
    assert (await diagnosed(observed, Cause.CONFIG_MISSING)).summary == "the ConfigMap nginx is not there"


async def test_a_volume_without_a_key_is_named(observed, cluster):
    cluster.create("configmaps", {"metadata": {"name": "nginx"}, "data": {}})
    volume = {"name": "conf", "configMap": {"name": "nginx", "items": [{"key": "nginx.conf", "path": "nginx.conf"}]}}
    mount = {"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}
    cluster.create("deployments", web(mount, volumes=[volume]))
    assert (await diagnosed(observed, Cause.KEY_MISSING)).summary == "its ConfigMap has no key nginx.conf"


async def test_an_init_container_that_fails_is_named(observed, cluster):
    init = {"name": "migrate", "image": "busybox", "command": ["sh", "-c", "echo no schema; exit 4"]}
    cluster.create("deployments", web({}, initContainers=[init]))
    assert "init container migrate exits with code 4" in (await diagnosed(observed, Cause.CRASH_LOOP)).summary


async def test_what_was_wrong_is_forgotten_once_it_is_right(observed, cluster):
    cluster.create("deployments", web({"envFrom": [{"configMapRef": {"name": "settings"}}]}))
    await diagnosed(observed, Cause.CONFIG_MISSING)
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"A": "1"}})
    async with asyncio.timeout(20):
        view = await observed.wait_until(lambda view: view if view.services[0].state == "ready" else None)
    assert view.diagnoses == ()
