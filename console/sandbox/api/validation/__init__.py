"""Is this object one that Kubernetes would take? Rules and texts of `pkg/apis/*/validation`, for the kinds served here.

Each rule is a generator of FieldErrors, so that a request is told everything that is wrong with it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.sandbox.api.errors import FieldError, not_valid
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.validation import configuration, metadata, network, policy, workloads

Rule = Callable[[Object], Iterator[FieldError]]
UpdateRule = Callable[[Object, Object], Iterator[FieldError]]

_RULES: dict[str, Rule] = {
    "clusterrolebindings": policy.binding,
    "clusterroles": policy.role,
    "configmaps": configuration.config_map,
    "daemonsets": workloads.daemon_set,
    "deployments": workloads.deployment,
    "endpointslices": network.endpoint_slice,
    "events": policy.event,
    "horizontalpodautoscalers": policy.autoscaler,
    "ingresses": network.ingress,
    "jobs": workloads.job,
    "leases": policy.lease,
    "limitranges": policy.limit_range,
    "networkpolicies": network.network_policy,
    "poddisruptionbudgets": policy.disruption_budget,
    "pods": workloads.pod,
    "replicasets": workloads.replica_set,
    "resourcequotas": policy.quota,
    "rolebindings": policy.binding,
    "roles": policy.role,
    "secrets": configuration.secret,
    "services": network.service,
    "statefulsets": workloads.stateful_set,
}

_UPDATE_RULES: dict[str, UpdateRule] = {
    "clusterrolebindings": policy.binding_update,
    "configmaps": configuration.immutable,
    "daemonsets": workloads.selector_update,
    "deployments": workloads.selector_update,
    "jobs": workloads.job_update,
    "pods": workloads.pod_update,
    "replicasets": workloads.selector_update,
    "rolebindings": policy.binding_update,
    "secrets": configuration.secret_update,
    "services": network.service_update,
    "statefulsets": workloads.stateful_set_update,
}


def validate_name(kind: Resource, given: Object) -> None:
    """The object's own name and namespace, which everything else hangs on.

    Raises:
        StatusError: 422.
    """
    _refuse(kind, given.get("name", ""), metadata.name(kind, given))


def validate(kind: Resource, obj: Object, old: Object | None = None, *, subresource: str = "") -> None:
    """Everything else: on an update also what may not change. A status is its writer's own business.

    Raises:
        StatusError: 422, with a cause for every field.
    """
    if subresource in ("status", "binding"):
        return
    _refuse(kind, obj["metadata"]["name"], _errors(kind, obj, old))


def _errors(kind: Resource, obj: Object, old: Object | None) -> Iterator[FieldError]:
    yield from metadata.metadata(obj["metadata"])
    if rule := _RULES.get(kind.name):
        yield from rule(obj)
    if old is None:
        return
    yield from metadata.update(obj["metadata"], old["metadata"])
    if update := _UPDATE_RULES.get(kind.name):
        yield from update(obj, old)


def _refuse(kind: Resource, name: str, found: Iterator[FieldError]) -> None:
    if problems := list(found):
        raise not_valid(kind, name, problems)
