"""Whether the nodes can pull and run what is built is known before the first build."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from aiohttp import web

from console.engine.gather import gather
from console.engine.preflight import check
from tests.engine.planning_world import world_of
from tests.shelf import Shelf
from tests.stacks import build_source, deployment, make_service, make_stack

LOGIN = base64.b64encode(b"anna:right").decode()


@pytest.fixture
async def shelf():
    shelf = Shelf()
    runner = web.ServerRunner(web.Server(shelf.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shelf.prefix = f"127.0.0.1:{runner.addresses[0][1]}"
    yield shelf
    await runner.cleanup()


@pytest.fixture
async def world(near_client, tmp_path, shelf):
    world = world_of(near_client, tmp_path, shelf.prefix)
    yield world
    await world.registry.close()
    await world.journal.close()


@pytest.fixture
def source(tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\n")
    return build_source("web", tmp_path / "context")


def stack_of(namespace, source, **pod):
    stack = make_stack([make_service("web", deployment("web"), namespace, build=source)], namespace=namespace)
    stack.manifests[0].body["spec"]["template"]["spec"] |= pod
    return stack


async def row(stack, world, name="pull"):
    (found,) = [row for row in await check(await gather(stack, world), world) if row.name == name]
    return found


async def private(request):
    """A registry that everybody may push to, and that shows images to Anna only."""
    if request.method == "HEAD" and request.headers.get("Authorization") != f"Basic {LOGIN}":
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="registry"'})
    return None


def keep_login(cluster, auth):
    config = {"auths": {cluster.registry: {"auth": auth}}}
    text = base64.b64encode(json.dumps(config).encode()).decode()
    body = {"metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": text}}
    cluster.create("secrets", body)


@pytest.fixture
def cluster(cluster, shelf):
    cluster.registry = shelf.prefix
    return cluster


async def test_nodes_of_this_machine_reach_a_registry_on_loopback(world, namespace, source, shelf):
    found = await row(stack_of(namespace, source), world)
    assert (found.ok, found.detail) == (True, f"the nodes reach {shelf.prefix} by that name")


async def test_an_image_for_other_machines_than_the_nodes_is_refused(world, namespace, source):
    found = await row(stack_of(namespace, replace(source, platforms=("linux/s390x",))), world, "nodes")
    assert found.ok is False
    assert found.detail.startswith("deployment/web: image todo-web is built for s390x, and the nodes are ")


async def test_without_a_pull_secret_a_registry_that_wants_a_login_is_a_warning(world, namespace, source, shelf):
    shelf.guard = private
    rows = await check(await gather(stack_of(namespace, source), world), world)
    (found,) = [row for row in rows if row.name == "pull" and row.ok is None]
    assert "wants a login, and the pods have no imagePullSecrets" in found.detail
    assert "kubectl create secret docker-registry" in found.hint


async def _logins(stack, world):
    rows = await check(await gather(stack, world), world)
    return [(row.ok, row.detail) for row in rows if row.name == "pull" and "login" in row.detail]


async def test_the_login_of_a_pull_secret_is_tried_before_pods_need_it(world, namespace, source, shelf, cluster):
    shelf.guard = private
    keep_login(cluster, base64.b64encode(b"anna:wrong").decode())
    stack = stack_of(namespace, source, imagePullSecrets=[{"name": "pull"}])
    ((ok, detail),) = await _logins(stack, world)
    assert ok is False
    assert detail.endswith("todo-web does not accept the login of secret/pull")
    assert "wrong" not in detail
    cluster.delete("secrets", "pull")
    keep_login(cluster, LOGIN)
    assert await _logins(stack, world) == []


async def test_the_pull_secret_of_the_service_account_counts(world, namespace, source, shelf, cluster):
    shelf.guard = private
    keep_login(cluster, LOGIN)
    cluster.create("serviceaccounts", {"metadata": {"name": "robot"}, "imagePullSecrets": [{"name": "pull"}]})
    assert await _logins(stack_of(namespace, source, serviceAccountName="robot"), world) == []
