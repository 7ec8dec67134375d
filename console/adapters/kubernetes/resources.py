"""Kinds and where the API serves them: a table of the built-in ones, and discovery for all others.

Paths follow kubernetes.io, "Kubernetes API Concepts", Resource URIs.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API serves it. `api_version` is like `apps/v1`, `plural` like `deployments`."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of a collection (no name), an object, or one of its subresources."""
        parts = [group_path(self.api_version)]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts += [part for part in (self.plural, quote(name, safe=""), subresource) if part]
        return "/".join(parts)


def group_path(api_version: str) -> str:
    """Where a group and version is served: `/api/v1`, `/apis/apps/v1`."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


_NAMESPACED = {
    "v1": "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController "
    "ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
_CLUSTER_WIDE = {
    "v1": "Namespace Node PersistentVolume",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "networking.k8s.io/v1": "IngressClass",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "StorageClass",
}
_IRREGULAR = {"Endpoints": "endpoints"}


def _plural(kind: str) -> str:
    word = kind.lower()
    if word.endswith("y"):
        return word[:-1] + "ies"
    return _IRREGULAR.get(kind) or (word + "es" if word.endswith("s") else word + "s")


def _table() -> dict[tuple[str, str], Resource]:
    groups = ((_NAMESPACED, True), (_CLUSTER_WIDE, False))
    return {
        (api_version, kind): Resource(api_version, kind, _plural(kind), namespaced)
        for kinds, namespaced in groups
        for api_version, names in kinds.items()
        for kind in names.split()
    }


BUILT_IN = _table()
PODS = BUILT_IN["v1", "Pod"]
SERVICES = BUILT_IN["v1", "Service"]
EVENTS = BUILT_IN["v1", "Event"]
NODES = BUILT_IN["v1", "Node"]
WORKLOADS = tuple(
    BUILT_IN[key]
    for key in (
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
    )
)
