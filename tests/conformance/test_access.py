"""Who may do what: reviews of access, roles and bindings of every scope, acting as somebody else."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster, Object
from tests.conformance.api import refused

GROUP = "rbac.authorization.k8s.io"
AUTHORIZATION = "/apis/authorization.k8s.io/v1"


def user(cluster: Cluster) -> str:
    return f"system:serviceaccount:{cluster.namespace}:stranger"


def subject(cluster: Cluster) -> Object:
    return {"kind": "ServiceAccount", "name": "stranger", "namespace": cluster.namespace}


def bind(cluster: Cluster, role: str, kind: str = "ClusterRole") -> None:
    reference = {"apiGroup": GROUP, "kind": kind, "name": role}
    metadata = {"name": f"{role}-binding"}
    cluster.create("rolebindings", {"metadata": metadata, "roleRef": reference, "subjects": [subject(cluster)]})


def reviewed(client: Cluster, kind: str, path: str, spec: Object) -> Object:
    body = {"kind": kind, "apiVersion": "authorization.k8s.io/v1", "spec": spec}
    found: Object = client.request("POST", path, body)["status"]
    return found


def allowed(cluster: Cluster, verb: str, resource: str, **more: str) -> bool:
    """Whether the stranger may do something here, says the administrator's review."""
    attributes = {"namespace": cluster.namespace, "verb": verb, "resource": resource, **more}
    spec = {"user": user(cluster), "resourceAttributes": attributes}
    return bool(reviewed(cluster, "SubjectAccessReview", f"{AUTHORIZATION}/subjectaccessreviews", spec)["allowed"])


def until_allowed(cluster: Cluster, verb: str, resource: str, **more: str) -> None:
    """A server learns of a new role a moment after it was made."""
    while not allowed(cluster, verb, resource, **more):
        pass


def test_a_cluster_role_gives_its_rights_in_the_bindings_namespace_only(cluster: Cluster, stranger: Cluster) -> None:
    bind(cluster, "view")
    until_allowed(cluster, "list", "pods")
    assert stranger.list("pods") == []
    elsewhere = Cluster(stranger.kubeconfig, "default", stranger.patience)
    elsewhere.act_as(stranger.token)
    refused(403, "Forbidden", elsewhere.list, "pods")
    refused(403, "Forbidden", stranger.request, "GET", "/api/v1/pods")


def test_who_may_view_sees_no_secrets_and_changes_nothing(cluster: Cluster, stranger: Cluster) -> None:
    bind(cluster, "view")
    until_allowed(cluster, "list", "configmaps")
    assert not allowed(cluster, "list", "secrets")
    assert not allowed(cluster, "create", "configmaps")
    assert not allowed(cluster, "list", "roles", group=GROUP)
    refused(403, "Forbidden", stranger.create, "configmaps", {"metadata": {"name": "settings"}})


def test_who_may_edit_changes_workloads_but_no_rights(cluster: Cluster, stranger: Cluster) -> None:
    bind(cluster, "edit")
    until_allowed(cluster, "create", "deployments", group="apps")
    assert allowed(cluster, "get", "secrets")
    assert allowed(cluster, "create", "pods", subresource="exec")
    assert not allowed(cluster, "create", "rolebindings", group=GROUP)
    assert not allowed(cluster, "create", "resourcequotas")


def test_an_administrator_of_a_namespace_gives_rights_in_it(cluster: Cluster, stranger: Cluster) -> None:
    bind(cluster, "admin")
    until_allowed(cluster, "create", "rolebindings", group=GROUP)
    assert not allowed(cluster, "update", "resourcequotas")
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}
    body = {"metadata": {"name": "more"}, "roleRef": reference, "subjects": [subject(cluster)]}
    assert stranger.create("rolebindings", body)
    greedy = body | {"metadata": {"name": "all"}, "roleRef": reference | {"name": "cluster-admin"}}
    status = refused(403, "Forbidden", stranger.create, "rolebindings", greedy)
    assert "is attempting to grant RBAC permissions not currently held" in status["message"]


def test_a_binding_to_a_role_that_is_not_there_gives_nothing(cluster: Cluster, stranger: Cluster) -> None:
    bind(cluster, "nothing", kind="Role")
    assert not allowed(cluster, "list", "pods")
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    cluster.create("roles", {"metadata": {"name": "nothing"}, "rules": rules})
    until_allowed(cluster, "list", "pods")


def test_what_a_binding_refers_to_stays(cluster: Cluster, stranger: Cluster) -> None:
    bind(cluster, "view")
    patch = {"roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "edit"}}
    status = refused(422, "Invalid", cluster.patch, "rolebindings", "view-binding", patch)
    assert "cannot change roleRef" in status["message"]


def test_rights_to_a_subresource_are_apart(cluster: Cluster, stranger: Cluster) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]
    cluster.create("roles", {"metadata": {"name": "part"}, "rules": rules})
    bind(cluster, "part", kind="Role")
    until_allowed(cluster, "get", "pods", subresource="log")
    assert not allowed(cluster, "get", "pods")
    refused(403, "Forbidden", stranger.get, "pods", "web")
    refused(404, "NotFound", stranger.request, "GET", f"{stranger.path('pods', 'web')}/log")


def test_rights_are_taken_away_with_the_binding(cluster: Cluster, stranger: Cluster) -> None:
    bind(cluster, "view")
    until_allowed(cluster, "list", "pods")
    cluster.delete("rolebindings", "view-binding")
    while allowed(cluster, "list", "pods"):
        pass
    refused(403, "Forbidden", stranger.list, "pods")


def test_ones_own_rules_are_listed(cluster: Cluster, stranger: Cluster) -> None:
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "resourceNames": ["web"]}]
    cluster.create("roles", {"metadata": {"name": "part"}, "rules": rules})
    bind(cluster, "part", kind="Role")
    until_allowed(cluster, "get", "deployments", group="apps", name="web")
    spec = {"namespace": cluster.namespace}
    found = reviewed(stranger, "SelfSubjectRulesReview", f"{AUTHORIZATION}/selfsubjectrulesreviews", spec)
    assert found["incomplete"] is False
    assert rules[0] in found["resourceRules"]


def test_a_review_of_the_namespace_answers_for_it(cluster: Cluster, stranger: Cluster) -> None:
    path = f"{AUTHORIZATION}/namespaces/{cluster.namespace}/localsubjectaccessreviews"
    attributes: dict[str, Any] = {"namespace": cluster.namespace, "verb": "list", "resource": "pods"}
    spec = {"user": user(cluster), "resourceAttributes": attributes}
    assert reviewed(cluster, "LocalSubjectAccessReview", path, spec)["allowed"] is False


def test_a_path_that_is_no_object_has_rights_too(cluster: Cluster, stranger: Cluster) -> None:
    def may(path: str) -> bool:
        spec = {"user": user(cluster), "nonResourceAttributes": {"path": path, "verb": "get"}}
        spec["groups"] = ["system:authenticated"]
        return bool(reviewed(cluster, "SubjectAccessReview", f"{AUTHORIZATION}/subjectaccessreviews", spec)["allowed"])

    assert may("/version")
    assert not may("/metrics")
    assert stranger.request("GET", "/version")["major"] == "1"
    refused(403, "Forbidden", stranger.request, "GET", "/metrics")


def test_who_asks_without_a_token_is_anonymous(cluster: Cluster, stranger: Cluster) -> None:
    stranger.token = ""
    status = refused(403, "Forbidden", stranger.list, "pods")
    assert 'User "system:anonymous" cannot list resource "pods"' in status["message"]
