"""Quotas, limits, validation: what is refused, in Kubernetes' words, and what is counted."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery

from .conftest import Api, config_map, deployment, pod


def quota(machinery: Machinery, hard: dict[str, str], **spec: Any) -> None:
    body = {"metadata": {"name": "q", "namespace": "work"}, "spec": {"hard": hard, **spec}}
    machinery.create("resourcequotas", body)


def used(machinery: Machinery) -> dict[str, str]:
    found: dict[str, str] = machinery.get("resourcequotas", "work", "q")["status"]["used"]
    return found


def asking(name: str, cpu: str) -> dict[str, Any]:
    return pod(name, containers=[{"name": "main", "image": "i", "resources": {"requests": {"cpu": cpu}}}])


def test_a_quota_refuses_what_exceeds_it_and_counts_what_is_there(machinery: Machinery) -> None:
    quota(machinery, {"pods": "2", "requests.cpu": "1"})
    machinery.create("pods", asking("a", "600m"))
    with pytest.raises(StatusError) as refused:
        machinery.create("pods", asking("b", "500m"))
    assert refused.value.code == 403
    assert refused.value.message == (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, '
        "limited: requests.cpu=1"
    )
    machinery.create("pods", asking("b", "400m"))
    assert used(machinery) == {"pods": "2", "requests.cpu": "1"}
    machinery.delete("pods", "work", "a", grace=0)
    machinery.mutate("pods", "work", "b", lambda obj: obj["status"].update(phase="Succeeded"), subresource="status")
    assert used(machinery) == {"pods": "0", "requests.cpu": "0"}


def test_a_quota_on_compute_makes_every_container_name_it(machinery: Machinery) -> None:
    quota(machinery, {"limits.memory": "1Gi"})
    with pytest.raises(StatusError, match=r"failed quota: q: must specify limits.memory for: main"):
        machinery.create("pods", pod())


def test_a_new_quota_counts_what_exists_and_objects_of_any_kind(machinery: Machinery) -> None:
    machinery.create("deployments", deployment() | {"metadata": {"name": "web", "namespace": "work"}})
    machinery.create("configmaps", config_map(namespace="work"))
    quota(machinery, {"count/deployments.apps": "1", "configmaps": "10"})
    assert used(machinery) == {"count/deployments.apps": "1", "configmaps": "1"}
    with pytest.raises(StatusError, match=r"exceeded quota: q, requested: count/deployments.apps=1"):
        machinery.create("deployments", deployment("b") | {"metadata": {"name": "b", "namespace": "work"}})


def test_a_limit_range_fills_in_and_bounds(machinery: Machinery) -> None:
    item = {"type": "Container", "default": {"cpu": "500m"}, "max": {"cpu": "1"}, "min": {"cpu": "100m"}}
    machinery.create("limitranges", {"metadata": {"name": "l", "namespace": "work"}, "spec": {"limits": [item]}})
    created = machinery.create("pods", pod())
    expected = {"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}}
    assert created["spec"]["containers"][0]["resources"] == expected
    with pytest.raises(StatusError, match="minimum cpu usage per Container is 100m, but request is 50m"):
        machinery.create("pods", asking("small", "50m"))


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_quality_of_service_follows_from_the_resources(machinery: Machinery, resources: Any, quality: str) -> None:
    created = machinery.create("pods", pod(containers=[{"name": "main", "image": "i", "resources": resources}]))
    assert created["status"]["qosClass"] == quality


def test_a_pod_needs_its_service_account(machinery: Machinery) -> None:
    with pytest.raises(StatusError, match='error looking up service account work/who: serviceaccount "who" not found'):
        machinery.create("pods", pod(serviceAccountName="who"))
    assert machinery.create("pods", pod())["spec"]["serviceAccountName"] == "default"


def test_a_service_gets_the_address_that_was_told_before_it_was_made_and_keeps_it_when_it_is_made_anew(
    machinery: Machinery,
) -> None:
    expected = machinery.expect_service("work", "late")
    asked = {"metadata": {"name": "greedy", "namespace": "work"}, "spec": {"ports": [{"port": 80}]}}
    others = [asked | {"metadata": {"name": f"s{number}", "namespace": "work"}} for number in range(50)]
    assert expected not in {machinery.create("services", each)["spec"]["clusterIP"] for each in others}
    assert machinery.expect_service("work", "late") == expected
    for _ in range(2):
        made = machinery.create("services", asked | {"metadata": {"name": "late", "namespace": "work"}})
        assert made["spec"]["clusterIP"] == expected
        machinery.delete("services", "work", "late")
    machinery.create("services", asked | {"spec": {"ports": [{"port": 80}], "clusterIP": expected}})
    assert machinery.expect_service("work", "late") != expected


def test_services_get_addresses_of_their_own_and_keep_them(machinery: Machinery) -> None:
    def service(name: str, **spec: Any) -> Any:
        metadata = {"name": name, "namespace": "work"}
        return {"metadata": metadata, "spec": {"ports": [{"port": 80}], **spec}}

    first, second = (machinery.create("services", service(name))["spec"]["clusterIP"] for name in ("a", "b"))
    assert first != second
    assert first.startswith("127.")
    assert machinery.create("services", service("c", clusterIP="None"))["spec"]["clusterIP"] == "None"
    with pytest.raises(StatusError, match="provided IP is already allocated"):
        machinery.create("services", service("d", clusterIP=first))
    kept = machinery.mutate("services", "work", "a", lambda obj: obj["spec"].update(clusterIP=None))
    assert kept["spec"]["clusterIP"] == first
    with pytest.raises(StatusError, match="may not change once set"):
        machinery.mutate("services", "work", "a", lambda obj: obj["spec"].update(clusterIP="None"))


def changed(path: str, value: Any) -> dict[str, Any]:
    """A valid Deployment with one value put somewhere; None removes."""
    body = copy.deepcopy(deployment())
    *parts, last = path.split(".")
    here: Any = body
    for part in parts:
        here = here[int(part)] if part.isdigit() else here.setdefault(part, {})
    if value is None:
        del here[last]
    else:
        here[last] = value
    return body


CONTAINER = "spec.template.spec.containers.0"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("metadata.name", "Web_1", 'metadata.name: Invalid value: "Web_1": a lowercase RFC 1123 subdomain must'),
        ("metadata.name", None, "metadata.name: Required value: name or generateName is required"),
        ("metadata.labels", {"a b": "c"}, 'metadata.labels: Invalid value: "a b": name part must consist of'),
        ("spec.selector", None, "spec.selector: Required value"),
        (
            "spec.selector.matchLabels.app",
            "other",
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ),
        ("spec.replicas", -1, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ("spec.template.spec.restartPolicy", "Never", 'Unsupported value: "Never": supported values: "Always"'),
        (f"{CONTAINER}.image", None, "spec.template.spec.containers[0].image: Required value"),
        (f"{CONTAINER}.ports", [{"containerPort": 0}], "ports[0].containerPort: Required value"),
        (f"{CONTAINER}.readinessProbe", {}, "readinessProbe: Required value: must specify a handler type"),
        (f"{CONTAINER}.volumeMounts", [{"name": "v", "mountPath": "/v"}], 'volumeMounts[0].name: Not found: "v"'),
        (f"{CONTAINER}.env", [{"name": "A", "valueFrom": {}}], "must specify one of: `fieldRef`"),
        (
            f"{CONTAINER}.resources",
            {"requests": {"cpu": 2}, "limits": {"cpu": 1}},
            'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
    ],
)
async def test_an_invalid_deployment_is_told_field_and_reason(api: Api, path: str, value: Any, message: str) -> None:
    status = await api.post("/apis/apps/v1/namespaces/work/deployments", changed(path, value))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert message in status["message"]
    assert status["message"].startswith("Deployment.apps ")
    assert status["details"]["causes"][0]["field"] in status["message"]


async def test_all_problems_are_told_at_once(api: Api) -> None:
    body = deployment(replicas=-1)
    body["spec"]["template"]["spec"]["containers"] = []
    status = await api.post("/apis/apps/v1/namespaces/work/deployments", body)
    assert [each["field"] for each in status["details"]["causes"]] == [
        "spec.replicas",
        "spec.template.spec.containers",
    ]


async def test_wrong_types_are_told_as_the_go_decoder_does(api: Api) -> None:
    status = await api.post("/apis/apps/v1/namespaces/work/deployments", deployment(replicas="3"))
    assert (status["code"], status["message"]) == (
        400,
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct '
        "field DeploymentSpec.spec.replicas of type int32",
    )


@pytest.mark.parametrize(
    ("resource", "change", "message"),
    [
        (
            "deployments",
            lambda obj: obj["spec"].update(
                selector={"matchLabels": {"app": "x"}},
                template={**obj["spec"]["template"], "metadata": {"labels": {"app": "x"}}},
            ),
            "spec.selector: Invalid value: .*: field is immutable",
        ),
        ("pods", lambda obj: obj["spec"].update(hostname="x"), "pod updates may not change fields other than"),
        ("configmaps", lambda obj: obj.update(data={}), "field is immutable when `immutable` is set"),
        ("secrets", lambda obj: obj.update(type="other"), 'type: Invalid value: "other": field is immutable'),
    ],
)
def test_what_may_not_change(machinery: Machinery, resource: str, change: Any, message: str) -> None:
    bodies = {
        "deployments": deployment("x") | {"metadata": {"name": "web", "namespace": "work"}},
        "pods": pod(),
        "configmaps": config_map("web", namespace="work") | {"immutable": True},
        "secrets": {"metadata": {"name": "web", "namespace": "work"}},
    }
    bodies["deployments"]["spec"] = deployment()["spec"]
    machinery.create(resource, bodies[resource])
    with pytest.raises(StatusError, match=message):
        machinery.mutate(resource, "work", "web", change)


def test_events_count_up_and_go_after_their_time(machinery: Machinery) -> None:
    from datetime import timedelta

    about = machinery.create("pods", pod())
    for _ in range(3):
        machinery.event(about, type="Warning", reason="Unhealthy", message="503", source="kubelet, node-1")
    machinery.event(about, type="Warning", reason="Unhealthy", message="other", source="kubelet, node-1")
    events = machinery.list("events", "work")
    assert sorted(each["count"] for each in events) == [1, 3]
    assert events[0]["involvedObject"]["uid"] == about["metadata"]["uid"]
    assert events[0]["source"] == {"component": "kubelet", "host": "node-1"}
    machinery.expire_events(timedelta(seconds=-5))
    assert machinery.list("events", "work") == []
