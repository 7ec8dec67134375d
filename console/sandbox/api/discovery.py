"""What the server serves: groups, versions, resources; one by one and aggregated (KEP-3352)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache

from console.sandbox.api import served
from console.sandbox.api.resources import VERBS, Object, Resource

_REVIEWS = (
    Resource("selfsubjectreviews", "SelfSubjectReview", "authentication.k8s.io", namespaced=False),
    Resource("tokenreviews", "TokenReview", "authentication.k8s.io", namespaced=False),
    Resource("localsubjectaccessreviews", "LocalSubjectAccessReview", "authorization.k8s.io"),
    Resource("selfsubjectaccessreviews", "SelfSubjectAccessReview", "authorization.k8s.io", namespaced=False),
    Resource("selfsubjectrulesreviews", "SelfSubjectRulesReview", "authorization.k8s.io", namespaced=False),
    Resource("subjectaccessreviews", "SubjectAccessReview", "authorization.k8s.io", namespaced=False),
)
_METRICS = (
    Resource("nodes", "NodeMetrics", "metrics.k8s.io", "v1beta1", namespaced=False),
    Resource("pods", "PodMetrics", "metrics.k8s.io", "v1beta1"),
)
REVIEWS = {(each.group, each.version, each.name): each for each in _REVIEWS}
METRICS = {(each.group, each.version, each.name): each for each in _METRICS}

_SUBRESOURCE_GROUPS = {
    "scale": ("autoscaling", "v1"),
    "eviction": ("policy", "v1"),
    "token": ("authentication.k8s.io", "v1"),
}


def everything() -> list[Resource]:
    """All that can be asked for: stored kinds, reviews, metrics."""
    return [*served.everything(), *_REVIEWS, *_METRICS]


def _verbs(kind: Resource) -> list[str]:
    if kind in _REVIEWS:
        return ["create"]
    if kind in _METRICS:
        return ["get", "list"]
    return [each for each in VERBS if each != "deletecollection" or kind.name != "namespaces"]


@cache
def group_versions() -> dict[str, list[str]]:
    """The versions of each named group, in order."""
    found: dict[str, list[str]] = {}
    for each in everything():
        versions = found.setdefault(each.group, [])
        if each.version not in versions:
            versions.append(each.version)
    found.pop("", None)
    return found


def versions(group: str) -> list[str]:
    """The versions of a group, the core one included; none for a group that is not known."""
    return group_versions().get(group, []) if group else ["v1"]


def _subresources(kind: Resource) -> list[tuple[str, Resource, tuple[str, ...]]]:
    status = [("status", kind.kind, ("get", "patch", "update"))] if kind.status else []
    found = []
    for name, of_kind, verbs in (*kind.subresources, *status):
        group, version = _SUBRESOURCE_GROUPS.get(name, (kind.group, kind.version))
        found.append((name, Resource(name, of_kind, group, version, kind.namespaced), verbs))
    return found


# -- one by one


def api_versions(address: str) -> Object:
    """`/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list() -> Object:
    """`/apis`."""
    groups = [group(each) for each in group_versions()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_without_kind(each) for each in groups]}


def group(name: str) -> Object:
    """`/apis/GROUP`."""
    versions = [{"groupVersion": f"{name}/{each}", "version": each} for each in group_versions()[name]]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions, "preferredVersion": versions[0]}


def _without_kind(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def resource_list(group: str, version: str) -> Object:
    """`/api/v1` and `/apis/GROUP/VERSION`."""
    resources: list[Object] = []
    for kind in _in(group, version):
        entry: Object = {
            "name": kind.name,
            "singularName": kind.singular if kind not in _METRICS else "",
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": _verbs(kind),
        }
        entry |= {"shortNames": list(kind.short)} if kind.short else {}
        entry |= {"categories": ["all"]} if kind.all else {}
        resources.append(entry)
        resources += [_subresource_entry(kind, *each) for each in _subresources(kind)]
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _subresource_entry(kind: Resource, name: str, of: Resource, verbs: Iterable[str]) -> Object:
    entry: Object = {
        "name": f"{kind.name}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": of.kind,
        "verbs": list(verbs),
    }
    return entry | ({"group": of.group, "version": of.version} if name in _SUBRESOURCE_GROUPS else {})


def _in(group: str, version: str) -> list[Resource]:
    return sorted(
        (each for each in everything() if (each.group, each.version) == (group, version)), key=lambda e: e.name
    )


# -- aggregated


def aggregated(*, core: bool, version: str) -> Object:
    """`/api` (core) or `/apis` as an APIGroupDiscoveryList of `apidiscovery.k8s.io`."""
    names = [""] if core else list(group_versions())
    items = []
    for name in names:
        versions = ["v1"] if core else group_versions()[name]
        found = [{"version": each, "resources": _aggregate(name, each), "freshness": "Current"} for each in versions]
        items.append({"metadata": {"name": name} if name else {"creationTimestamp": None}, "versions": found})
    api_version = f"apidiscovery.k8s.io/{version}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def _aggregate(group: str, version: str) -> list[Object]:
    found = []
    for kind in _in(group, version):
        entry: Object = {
            "resource": kind.name,
            "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "singularResource": kind.singular,
            "verbs": _verbs(kind),
        }
        entry |= {"shortNames": list(kind.short)} if kind.short else {}
        entry |= {"categories": ["all"]} if kind.all else {}
        below = [
            {
                "subresource": name,
                "responseKind": {"group": of.group, "version": of.version, "kind": of.kind},
                "verbs": list(verbs),
            }
            for name, of, verbs in _subresources(kind)
        ]
        found.append(entry | ({"subresources": below} if below else {}))
    return found


def etag(body: bytes) -> str:
    """The strong ETag of a document, by which clients that cache ask."""
    return f'"{base64.b16encode(hashlib.sha256(body).digest()).decode()}"'
