"""What Kubernetes fills in when a field is left out (`pkg/apis/*/v1/defaults.go`), as far as these kinds have it."""

from __future__ import annotations

import base64
from collections.abc import Callable

from console.sandbox.api.pod_defaults import fill, pod, pod_spec
from console.sandbox.api.resources import Object, Resource


def apply(kind: Resource, obj: Object) -> None:
    """Sets the defaults of a kind, in place."""
    if kind.name in _STATUS:
        obj.setdefault("status", dict(_STATUS[kind.name]))
    if default := _BY_RESOURCE.get(kind.name):
        default(obj)


def _template(obj: Object) -> None:
    template = obj["spec"].get("template")
    if isinstance(template, dict):
        template.setdefault("metadata", {})
        if isinstance(template.get("spec"), dict):
            pod_spec(template["spec"])


# -- workloads


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(obj)
    fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy.setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")


def _replica_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(obj)
    spec.setdefault("replicas", 1)


def _stateful_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(obj)
    fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)


def _daemon_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(obj)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy.setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)


def _job(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(obj)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    fill(
        spec,
        parallelism=1,
        backoffLimit=6,
        completionMode="NonIndexed",
        suspend=False,
        manualSelector=False,
        podReplacementPolicy="TerminatingOrFailed",
    )
    template = spec.get("template")
    if not spec["manualSelector"] and "selector" not in spec and isinstance(template, dict):
        uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
        own = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
        template["metadata"]["labels"] = (
            (template["metadata"].get("labels") or {}) | own | {"controller-uid": uid, "job-name": name}
        )
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    if isinstance(template, dict) and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(template["metadata"].get("labels") or {})


# -- network


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    obj.setdefault("status", {}).setdefault("loadBalancer", {})
    fill(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if spec["type"] == "ExternalName":
        return
    fill(spec, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack", internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _endpoints(obj: Object) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _endpoint_slice(obj: Object) -> None:
    for endpoint in obj.setdefault("endpoints", []):
        endpoint.setdefault("conditions", {})
    for port in obj.get("ports") or ():
        fill(port, protocol="TCP", name="")


def _ingress(obj: Object) -> None:
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def _network_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]


# -- the rest


def _event(obj: Object) -> None:
    fill(obj, source={}, firstTimestamp=None, lastTimestamp=None, eventTime=None)
    fill(obj, reportingComponent="", reportingInstance="")


def _namespace(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _secret(obj: Object) -> None:
    """`stringData` is for writing only: it goes into `data`."""
    obj.setdefault("type", "Opaque")
    for key, value in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()


def _autoscaler(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    both = [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]
    up = behavior.setdefault("scaleUp", {})
    fill(up, selectPolicy="Max", stabilizationWindowSeconds=0, policies=both)
    down = behavior.setdefault("scaleDown", {})
    fill(down, selectPolicy="Max", policies=both[1:])


def _limit_range(obj: Object) -> None:
    """A container's default limit is the maximum, its default request the default limit, else the minimum."""
    for item in obj.get("spec", {}).get("limits") or ():
        if item.get("type") != "Container":
            continue
        for target, source in (("default", "max"), ("defaultRequest", "default"), ("defaultRequest", "min")):
            for name, amount in (item.get(source) or {}).items():
                item.setdefault(target, {}).setdefault(name, amount)


def _binding(obj: Object) -> None:
    group = "rbac.authorization.k8s.io"
    if isinstance(obj.get("roleRef"), dict):
        obj["roleRef"].setdefault("apiGroup", group)
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", group)


_STATUS: dict[str, Object] = {
    "daemonsets": dict.fromkeys(
        ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0
    ),
    "deployments": {},
    "horizontalpodautoscalers": {"desiredReplicas": 0, "currentMetrics": None},
    "jobs": {},
    "poddisruptionbudgets": dict.fromkeys(
        ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0
    ),
    "replicasets": {"replicas": 0},
    "resourcequotas": {},
    "statefulsets": {"replicas": 0, "availableReplicas": 0},
}
"""What the status of a new object says before its controller has seen it."""

_BY_RESOURCE: dict[str, Callable[[Object], None]] = {
    "clusterrolebindings": _binding,
    "daemonsets": _daemon_set,
    "deployments": _deployment,
    "endpoints": _endpoints,
    "endpointslices": _endpoint_slice,
    "events": _event,
    "horizontalpodautoscalers": _autoscaler,
    "ingresses": _ingress,
    "jobs": _job,
    "limitranges": _limit_range,
    "namespaces": _namespace,
    "networkpolicies": _network_policy,
    "pods": pod,
    "replicasets": _replica_set,
    "rolebindings": _binding,
    "secrets": _secret,
    "services": _service,
    "statefulsets": _stateful_set,
}
