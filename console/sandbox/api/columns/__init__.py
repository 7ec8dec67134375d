"""The columns of each kind, with the cells of an object (`pkg/printers/internalversion/printers.go`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from console.sandbox.api import pod_status
from console.sandbox.api.columns import network, policy, workloads
from console.sandbox.api.columns.cells import Row, age_of, name_of, plain, status_of
from console.sandbox.api.resources import Object

_NUMBERS = {
    "Allowed Disruptions",
    "Desired",
    "Current",
    "replicasets Ready",
    "daemonsets Ready",
    "daemonsets Up-to-date",
    "daemonsets Available",
}


@cache
def of(resource: str) -> tuple[list[Object], Callable[[Object], Row]]:
    """The column definitions of a kind, and what fills a row. A column after `|` shows only with `-o wide`."""
    names, row = _COLUMNS.get(resource, ("Name,Age", plain))
    normal, _, wide = names.partition("|")
    if resource == "events":
        return [_column(resource, each.strip("+"), each.startswith("+")) for each in names.split(",")], row
    definitions = [_column(resource, each, False) for each in normal.split(",")]
    return definitions + [_column(resource, each, True) for each in wide.split(",") if each], row


def _column(resource: str, name: str, wide: bool) -> Object:
    number = name in _NUMBERS or f"{resource} {name}" in _NUMBERS
    return {
        "name": name,
        "type": "integer" if number else "date" if name == "Created At" else "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": int(wide),
    }


_WORKLOAD = "Containers,Images"
_COLUMNS: dict[str, tuple[str, Callable[[Object], Row]]] = {
    "clusterrolebindings": ("Name,Role,Age|Users,Groups,ServiceAccounts", policy.binding),
    "clusterroles": ("Name,Created At", policy.role),
    "configmaps": ("Name,Data,Age", policy.config_map),
    "controllerrevisions": ("Name,Controller,Revision,Age", policy.revision),
    "daemonsets": (
        f"Name,Desired,Current,Ready,Up-to-date,Available,Node Selector,Age|{_WORKLOAD},Selector",
        workloads.daemon_set,
    ),
    "deployments": (f"Name,Ready,Up-to-date,Available,Age|{_WORKLOAD},Selector", workloads.deployment),
    "endpoints": ("Name,Endpoints,Age", network.endpoints),
    "endpointslices": ("Name,AddressType,Ports,Endpoints,Age", network.endpoint_slice),
    "events": ("Last Seen,Type,Reason,Object,+Subobject,+Source,Message,+First Seen,+Count,+Name", policy.event),
    "horizontalpodautoscalers": ("Name,Reference,Targets,MinPods,MaxPods,Replicas,Age", policy.autoscaler),
    "ingressclasses": ("Name,Controller,Parameters,Age", network.ingress_class),
    "ingresses": ("Name,Class,Hosts,Address,Ports,Age", network.ingress),
    "jobs": (f"Name,Status,Completions,Duration,Age|{_WORKLOAD},Selector", workloads.job),
    "leases": ("Name,Holder,Age", policy.lease),
    "limitranges": ("Name,Created At", policy.limit_range),
    "namespaces": ("Name,Status,Age", lambda obj: [name_of(obj), status_of(obj).get("phase", ""), age_of(obj)]),
    "networkpolicies": ("Name,Pod-Selector,Age", network.network_policy),
    "nodes": (
        "Name,Status,Roles,Age,Version|Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime",
        policy.node,
    ),
    "poddisruptionbudgets": ("Name,Min Available,Max Unavailable,Allowed Disruptions,Age", policy.disruption_budget),
    "pods": ("Name,Ready,Status,Restarts,Age|IP,Node,Nominated Node,Readiness Gates", pod_status.row),
    "replicasets": (f"Name,Desired,Current,Ready,Age|{_WORKLOAD},Selector", workloads.replica_set),
    "resourcequotas": ("Name,Request,Limit,Age", policy.quota),
    "rolebindings": ("Name,Role,Age|Users,Groups,ServiceAccounts", policy.binding),
    "roles": ("Name,Created At", policy.role),
    "secrets": ("Name,Type,Data,Age", policy.secret),
    "serviceaccounts": ("Name,Secrets,Age", lambda obj: [name_of(obj), len(obj.get("secrets") or ()), age_of(obj)]),
    "services": ("Name,Type,Cluster-IP,External-IP,Port(s),Age|Selector", network.service),
    "statefulsets": (f"Name,Ready,Age|{_WORKLOAD}", workloads.stateful_set),
}
