"""Who may do what: tokens, roles, reviews, impersonation."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Api, config_map

PODS = "/api/v1/namespaces/work/pods"


def bind(api: Api, role: str, namespace: str = "") -> None:
    """Gives the service account work/reader a ClusterRole, in one namespace or everywhere."""
    body: dict[str, Any] = {
        "metadata": {"name": role},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "work"}],
    }
    if namespace:
        body["metadata"]["namespace"] = namespace
    api.machinery.create("rolebindings" if namespace else "clusterrolebindings", body)


@pytest.fixture
async def reader(api: Api) -> str:
    """The token of the service account work/reader, who has no rights of its own."""
    accounts = "/api/v1/namespaces/work/serviceaccounts"
    await api.post(accounts, {"metadata": {"name": "reader"}})
    return str((await api.post(f"{accounts}/reader/token", {}))["status"]["token"])


async def test_without_a_token_one_is_anonymous_and_with_a_wrong_one_nobody(api: Api) -> None:
    api.token = "wrong"
    assert (await api.get(PODS))["reason"] == "Unauthorized"
    assert api.status == 401
    async with api.http.get(f"{api.base}/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok")
    async with api.http.get(api.base + PODS) as answer:
        assert (answer.status, "system:anonymous" in await answer.text()) == (403, True)


async def test_a_refusal_names_user_verb_resource_and_scope(api: Api, reader: str) -> None:
    api.token = reader
    user = 'User "system:serviceaccount:work:reader"'
    expected = {
        PODS: f'pods is forbidden: {user} cannot list resource "pods" in API group "" in the namespace "work"',
        f"{PODS}/a/log": f'pods "a" is forbidden: {user} cannot get resource "pods/log" in API group "" '
        'in the namespace "work"',
        "/apis/apps/v1/deployments": f'deployments.apps is forbidden: {user} cannot list resource "deployments" '
        'in API group "apps" at the cluster scope',
    }
    assert {path: (await api.get(path))["message"] for path in expected} == expected


async def test_view_in_one_namespace_reads_there_but_no_secrets_and_nothing_elsewhere(api: Api, reader: str) -> None:
    bind(api, "view", "work")
    api.token = reader
    codes = {}
    for path in (PODS, "/api/v1/namespaces/work/secrets", "/api/v1/namespaces/default/pods", "/api/v1/nodes"):
        await api.get(path)
        codes[path] = api.status
    assert list(codes.values()) == [200, 403, 403, 403]
    await api.post("/api/v1/namespaces/work/configmaps", config_map())
    assert api.status == 403


async def test_edit_everywhere_writes_but_grants_no_rights(api: Api, reader: str) -> None:
    bind(api, "edit")
    api.token = reader
    await api.post("/api/v1/namespaces/work/configmaps", config_map())
    assert api.status == 201
    await api.post("/apis/rbac.authorization.k8s.io/v1/namespaces/work/roles", {"metadata": {"name": "r"}})
    assert api.status == 403


async def test_nobody_grants_more_than_they_have(api: Api, reader: str) -> None:
    bind(api, "admin", "work")
    api.token = reader
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/work/roles"
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}
    await api.post(roles, {"metadata": {"name": "mine"}, "rules": [rule]})
    assert api.status == 201
    status = await api.post(roles, {"metadata": {"name": "more"}, "rules": [rule | {"resources": ["nodes"]}]})
    assert status["code"] == 403
    assert status["message"].endswith(
        'not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get", "delete"]}'
    )
    reference = {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}, "subjects": []}
    await api.post(roles.replace("roles", "rolebindings"), {"metadata": {"name": "all"}, **reference})
    assert api.status == 403


async def test_a_role_can_be_limited_to_names(api: Api, reader: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["mine"]}]
    api.machinery.create("clusterroles", {"metadata": {"name": "one"}, "rules": rules})
    bind(api, "one", "work")
    for name in ("mine", "other"):
        await api.post("/api/v1/namespaces/work/configmaps", config_map(name))
    api.token = reader
    await api.get("/api/v1/namespaces/work/configmaps/mine")
    assert api.status == 200
    await api.get("/api/v1/namespaces/work/configmaps/other")
    assert api.status == 403


@pytest.mark.parametrize(("verb", "allowed"), [("list", True), ("delete", False)])
async def test_access_reviews_answer_what_the_request_would(api: Api, reader: str, verb: str, allowed: bool) -> None:
    bind(api, "view", "work")
    api.token = reader
    question = {"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": "work"}}
    answer = await api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": question})
    assert (api.status, answer["status"]["allowed"]) == (201, allowed)


async def test_rules_review_lists_what_one_may_do(api: Api, reader: str) -> None:
    bind(api, "view", "work")
    api.token = reader
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    rules = (await api.post(path, {"spec": {"namespace": "work"}}))["status"]["resourceRules"]
    assert any("pods" in each["resources"] and each["verbs"] == ["get", "list", "watch"] for each in rules)


async def test_who_am_i(api: Api, reader: str) -> None:
    api.token = reader
    answer = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert answer["status"]["userInfo"]["username"] == "system:serviceaccount:work:reader"
    assert "system:authenticated" in answer["status"]["userInfo"]["groups"]


async def test_acting_as_somebody_else_takes_the_right_to(api: Api, reader: str) -> None:
    status = await api.get(PODS, **{"Impersonate-User": "jane"})
    assert 'User "jane" cannot list resource "pods"' in status["message"]
    api.token = reader
    status = await api.get(PODS, **{"Impersonate-User": "jane"})
    assert 'cannot impersonate resource "users"' in status["message"]


async def test_a_token_dies_with_its_account(api: Api, reader: str) -> None:
    admin, api.token = api.token, reader
    await api.get("/version")
    assert api.status == 200
    api.token = admin
    await api.delete("/api/v1/namespaces/work/serviceaccounts/reader")
    api.token = reader
    await api.get("/version")
    assert api.status == 401


async def test_a_token_that_was_tampered_with_is_worth_nothing(api: Api, reader: str) -> None:
    head, body, signature = reader.split(".")
    api.token = f"{head}.{body[:-4]}AAAA.{signature}"
    await api.get("/version")
    assert api.status == 401
