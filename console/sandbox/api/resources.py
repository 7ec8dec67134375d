"""The table of kinds that this cluster knows, and how the API serves each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""An API object as plain JSON. What the store hands out is shared: copy before changing it."""

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind: its names, its group and version, and what the API lets one do with it.

    Attributes:
        name: plural name, unique in the table.
        status: has a status subresource, so that spec and status are written apart.
        generation: `metadata.generation` counts changes of the spec.
        subresources: further subresources by name, with the verbs of each.
    """

    name: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short: tuple[str, ...] = ()
    all: bool = False
    status: bool = False
    generation: bool = False
    subresources: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    @property
    def api_version(self) -> str:
        """The `apiVersion` of the objects: `v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The resource with its group, as error messages name it: `deployments.apps`."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def qualified_kind(self) -> str:
        """The kind with its group, as validation errors name it: `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def singular(self) -> str:
        """The singular name: the kind in lower case."""
        return self.kind.lower()

    @property
    def scaled(self) -> bool:
        """Has a scale subresource."""
        return any(name == "scale" for name, _, _ in self.subresources)


_READ_WRITE = ("get", "patch", "update")
_STREAM = ("create", "get")
_PROXY = ("create", "delete", "get", "patch", "update")
_SCALE = ("scale", "Scale", _READ_WRITE)
_RBAC = "rbac.authorization.k8s.io"

_TABLE = (
    Resource("configmaps", "ConfigMap", short=("cm",)),
    Resource("endpoints", "Endpoints", short=("ep",)),
    Resource("events", "Event", short=("ev",)),
    Resource("limitranges", "LimitRange", short=("limits",)),
    Resource(
        "namespaces",
        "Namespace",
        namespaced=False,
        short=("ns",),
        status=True,
        subresources=(("finalize", "Namespace", ("update",)),),
    ),
    Resource(
        "nodes",
        "Node",
        namespaced=False,
        short=("no",),
        status=True,
        subresources=(("proxy", "NodeProxyOptions", _PROXY),),
    ),
    Resource(
        "pods",
        "Pod",
        short=("po",),
        all=True,
        status=True,
        generation=True,
        subresources=(
            ("attach", "PodAttachOptions", _STREAM),
            ("binding", "Binding", ("create",)),
            ("eviction", "Eviction", ("create",)),
            ("exec", "PodExecOptions", _STREAM),
            ("log", "Pod", ("get",)),
            ("portforward", "PodPortForwardOptions", _STREAM),
            ("proxy", "PodProxyOptions", _PROXY),
        ),
    ),
    Resource("resourcequotas", "ResourceQuota", short=("quota",), status=True),
    Resource("secrets", "Secret"),
    Resource(
        "serviceaccounts",
        "ServiceAccount",
        short=("sa",),
        subresources=(("token", "TokenRequest", ("create",)),),
    ),
    Resource(
        "services",
        "Service",
        short=("svc",),
        all=True,
        status=True,
        subresources=(("proxy", "ServiceProxyOptions", _PROXY),),
    ),
    Resource("controllerrevisions", "ControllerRevision", "apps"),
    Resource("daemonsets", "DaemonSet", "apps", short=("ds",), all=True, status=True, generation=True),
    Resource(
        "deployments",
        "Deployment",
        "apps",
        short=("deploy",),
        all=True,
        status=True,
        generation=True,
        subresources=(_SCALE,),
    ),
    Resource(
        "replicasets",
        "ReplicaSet",
        "apps",
        short=("rs",),
        all=True,
        status=True,
        generation=True,
        subresources=(_SCALE,),
    ),
    Resource(
        "statefulsets",
        "StatefulSet",
        "apps",
        short=("sts",),
        all=True,
        status=True,
        generation=True,
        subresources=(_SCALE,),
    ),
    Resource(
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "autoscaling",
        "v2",
        short=("hpa",),
        all=True,
        status=True,
    ),
    Resource("jobs", "Job", "batch", all=True, status=True, generation=True),
    Resource("leases", "Lease", "coordination.k8s.io"),
    Resource("endpointslices", "EndpointSlice", "discovery.k8s.io", generation=True),
    Resource("ingressclasses", "IngressClass", "networking.k8s.io", namespaced=False, generation=True),
    Resource("ingresses", "Ingress", "networking.k8s.io", short=("ing",), status=True, generation=True),
    Resource("networkpolicies", "NetworkPolicy", "networking.k8s.io", short=("netpol",), generation=True),
    Resource("poddisruptionbudgets", "PodDisruptionBudget", "policy", short=("pdb",), status=True, generation=True),
    Resource("clusterrolebindings", "ClusterRoleBinding", _RBAC, namespaced=False),
    Resource("clusterroles", "ClusterRole", _RBAC, namespaced=False),
    Resource("rolebindings", "RoleBinding", _RBAC),
    Resource("roles", "Role", _RBAC),
)

RESOURCES: dict[str, Resource] = {each.name: each for each in _TABLE}
"""Every kind that is stored, by plural name."""

BY_KIND: dict[tuple[str, str], Resource] = {(each.api_version, each.kind): each for each in _TABLE}
"""The same by apiVersion and kind."""
