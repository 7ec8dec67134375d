"""Discovery, OpenAPI, version, health, and the older forms of kinds: what clients look at first."""

from __future__ import annotations

from typing import Any

import pytest

from console.sandbox.api import extract, protobuf, schema

from .conftest import Api, config_map

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_aggregated_and_plain_discovery_say_the_same(api: Api) -> None:
    groups = (await api.get("/apis", Accept=AGGREGATED))["items"]
    assert api.headers["Content-Type"].startswith("application/json;g=apidiscovery.k8s.io;v=v2")
    apps = next(each for each in groups if each["metadata"]["name"] == "apps")["versions"][0]["resources"]
    plain = (await api.get("/apis/apps/v1"))["resources"]
    assert {each["resource"] for each in apps} == {each["name"] for each in plain if "/" not in each["name"]}
    deployments = next(each for each in apps if each["resource"] == "deployments")
    assert deployments["shortNames"] == ["deploy"]
    assert {each["subresource"] for each in deployments["subresources"]} == {"scale", "status"}
    assert {each["name"] for each in (await api.get("/apis"))["groups"]} == {
        each["metadata"]["name"] for each in groups
    }


async def test_openapi_tells_how_lists_merge_and_which_options_are_taken(api: Api) -> None:
    index = (await api.get("/openapi/v3"))["paths"]
    document = await api.get(index["apis/apps/v1"]["serverRelativeURL"])
    spec = document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]
    assert spec["properties"]["containers"]["x-kubernetes-patch-merge-key"] == "name"
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert "fieldValidation" in {each["name"] for each in patch["parameters"]}
    assert "io.k8s.api.apps.v1.Deployment" in (await api.get("/openapi/v2"))["definitions"]
    await api.get("/openapi/v2", **{"If-None-Match": api.headers["ETag"]})
    assert api.status == 304


async def test_what_is_not_served_is_not_found(api: Api) -> None:
    assert await api.get("/apis/example.com/v1/things") == "404 page not found\n"
    assert (api.status, (await api.get("/version"))["minor"]) == (404, "34")


def test_the_committed_definitions_are_those_of_the_packages_version() -> None:
    assert schema.definitions() == extract.extract()


def test_every_field_has_a_protobuf_number() -> None:
    numbers = protobuf._numbers()

    def fields(struct: str) -> set[str]:
        found: set[str] = set()
        for name in numbers[struct].values():
            found |= fields(name[1:]) if name.startswith("=") else {name.rstrip("?")}
        return found

    lacking = {}
    for name, definition in schema.definitions().items():
        properties = set(definition.get("properties", ())) - {"apiVersion", "kind"}
        if properties and (missing := properties - fields(protobuf._struct(name))):
            lacking[name] = missing
    assert lacking == {}


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """Protobuf, as far as this test needs it: numbers below 128, and bytes."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += bytes([number << 3, value])
        else:
            encoded += bytes([number << 3 | 2, len(value)]) + value
    return encoded


async def test_protobuf_requests_are_read_like_json(api: Api) -> None:
    def entry(key: bytes, value: bytes) -> bytes:
        return message((1, key), (2, value))

    metadata = message((1, b"settings"), (3, b"work"), (8, b""), (11, entry(b"app", b"web")))
    body = message((1, metadata), (2, entry(b"a", b"1")), (3, entry(b"raw", b"\x00\x01")))
    envelope = b"k8s\x00" + message((1, message((1, b"v1"), (2, b"ConfigMap"))), (2, body))
    path = "/api/v1/namespaces/work/configmaps"
    created = await api.call("POST", path, envelope, protobuf.CONTENT_TYPE)
    assert (api.status, created["data"], created["binaryData"]) == (201, {"a": "1"}, {"raw": "AAE="})
    assert created["metadata"]["labels"] == {"app": "web"}
    refused = await api.call("POST", path, envelope[:-3], protobuf.CONTENT_TYPE)
    assert refused["reason"] == "BadRequest"


def test_protobuf_values_of_every_shape() -> None:
    probe = message((1, message((2, message((1, b"/"), (2, message((1, 1), (3, b"http"))))))), (2, 0), (3, 5))
    limits = message((1, b"cpu"), (2, message((1, b"500m"))))
    container = message((1, b"c"), (2, b"i"), (8, message((1, limits))), (11, probe))
    spec = message((2, container), (4, 30), (10, b""))
    envelope = b"k8s\x00" + message((1, message((1, b"v1"), (2, b"Pod"))), (2, message((2, spec))))
    decoded = protobuf.decode(envelope)["spec"]
    probe_of = {"httpGet": {"path": "/", "port": "http"}, "timeoutSeconds": 5}
    expected: dict[str, Any] = {"name": "c", "image": "i", "resources": {"limits": {"cpu": "500m"}}}
    assert decoded == {
        "containers": [expected | {"readinessProbe": probe_of}],
        "terminationGracePeriodSeconds": 30,
    }


async def test_events_and_autoscalers_are_served_in_their_other_form_too(api: Api) -> None:
    about = api.machinery.create("configmaps", config_map(namespace="work"))
    api.machinery.event(about, type="Normal", reason="Made", message="made it", source="test")
    event = (await api.get("/apis/events.k8s.io/v1/namespaces/work/events"))["items"][0]
    assert (event["note"], event["regarding"]["name"], event["deprecatedCount"]) == ("made it", "settings", 1)
    scaler = {
        "metadata": {"name": "web"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "targetCPUUtilizationPercentage": 70,
        },
    }
    await api.post("/apis/autoscaling/v1/namespaces/work/horizontalpodautoscalers", scaler)
    stored = await api.get("/apis/autoscaling/v2/namespaces/work/horizontalpodautoscalers/web")
    assert stored["spec"]["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    back = await api.get("/apis/autoscaling/v1/namespaces/work/horizontalpodautoscalers/web")
    assert (back["apiVersion"], back["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 70)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_health(api: Api, path: str) -> None:
    assert await api.get(path) == "ok"
