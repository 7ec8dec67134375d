"""What a cluster does not allow: quotas, limits, rights, disruption budgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import Cluster, Object, Refused, ready, rolled_out
from tests.conformance.pods import Image, event

_RBAC = "rbac.authorization.k8s.io"


def refused(status: int, call: Callable[..., Any], *arguments: Any) -> str:
    """Calls what must be refused; the message."""
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.status["code"] == status
    return str(caught.value.status["message"])


def quota(cluster: Cluster, **hard: str) -> None:
    """Creates a quota and waits until it counts."""
    cluster.create("resourcequotas", {"metadata": {"name": "quota"}, "spec": {"hard": hard}})
    cluster.until("resourcequotas", "quota", lambda each: (each.get("status") or {}).get("hard") == hard)


# -- quotas and limits


def test_a_quota_counts_objects(cluster: Cluster) -> None:
    quota(cluster, **{"count/secrets": "1"})
    cluster.create("secrets", {"metadata": {"name": "a"}})
    cluster.until("resourcequotas", "quota", lambda each: each["status"]["used"] == {"count/secrets": "1"})
    message = refused(403, cluster.create, "secrets", {"metadata": {"name": "b"}})
    assert (
        "exceeded quota: quota, requested: count/secrets=1, used: count/secrets=1, limited: count/secrets=1" in message
    )


def test_a_quota_on_cpu_wants_every_pod_to_say_what_it_needs(cluster: Cluster, image: Image) -> None:
    quota(cluster, **{"requests.cpu": "100m"})
    assert "must specify requests.cpu" in refused(403, cluster.create, "pods", image.pod())
    much = image.pod(resources={"requests": {"cpu": "200m"}})
    assert "exceeded quota: quota, requested: requests.cpu=200m" in refused(403, cluster.create, "pods", much)


def test_a_deployment_that_meets_a_quota_says_so(cluster: Cluster, image: Image) -> None:
    quota(cluster, pods="1")
    cluster.create("deployments", image.deployment(2))
    replica_set = _failing(cluster)
    [condition] = replica_set["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert "exceeded quota" in event(cluster, replica_set["metadata"]["name"], "FailedCreate")["message"]


def _failing(cluster: Cluster) -> Object:
    """The ReplicaSet that says what is wrong."""
    changes = (each["object"] for each in cluster.watch("replicasets"))
    return next(each for each in changes if each["status"].get("conditions"))


def test_a_limit_range_fills_in_and_refuses(cluster: Cluster, image: Image) -> None:
    limits = {"type": "Container", "default": {"memory": "64Mi"}, "defaultRequest": {"memory": "32Mi"}}
    spec = {"limits": [limits | {"max": {"memory": "128Mi"}}]}
    cluster.create("limitranges", {"metadata": {"name": "limits"}, "spec": spec})
    [container] = cluster.create("pods", image.pod())["spec"]["containers"]
    assert container["resources"] == {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    large = image.pod(name="large", resources={"limits": {"memory": "256Mi"}})
    message = refused(403, cluster.create, "pods", large)
    assert "maximum memory usage per Container is 128Mi, but limit is 256Mi" in message


# -- rights


def grant(cluster: Cluster, *rules: Object) -> None:
    """Gives the stranger a role with these rules."""
    cluster.create("roles", {"metadata": {"name": "part"}, "rules": list(rules)})
    subject = {"kind": "ServiceAccount", "name": "stranger", "namespace": cluster.namespace}
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": "part"}
    cluster.create("rolebindings", {"metadata": {"name": "part"}, "roleRef": reference, "subjects": [subject]})


def may(client: Cluster, verb: str, resource: str, group: str = "") -> bool:
    """Whether the client may do something here, by access review."""
    attributes = {"namespace": client.namespace, "verb": verb, "resource": resource, "group": group}
    body = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(client.request("POST", path, body | {"apiVersion": "authorization.k8s.io/v1"})["status"]["allowed"])


def test_who_has_no_rights_is_told_what_is_missing(cluster: Cluster, stranger: Cluster) -> None:
    user = f"system:serviceaccount:{cluster.namespace}:stranger"
    assert refused(403, stranger.list, "pods") == (
        f'pods is forbidden: User "{user}" cannot list resource "pods" in API group "" '
        f'in the namespace "{cluster.namespace}"'
    )


def test_a_role_gives_what_it_names_and_no_more(cluster: Cluster, stranger: Cluster) -> None:
    cluster.create("configmaps", {"metadata": {"name": "mine"}})
    cluster.create("configmaps", {"metadata": {"name": "other"}})
    grant(
        cluster,
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["*"]},
    )
    cluster.until("rolebindings", "part", lambda each: each)
    _until_allowed(stranger)
    assert stranger.list("pods") == []
    assert stranger.get("configmaps", "mine")
    refused(403, stranger.get, "configmaps", "other")
    refused(403, stranger.list, "configmaps")
    assert not may(stranger, "delete", "pods")
    assert not may(stranger, "get", "deployments", "apps")


def _until_allowed(client: Cluster) -> None:
    """An API server learns of a new role a moment after it was made."""
    while not may(client, "list", "pods"):
        pass


def test_nobody_grants_rights_that_they_do_not_have(cluster: Cluster, stranger: Cluster) -> None:
    grant(
        cluster,
        {"apiGroups": [_RBAC], "resources": ["roles"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    )
    _until_allowed(stranger)
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    message = refused(403, stranger.create, "roles", {"metadata": {"name": "more"}, "rules": rules})
    assert "is attempting to grant RBAC permissions not currently held" in message
    few = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    assert stranger.create("roles", {"metadata": {"name": "same"}, "rules": few})


def test_a_token_that_is_wrong_is_nobody(cluster: Cluster, stranger: Cluster) -> None:
    stranger.act_as("wrong")
    refused(401, stranger.list, "pods")


# -- eviction


def evict(cluster: Cluster, name: str) -> None:
    metadata = {"name": name, "namespace": cluster.namespace}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    cluster.request("POST", f"{cluster.path('pods', name)}/eviction", body)


def test_a_pod_is_evicted_and_replaced_as_far_as_the_budget_allows(cluster: Cluster, image: Image) -> None:
    cluster.create("deployments", image.deployment(2))
    cluster.until("deployments", "web", rolled_out)
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    cluster.create("poddisruptionbudgets", {"metadata": {"name": "web"}, "spec": spec})
    cluster.until("poddisruptionbudgets", "web", lambda each: each["status"].get("currentHealthy") == 2)
    first = cluster.list("pods")[0]["metadata"]["name"]
    message = refused(429, evict, cluster, first)
    assert message == "Cannot evict pod as it would violate the pod's disruption budget."
    cluster.patch("poddisruptionbudgets", "web", {"spec": {"minAvailable": 1}})
    cluster.until("poddisruptionbudgets", "web", lambda each: each["status"].get("disruptionsAllowed") == 1)
    evict(cluster, first)
    cluster.until_gone("pods", first)
    cluster.until_pods(lambda pods: len(pods) == 2 and all(map(ready, pods)))
