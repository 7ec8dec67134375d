"""What a server refuses, field by field, and what it lets nobody change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object
from tests.conformance.api import causes, deployment, refused

REQUIRED, INVALID, DUPLICATE = "FieldValueRequired", "FieldValueInvalid", "FieldValueDuplicate"
FORBIDDEN, UNSUPPORTED = "FieldValueForbidden", "FieldValueNotSupported"
MAIN: Object = {"name": "main", "image": "acme/web:1"}
SELECTOR: Object = {"matchLabels": {"app": "web"}}
TEMPLATE: Object = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [MAIN]}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def pod(*containers: Object, **spec: Any) -> Object:
    return {"containers": [MAIN | each for each in containers or ({},)], **spec}


def ingress(**path: Any) -> Object:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    return {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend} | path]}}]}


WRONG: list[tuple[str, str, Object, set[tuple[str, str]]]] = [
    ("no containers", "pods", {"containers": []}, {("spec.containers", REQUIRED)}),
    ("no image", "pods", {"containers": [{"name": "main"}]}, {("spec.containers[0].image", REQUIRED)}),
    ("two of a name", "pods", pod({}, {}), {("spec.containers[1].name", DUPLICATE)}),
    ("a name of a container", "pods", pod({"name": "Main"}), {("spec.containers[0].name", INVALID)}),
    (
        "a port out of range",
        "pods",
        pod({"ports": [{"containerPort": 70000}]}),
        {("spec.containers[0].ports[0].containerPort", INVALID)},
    ),
    (
        "a variable without a name",
        "pods",
        pod({"env": [{"value": "1"}]}),
        {("spec.containers[0].env[0].name", REQUIRED)},
    ),
    (
        "a variable from nowhere",
        "pods",
        pod({"env": [{"name": "A", "valueFrom": {}}]}),
        {("spec.containers[0].env[0].valueFrom", INVALID)},
    ),
    (
        "more requested than allowed",
        "pods",
        pod({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}),
        {("spec.containers[0].resources.requests", INVALID)},
    ),
    (
        "two ways to probe",
        "pods",
        pod({"livenessProbe": {"httpGet": {"port": 80}, "tcpSocket": {"port": 80}}}),
        {("spec.containers[0].livenessProbe.tcpSocket", FORBIDDEN)},
    ),
    ("no way to probe", "pods", pod({"livenessProbe": {}}), {("spec.containers[0].livenessProbe", REQUIRED)}),
    (
        "a liveness probe that must succeed twice",
        "pods",
        pod({"livenessProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}}),
        {("spec.containers[0].livenessProbe.successThreshold", INVALID)},
    ),
    (
        "a period below nothing",
        "pods",
        pod({"livenessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": -1}}),
        {("spec.containers[0].livenessProbe.periodSeconds", INVALID)},
    ),
    (
        "a mount of no volume",
        "pods",
        pod({"volumeMounts": [{"name": "work", "mountPath": "/work"}]}),
        {("spec.containers[0].volumeMounts[0].name", "FieldValueNotFound")},
    ),
    (
        "two mounts at one place",
        "pods",
        pod({"volumeMounts": [{"name": "work", "mountPath": "/work"}] * 2}, volumes=[{"name": "work", "emptyDir": {}}]),
        {("spec.containers[0].volumeMounts[1].mountPath", INVALID)},
    ),
    ("a restart policy", "pods", pod(restartPolicy="Sometimes"), {("spec.restartPolicy", UNSUPPORTED)}),
    ("a pull policy", "pods", pod({"imagePullPolicy": "Often"}), {("spec.containers[0].imagePullPolicy", UNSUPPORTED)}),
    ("a volume of nothing known", "pods", pod(volumes=[{"name": "No"}]), {("spec.volumes[0].name", INVALID)}),
    (
        "fewer than no replicas",
        "deployments",
        {"selector": SELECTOR, "template": TEMPLATE, "replicas": -1},
        {("spec.replicas", INVALID)},
    ),
    (
        "a template that does not restart",
        "deployments",
        {"selector": SELECTOR, "template": TEMPLATE | {"spec": pod(restartPolicy="Never")}},
        {("spec.template.spec.restartPolicy", UNSUPPORTED)},
    ),
    (
        "no room to roll",
        "deployments",
        {
            "selector": SELECTOR,
            "template": TEMPLATE,
            "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
        },
        {("spec.strategy.rollingUpdate.maxUnavailable", INVALID)},
    ),
    (
        "a selector of nothing",
        "deployments",
        {"selector": {}, "template": TEMPLATE},
        {("spec.selector", INVALID)},
    ),
    (
        "a deadline that comes too soon",
        "deployments",
        {"selector": SELECTOR, "template": TEMPLATE, "minReadySeconds": 10, "progressDeadlineSeconds": 5},
        {("spec.progressDeadlineSeconds", INVALID)},
    ),
    (
        "a job that always restarts",
        "jobs",
        {"template": {"spec": pod(restartPolicy="Always")}},
        {("spec.template.spec.restartPolicy", REQUIRED)},
    ),
    (
        "a job of fewer than none",
        "jobs",
        {"template": {"spec": pod(restartPolicy="Never")}, "parallelism": -1},
        {("spec.parallelism", INVALID)},
    ),
    ("no ports", "services", {}, {("spec.ports", REQUIRED)}),
    (
        "two ports without names",
        "services",
        {"ports": [{"port": 80}, {"port": 81}]},
        {("spec.ports[0].name", REQUIRED), ("spec.ports[1].name", REQUIRED)},
    ),
    ("a port of nothing", "services", {"ports": [{"port": 0}]}, {("spec.ports[0].port", INVALID)}),
    (
        "a service of no type",
        "services",
        {"ports": [{"port": 80}], "type": "Fast"},
        {("spec.type", UNSUPPORTED)},
    ),
    (
        "an address that is none",
        "services",
        {"ports": [{"port": 80}], "clusterIP": "here"},
        {("spec.clusterIPs[0]", INVALID)},
    ),
    ("neither rule nor backend", "ingresses", {}, {("spec", INVALID)}),
    (
        "a path of no type",
        "ingresses",
        ingress(pathType=None),
        {("spec.rules[0].http.paths[0].pathType", REQUIRED)},
    ),
    (
        "a path that is not absolute",
        "ingresses",
        ingress(path="a"),
        {("spec.rules[0].http.paths[0].path", INVALID)},
    ),
    (
        "a host that is an address",
        "ingresses",
        {"rules": [ingress()["rules"][0] | {"host": "127.0.0.1"}]},
        {("spec.rules[0].host", INVALID)},
    ),
    (
        "more at least than at most",
        "horizontalpodautoscalers",
        {"scaleTargetRef": TARGET, "minReplicas": 3, "maxReplicas": 2},
        {("spec.maxReplicas", INVALID)},
    ),
    (
        "at most nothing",
        "horizontalpodautoscalers",
        {"scaleTargetRef": TARGET, "maxReplicas": 0},
        {("spec.maxReplicas", INVALID)},
    ),
    (
        "a budget that says two things",
        "poddisruptionbudgets",
        {"selector": SELECTOR, "minAvailable": 1, "maxUnavailable": 1},
        {("spec", INVALID)},
    ),
    (
        "a quota below nothing",
        "resourcequotas",
        {"hard": {"pods": "-1"}},
        {("spec.hard[pods]", INVALID)},
    ),
    (
        "a least that is more than the most",
        "limitranges",
        {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]},
        {("spec.limits[0].min[cpu]", INVALID)},
    ),
    ("a lease of no time", "leases", {"leaseDurationSeconds": 0}, {("spec.leaseDurationSeconds", INVALID)}),
]


@pytest.mark.parametrize(("resource", "spec", "wrong"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_what_is_wrong_is_told(cluster: Cluster, resource: str, spec: Object, wrong: set[tuple[str, str]]) -> None:
    status = refused(422, "Invalid", cluster.create, resource, {"metadata": {"name": "web"}, "spec": spec})
    assert causes(status) >= wrong
    assert status["details"]["name"] == "web"
    assert f'"web" is invalid: {"" if len(causes(status)) == 1 else "["}' in status["message"]


@pytest.mark.parametrize(
    ("resource", "body", "wrong"),
    [
        ("configmaps", {"data": {"not a key": "1"}}, ("data[not a key]", INVALID)),
        ("configmaps", {"data": {"a": "1"}, "binaryData": {"a": "MQ=="}}, ("data[a]", INVALID)),
        ("secrets", {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, ("data[tls.key]", REQUIRED)),
        (
            "secrets",
            {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}},
            ("data[.dockerconfigjson]", INVALID),
        ),
        ("roles", {"rules": [{"verbs": []}]}, ("rules[0].verbs", REQUIRED)),
    ],
    ids=["key", "twice", "half a certificate", "no JSON", "no verbs"],
)
def test_data_that_is_wrong_is_told(cluster: Cluster, resource: str, body: Object, wrong: tuple[str, str]) -> None:
    status = refused(422, "Invalid", cluster.create, resource, {"metadata": {"name": "web"}, **body})
    assert wrong in causes(status)


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"resources": {"limits": {"cpu": "much"}}}, "quantities must match the regular expression"),
        ({"ports": [{"containerPort": "http"}]}, "cannot unmarshal string into Go struct field"),
        ({"env": {"A": "1"}}, "cannot unmarshal object into Go struct field"),
    ],
    ids=["quantity", "number", "list"],
)
def test_what_cannot_be_read_is_a_bad_request(cluster: Cluster, container: Object, words: str) -> None:
    status = refused(400, "BadRequest", cluster.create, "pods", {"metadata": {"name": "web"}, "spec": pod(container)})
    assert words in status["message"]


FIXED: list[tuple[str, str, Object, Object, str]] = [
    (
        "a deployment's selector",
        "deployments",
        {"selector": SELECTOR, "template": TEMPLATE, "replicas": 0},
        {"selector": {"matchLabels": {"app": "web", "a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}}},
        "spec.selector",
    ),
    (
        "a stateful set's service",
        "statefulsets",
        {"selector": SELECTOR, "template": TEMPLATE, "replicas": 0, "serviceName": "web"},
        {"serviceName": "other"},
        "spec",
    ),
    (
        "a job's template",
        "jobs",
        {"template": {"spec": pod(restartPolicy="Never")}},
        {"template": {"spec": {"terminationGracePeriodSeconds": 1}}},
        "spec.template",
    ),
    ("a service's address", "services", {"ports": [{"port": 80}]}, {"clusterIP": "None"}, "spec.clusterIPs[0]"),
    ("a pod's grace", "pods", pod(schedulerName="nobody"), {"terminationGracePeriodSeconds": 5}, "spec"),
    ("a pod's node", "pods", pod(schedulerName="nobody"), {"nodeName": "other"}, "spec"),
]


@pytest.mark.parametrize(
    ("resource", "spec", "change", "field"), [each[1:] for each in FIXED], ids=[each[0] for each in FIXED]
)
def test_what_may_not_change_is_told(cluster: Cluster, resource: str, spec: Object, change: Object, field: str) -> None:
    cluster.create(resource, {"metadata": {"name": "web"}, "spec": spec})
    status = refused(422, "Invalid", cluster.patch, resource, "web", {"spec": change})
    assert field in {each["field"] for each in status["details"]["causes"]}


def test_of_a_pod_the_image_and_labels_may_change(cluster: Cluster) -> None:
    cluster.create("pods", {"metadata": {"name": "web"}, "spec": pod(schedulerName="nobody")})
    changed = cluster.patch("pods", "web", {"metadata": {"labels": {"a": "b"}}, "spec": {"activeDeadlineSeconds": 60}})
    assert (changed["metadata"]["labels"], changed["spec"]["activeDeadlineSeconds"]) == ({"a": "b"}, 60)
    patch = {"spec": {"containers": [{"name": "main", "image": "acme/web:2"}]}}
    path = cluster.path("pods", "web")
    changed = cluster.request("PATCH", path, patch, "application/strategic-merge-patch+json")
    assert changed["spec"]["containers"][0]["image"] == "acme/web:2"


def test_the_type_of_a_secret_stays(cluster: Cluster) -> None:
    cluster.create("secrets", {"metadata": {"name": "key"}})
    status = refused(422, "Invalid", cluster.patch, "secrets", "key", {"type": "acme.example/other"})
    assert causes(status) == {("type", INVALID)}


def test_all_that_is_wrong_is_told_at_once(cluster: Cluster) -> None:
    body = deployment({"name": "Main"}, replicas=-1)
    status = refused(422, "Invalid", cluster.create, "deployments", body)
    assert causes(status) >= {
        ("spec.replicas", INVALID),
        ("spec.template.spec.containers[0].name", INVALID),
        ("spec.template.spec.containers[0].image", REQUIRED),
    }
