"""LimitRanges and quotas: what they fill in, what they refuse, and what they count."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object, rolled_out
from tests.conformance.api import refused
from tests.conformance.pods import Image, phase

NOBODY = {"schedulerName": "nobody"}


def limit(cluster: Cluster, **fields: Any) -> None:
    item = {"type": "Container", **fields}
    cluster.create("limitranges", {"metadata": {"name": "limits"}, "spec": {"limits": [item]}})


def quota(cluster: Cluster, hard: dict[str, str], name: str = "quota", **spec: Any) -> None:
    """Creates a quota and waits until it counts."""
    cluster.create("resourcequotas", {"metadata": {"name": name}, "spec": {"hard": hard, **spec}})
    cluster.until("resourcequotas", name, lambda each: (each.get("status") or {}).get("hard") == hard)


def used(cluster: Cluster, wanted: dict[str, str], name: str = "quota") -> None:
    cluster.until("resourcequotas", name, lambda each: (each.get("status") or {}).get("used") == wanted, str(wanted))


def sized(image: Image, limits: dict[str, str] | None = None, requests: dict[str, str] | None = None) -> Object:
    given = {"limits": limits, "requests": requests}
    resources = {key: value for key, value in given.items() if value}
    return image.pod(spec=NOBODY, resources=resources)


@pytest.mark.parametrize(
    ("bounds", "limits", "requests", "words"),
    [
        (
            {"max": {"cpu": "1"}},
            {"cpu": "2"},
            None,
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            {"min": {"memory": "64Mi"}},
            None,
            {"memory": "32Mi"},
            "minimum memory usage per Container is 64Mi, but request is 32Mi",
        ),
        (
            {"type": "Pod", "min": {"memory": "64Mi"}},
            None,
            None,
            "minimum memory usage per Pod is 64Mi.  No request is specified",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"cpu": "300m"},
            {"cpu": "100m"},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            {"cpu": "1500m"},
            None,
            "maximum cpu usage per Pod is 1, but limit is 1500m",
        ),
        (
            {"type": "Pod", "maxLimitRequestRatio": {"memory": "1"}},
            {"memory": "64Mi"},
            {"memory": "32Mi"},
            "memory max limit to request ratio per Pod is 1, but provided ratio is 2.000000",
        ),
    ],
    ids=["too much", "too little", "nothing said", "too far apart", "of a pod too much", "of a pod too far apart"],
)
def test_what_is_out_of_bounds_is_refused(
    cluster: Cluster,
    image: Image,
    bounds: Object,
    limits: dict[str, str] | None,
    requests: dict[str, str] | None,
    words: str,
) -> None:
    limit(cluster, **bounds)
    status = refused(403, "Forbidden", cluster.create, "pods", sized(image, limits, requests))
    assert words in status["message"]


def test_what_is_within_bounds_is_taken(cluster: Cluster, image: Image) -> None:
    limit(cluster, min={"cpu": "100m"}, max={"cpu": "1"}, maxLimitRequestRatio={"cpu": "2"})
    assert cluster.create("pods", sized(image, {"cpu": "200m"}, {"cpu": "100m"}))


def test_what_is_given_is_not_overruled_by_defaults(cluster: Cluster, image: Image) -> None:
    limit(cluster, default={"cpu": "1", "memory": "64Mi"}, defaultRequest={"cpu": "500m", "memory": "32Mi"})
    [container] = cluster.create("pods", sized(image, {"cpu": "2"}))["spec"]["containers"]
    assert container["resources"] == {
        "limits": {"cpu": "2", "memory": "64Mi"},
        "requests": {"cpu": "2", "memory": "32Mi"},
    }


def test_init_containers_are_filled_in_too(cluster: Cluster, image: Image) -> None:
    limit(cluster, default={"memory": "64Mi"})
    first = image.container("true") | {"name": "first"}
    made = cluster.create("pods", image.pod(spec={"initContainers": [first], **NOBODY}))
    assert made["spec"]["initContainers"][0]["resources"]["limits"] == {"memory": "64Mi"}


def test_a_limit_that_comes_later_changes_nothing_that_is_there(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", sized(image, {"cpu": "2"}))
    limit(cluster, max={"cpu": "1"})
    assert cluster.patch("pods", "pod", {"metadata": {"labels": {"a": "b"}}})["metadata"]["labels"]["a"] == "b"


# -- quotas


def test_a_quota_gives_back_what_is_deleted(cluster: Cluster) -> None:
    quota(cluster, {"count/secrets": "1"})
    cluster.create("secrets", {"metadata": {"name": "a"}})
    used(cluster, {"count/secrets": "1"})
    cluster.delete("secrets", "a")
    used(cluster, {"count/secrets": "0"})
    assert cluster.create("secrets", {"metadata": {"name": "b"}})


def test_a_quota_adds_up_what_pods_ask_for(cluster: Cluster, image: Image) -> None:
    quota(cluster, {"requests.cpu": "1", "limits.memory": "1Gi", "pods": "5"})
    pod = sized(image, {"cpu": "500m", "memory": "256Mi"}, {"cpu": "250m"})
    cluster.create("pods", pod)
    used(cluster, {"requests.cpu": "250m", "limits.memory": "256Mi", "pods": "1"})
    other = sized(image, {"cpu": "1", "memory": "1Gi"}, {"cpu": "250m"}) | {"metadata": {"name": "other"}}
    status = refused(403, "Forbidden", cluster.create, "pods", other)
    message = (
        "exceeded quota: quota, requested: limits.memory=1Gi, used: limits.memory=256Mi, limited: limits.memory=1Gi"
    )
    assert message in status["message"]


def test_a_pod_that_has_ended_does_not_count(cluster: Cluster, image: Image) -> None:
    quota(cluster, {"pods": "1"})
    cluster.create("pods", image.once("true"))
    cluster.until("pods", "pod", phase("Succeeded"))
    used(cluster, {"pods": "0"})


def test_a_quota_may_be_of_one_quality_of_service(cluster: Cluster, image: Image) -> None:
    quota(cluster, {"pods": "1"}, scopes=["BestEffort"])
    cluster.create("pods", sized(image, {"cpu": "1"}))
    cluster.create("pods", image.pod(name="free", spec=NOBODY))
    used(cluster, {"pods": "1"})
    refused(403, "Forbidden", cluster.create, "pods", image.pod(name="more", spec=NOBODY))


def test_every_quota_must_have_room(cluster: Cluster) -> None:
    quota(cluster, {"count/configmaps": "100"}, "wide")
    quota(cluster, {"count/configmaps": "0"}, "narrow")
    status = refused(403, "Forbidden", cluster.create, "configmaps", {"metadata": {"name": "a"}})
    assert "exceeded quota: narrow" in status["message"]


def test_a_quota_that_grows_lets_a_deployment_go_on(cluster: Cluster, image: Image) -> None:
    quota(cluster, {"pods": "1"})
    cluster.create("deployments", image.deployment(2))
    cluster.until("deployments", "web", lambda each: each["status"].get("availableReplicas") == 1)
    cluster.patch("resourcequotas", "quota", {"spec": {"hard": {"pods": "2"}}})
    cluster.until("resourcequotas", "quota", lambda each: each["status"]["hard"] == {"pods": "2"})
    cluster.patch("deployments", "web", {"metadata": {"annotations": {"look": "again"}}})
    cluster.until("deployments", "web", rolled_out)


def test_services_of_a_type_are_counted(cluster: Cluster) -> None:
    quota(cluster, {"services.nodeports": "0", "services": "2"})
    ports = [{"port": 80}]
    cluster.create("services", {"metadata": {"name": "a"}, "spec": {"ports": ports}})
    body = {"metadata": {"name": "b"}, "spec": {"ports": ports, "type": "NodePort"}}
    status = refused(403, "Forbidden", cluster.create, "services", body)
    assert "services.nodeports=1, used: services.nodeports=0, limited: services.nodeports=0" in status["message"]
