"""What every cluster has from the start: its namespaces, and the roles that people bind users to.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.sandbox.api.discovery import everything
from console.sandbox.api.resources import RESOURCES, Object, Resource
from console.sandbox.api.users import AUTHENTICATED, MASTERS

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_RBAC = "rbac.authorization.k8s.io"
_LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}

_HIDDEN_FROM_VIEW = {"secrets", "roles", "rolebindings"}
_NOT_FOR_EDIT = {"roles", "rolebindings", "resourcequotas", "limitranges", "namespaces", "nodes", "endpointslices"}


def furnish(machinery: Machinery) -> None:
    """Makes what is missing; leaves alone what is there."""
    for name in NAMESPACES:
        if not machinery.find("namespaces", "", name):
            machinery.create("namespaces", {"metadata": {"name": name}})
    for resource, obj in [("clusterroles", each) for each in _roles()] + [
        ("clusterrolebindings", each) for each in _bindings()
    ]:
        if not machinery.find(resource, "", obj["metadata"]["name"]):
            machinery.create(resource, obj)


def _roles() -> list[Object]:
    everywhere = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    return [
        _role("cluster-admin", everywhere),
        _role("system:discovery", [{"nonResourceURLs": _DISCOVERY, "verbs": ["get"]}]),
        _role("system:public-info-viewer", [{"nonResourceURLs": _PUBLIC, "verbs": ["get"]}]),
        _role("system:basic-user", _reviews()),
        _role("system:aggregate-to-view", _view(), {f"{_RBAC}/aggregate-to-view": "true"}),
        _role("system:aggregate-to-edit", _edit(), {f"{_RBAC}/aggregate-to-edit": "true"}),
        _role("system:aggregate-to-admin", _admin(), {f"{_RBAC}/aggregate-to-admin": "true"}),
        _aggregate("view", [], "view"),
        _aggregate("edit", ["aggregate-to-admin"], "edit", "view"),
        _aggregate("admin", [], "admin", "edit", "view"),
    ]


_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = [*_PUBLIC, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]


def _role(name: str, rules: list[Object], labels: dict[str, str] | None = None) -> Object:
    return {"metadata": {"name": name, "labels": {**_LABEL, **(labels or {})}}, "rules": rules}


def _aggregate(name: str, labels: list[str], *parts: str) -> Object:
    """A role that is the union of the roles which label themselves for it."""
    selectors = [{"matchLabels": {f"{_RBAC}/aggregate-to-{each}": "true"}} for each in parts]
    role = _role(name, [], {f"{_RBAC}/{each}": "true" for each in labels})
    return role | {"aggregationRule": {"clusterRoleSelectors": selectors}}


def _by_group(kinds: list[Resource], verbs: list[str]) -> list[Object]:
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(kind.group, []).append(kind.name)
        groups[kind.group] += [f"{kind.name}/status"] if kind.status and "get" in verbs else []
        groups[kind.group] += [f"{kind.name}/scale"] if kind.scaled else []
    return [
        {"apiGroups": [group], "resources": sorted(names), "verbs": verbs} for group, names in sorted(groups.items())
    ]


def _view() -> list[Object]:
    names = [each for each in everything() if each.namespaced and each.name not in _HIDDEN_FROM_VIEW]
    readable = [each for each in names if not each.name.endswith("reviews")]
    also = {"apiGroups": [""], "resources": ["namespaces", "pods/log"], "verbs": _READ}
    return [*_by_group(readable, _READ), also]


def _edit() -> list[Object]:
    writable = [each for each in RESOURCES.values() if each.namespaced and each.name not in _NOT_FOR_EDIT]
    streams = [f"pods/{each}" for each in ("attach", "exec", "portforward", "proxy", "eviction")]
    return [
        *_by_group(writable, _WRITE),
        {"apiGroups": [""], "resources": ["secrets", "services/proxy", "pods/proxy"], "verbs": _READ},
        {"apiGroups": [""], "resources": [*streams, "services/proxy", "serviceaccounts/token"], "verbs": _WRITE},
        {"apiGroups": [""], "resources": ["pods/exec", "pods/attach", "pods/portforward"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]},
    ]


def _admin() -> list[Object]:
    return [
        {"apiGroups": [_RBAC], "resources": ["roles", "rolebindings"], "verbs": [*_READ, *_WRITE]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"], "verbs": ["create"]},
    ]


def _reviews() -> list[Object]:
    own = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    return [
        {"apiGroups": ["authorization.k8s.io"], "resources": own, "verbs": ["create"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
    ]


def _bindings() -> list[Object]:
    return [
        _binding("cluster-admin", MASTERS),
        _binding("system:discovery", AUTHENTICATED),
        _binding("system:basic-user", AUTHENTICATED),
        _binding("system:public-info-viewer", AUTHENTICATED, "system:unauthenticated"),
    ]


def _binding(role: str, *groups: str) -> Object:
    return {
        "metadata": {"name": role, "labels": _LABEL},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": each} for each in groups],
    }
