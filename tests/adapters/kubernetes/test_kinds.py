"""What serves a kind: the cluster is asked, and where it serves another version, that one is named."""

from __future__ import annotations

import pytest
from aiohttp import web

from console.adapters.kubernetes.client import KubernetesCluster
from console.model.errors import NotFoundError
from console.model.plan import ObjectRef

from .conftest import status

# A server that is a few years behind: autoscaling/v2 is not there yet, batch/v1beta1 is.
SERVED = {
    "/apis/autoscaling": {
        "versions": [{"groupVersion": "autoscaling/v1"}, {"groupVersion": "autoscaling/v2beta2"}],
        "preferredVersion": {"groupVersion": "autoscaling/v1"},
    },
    "/apis/autoscaling/v1": {
        "resources": [
            {"name": "horizontalpodautoscalers", "kind": "HorizontalPodAutoscaler", "namespaced": True},
        ]
    },
    "/apis/autoscaling/v2beta2": {
        "resources": [
            {"name": "horizontalpodautoscalers", "kind": "HorizontalPodAutoscaler", "namespaced": True},
            {"name": "horizontalpodautoscalers/status", "kind": "HorizontalPodAutoscaler", "namespaced": True},
        ]
    },
}


async def old(request: web.Request) -> web.Response:
    if found := SERVED.get(request.path):
        return web.json_response(found)
    return status(404, "NotFound", "the server could not find the requested resource")


AUTOSCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
METADATA = {"metadata": {"name": "web", "namespace": "todo"}}


async def test_an_api_version_that_is_not_served_yet_names_those_that_are(weather, transport):
    weather.answer = old
    client = KubernetesCluster(transport, "weather")
    with pytest.raises(NotFoundError) as caught:
        await client.apply({**AUTOSCALER, **METADATA}, dry_run=True)
    assert caught.value.what == "no kind HorizontalPodAutoscaler in autoscaling/v2"
    why = "the cluster does not serve this apiVersion, but autoscaling/v1 and autoscaling/v2beta2"
    assert (caught.value.why, caught.value.where) == (why, weather.server)
    assert caught.value.hint == "write apiVersion: autoscaling/v1, and look what is different there"


async def test_an_api_version_that_is_not_served_any_more_names_its_successor(client, namespace):
    body = {"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}
    body["metadata"] = {"name": "web", "namespace": namespace}
    with pytest.raises(NotFoundError, match="no kind HorizontalPodAutoscaler in autoscaling/v2beta2") as caught:
        await client.apply(body, dry_run=True)
    assert "write apiVersion: autoscaling/v2" in caught.value.hint


async def test_a_kind_that_no_version_has_is_to_be_installed(weather, transport):
    weather.answer = old
    client = KubernetesCluster(transport, "weather")
    with pytest.raises(NotFoundError) as caught:
        await client.right("get", ObjectRef("example.com/v1", "Widget", "todo", "one"))
    assert caught.value.why == "the cluster does not serve this apiVersion"
    assert "CustomResourceDefinition" in caught.value.hint


async def test_a_namespace_that_is_missing_is_still_what_is_said(client):
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "nowhere"}}
    with pytest.raises(NotFoundError, match="configmap/web is not there") as caught:
        await client.apply(config, dry_run=True)
    assert 'namespaces "nowhere" not found' in caught.value.why
