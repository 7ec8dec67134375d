"""Requests as the cases of the API make them, and what a refusal must look like."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object, Refused

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


def config(name: str = "settings", labels: dict[str, str] | None = None, **data: str) -> Object:
    """A ConfigMap."""
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


def deployment(*containers: Object, **spec: Any) -> Object:
    """The Deployment `web` of no pods, whole as an apply wants it."""
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": list(containers) or [{"name": "main", "image": "acme/web:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def apply(cluster: Cluster, manager: str, data: dict[str, str], force: bool = False, **query: str) -> Object:
    """Applies the ConfigMap `settings` on the server's side."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}
    return apply_whole(cluster, "configmaps", manager, body, force, **query)


def apply_whole(
    cluster: Cluster, resource: str, manager: str, body: Object, force: bool = False, **query: str
) -> Object:
    """Applies an object on the server's side."""
    options = {"fieldManager": manager, "force": str(force).lower(), **query}
    path = cluster.path(resource, body["metadata"]["name"], query=options)
    applied: Object = cluster.request("PATCH", path, body, APPLY)
    return applied


def refused(status: int, reason: str | None, call: Any, *arguments: Any, **named: Any) -> Object:
    """Calls what must fail; the Status."""
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    found = caught.value.status
    told = (found.get("kind"), found.get("status"), found["code"], found.get("reason"))
    assert told == ("Status", "Failure", status, reason), found
    return found


def causes(status: Object) -> set[tuple[str, str]]:
    """What is wrong with which field."""
    return {(each["field"], each["reason"]) for each in status["details"].get("causes") or ()}


def owned(obj: Object) -> dict[tuple[str, str], Object]:
    """Which fields whose are: by manager and operation."""
    return {(each["manager"], each["operation"]): each["fieldsV1"] for each in obj["metadata"]["managedFields"]}
