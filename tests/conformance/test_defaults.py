"""What a server fills in where an object says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object
from tests.conformance.api import deployment

NOBODY = {"schedulerName": "nobody"}
"""A pod that nobody places is as good as any to look at."""
TEMPLATE: Object = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "acme/web:1"}]},
}
SELECTOR: Object = {"matchLabels": {"app": "web"}}
ONCE: Object = {"spec": TEMPLATE["spec"] | {"restartPolicy": "Never"}}


def made(cluster: Cluster, resource: str, spec: Object, name: str = "web") -> Object:
    return cluster.create(resource, {"metadata": {"name": name}, "spec": spec})


def pod_of(cluster: Cluster, *containers: Object, **spec: Any) -> Object:
    filled = [{"name": "main", "image": "acme/web:1"} | each for each in containers or ({},)]
    return made(cluster, "pods", {**NOBODY, "containers": filled, **spec})


def differing(found: Object, wanted: Object) -> Object:
    """What is not as wanted, and how it is."""
    return {key: found.get(key) for key, value in wanted.items() if found.get(key) != value}


@pytest.mark.parametrize(
    ("resource", "spec", "defaults"),
    [
        (
            "pods",
            NOBODY | TEMPLATE["spec"],
            {
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 30,
                "dnsPolicy": "ClusterFirst",
                "enableServiceLinks": True,
                "serviceAccountName": "default",
                "securityContext": {},
                "priority": 0,
                "preemptionPolicy": "PreemptLowerPriority",
            },
        ),
        (
            "deployments",
            {"selector": SELECTOR, "template": TEMPLATE, "paused": True},
            {
                "replicas": 1,
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            },
        ),
        (
            "statefulsets",
            {"selector": SELECTOR, "template": TEMPLATE, "serviceName": "web", "replicas": 0},
            {
                "podManagementPolicy": "OrderedReady",
                "revisionHistoryLimit": 10,
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            },
        ),
        (
            "daemonsets",
            {
                "selector": SELECTOR,
                "template": TEMPLATE | {"spec": TEMPLATE["spec"] | {"nodeSelector": {"acme.example/no": "such"}}},
            },
            {
                "revisionHistoryLimit": 10,
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            },
        ),
        (
            "jobs",
            {"template": ONCE, "suspend": True},
            {
                "parallelism": 1,
                "completions": 1,
                "backoffLimit": 6,
                "completionMode": "NonIndexed",
                "manualSelector": False,
                "podReplacementPolicy": "TerminatingOrFailed",
            },
        ),
        (
            "services",
            {"ports": [{"port": 80}]},
            {
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ipFamilyPolicy": "SingleStack",
                "ipFamilies": ["IPv4"],
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        ),
        (
            "horizontalpodautoscalers",
            {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "no"}},
            {
                "minReplicas": 1,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                    }
                ],
            },
        ),
        (
            "limitranges",
            {"limits": [{"type": "Container", "max": {"cpu": "2"}}]},
            {
                "limits": [
                    {"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2"}}
                ]
            },
        ),
        (
            "networkpolicies",
            {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]},
            {"policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]},
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_not_said_is_filled_in(cluster: Cluster, resource: str, spec: Object, defaults: Object) -> None:
    assert differing(made(cluster, resource, spec)["spec"], defaults) == {}


def test_a_container_is_filled_in(cluster: Cluster) -> None:
    [container] = pod_of(cluster, {"ports": [{"containerPort": 80}]})["spec"]["containers"]
    wanted = {
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "resources": {},
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
    }
    assert differing(container, wanted) == {}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("acme/web", "Always"),
        ("acme/web:latest", "Always"),
        ("acme/web:1", "IfNotPresent"),
        ("host:5000/web", "Always"),
    ],
)
def test_the_newest_image_is_always_pulled(cluster: Cluster, image: str, policy: str) -> None:
    assert pod_of(cluster, {"image": image})["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_probe_is_filled_in(cluster: Cluster) -> None:
    probes = {"readinessProbe": {"httpGet": {"port": 80}}, "livenessProbe": {"tcpSocket": {"port": "http"}}}
    [container] = pod_of(cluster, probes)["spec"]["containers"]
    times = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert container["readinessProbe"] == {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, **times}
    assert container["livenessProbe"] == {"tcpSocket": {"port": "http"}, **times}


def test_what_is_requested_follows_from_the_limits(cluster: Cluster) -> None:
    limits = {"cpu": "1500m", "memory": "64Mi"}
    [container] = pod_of(cluster, {"resources": {"limits": limits, "requests": {"cpu": "1"}}})["spec"]["containers"]
    assert container["resources"] == {"limits": limits, "requests": {"cpu": "1", "memory": "64Mi"}}


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "10m"}}, "Burstable"),
        ({"limits": {"cpu": "10m", "memory": "16Mi"}}, "Guaranteed"),
        ({"limits": {"cpu": "10m"}}, "Burstable"),
    ],
)
def test_the_quality_of_service_follows_from_the_resources(cluster: Cluster, resources: Object, quality: str) -> None:
    assert pod_of(cluster, {"resources": resources})["status"]["qosClass"] == quality


def test_quantities_are_kept_as_they_are_best_said(cluster: Cluster) -> None:
    requests = {"cpu": "0.25", "memory": "1024Mi", "ephemeral-storage": "1000k"}
    [container] = pod_of(cluster, {"resources": {"requests": requests}})["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "1M"}


def test_volumes_are_filled_in(cluster: Cluster) -> None:
    volumes = [
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "secret", "secret": {"secretName": "key"}},
        {"name": "work"},
    ]
    found = {each["name"]: each for each in pod_of(cluster, volumes=volumes)["spec"]["volumes"]}
    assert found["config"]["configMap"]["defaultMode"] == found["secret"]["secret"]["defaultMode"] == 420
    assert found["work"]["emptyDir"] == {}


@pytest.mark.not_embedded("its pods have no token of their account: no program of theirs asks the API")
def test_every_pod_is_given_a_token_of_its_account(cluster: Cluster) -> None:
    projected = pod_of(cluster)["spec"]["volumes"][-1]
    assert projected["name"].startswith("kube-api-access-")
    assert [next(iter(each)) for each in projected["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]


def test_a_grace_below_nothing_is_a_second(cluster: Cluster) -> None:
    assert pod_of(cluster, terminationGracePeriodSeconds=-1)["spec"]["terminationGracePeriodSeconds"] == 1


def test_every_pod_tolerates_a_node_that_is_away_for_a_while(cluster: Cluster) -> None:
    found = pod_of(cluster)["spec"]["tolerations"]
    assert [(each["key"], each["effect"], each["tolerationSeconds"]) for each in found] == [
        ("node.kubernetes.io/not-ready", "NoExecute", 300),
        ("node.kubernetes.io/unreachable", "NoExecute", 300),
    ]


def test_a_job_selects_its_own_pods(cluster: Cluster) -> None:
    job = made(cluster, "jobs", {"template": ONCE, "suspend": True})
    uid = job["metadata"]["uid"]
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert job["spec"]["template"]["metadata"]["labels"] == {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "web",
        "controller-uid": uid,
        "job-name": "web",
    }


def test_a_recreate_has_no_bounds(cluster: Cluster) -> None:
    made_ = cluster.create("deployments", deployment(strategy={"type": "Recreate"}))
    assert made_["spec"]["strategy"] == {"type": "Recreate"}


def test_a_template_is_filled_in_like_a_pod(cluster: Cluster) -> None:
    spec = cluster.create("deployments", deployment())["spec"]["template"]["spec"]
    wanted = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "schedulerName": "default-scheduler"}
    assert differing(spec, wanted) == {}
    assert "serviceAccountName" not in spec
    assert "tolerations" not in spec
