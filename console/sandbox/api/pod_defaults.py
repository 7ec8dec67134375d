"""Defaults of a pod's spec, in a pod or in a template (`pkg/apis/core/v1/defaults.go`)."""

from __future__ import annotations

from console.sandbox.api import pods
from console.sandbox.api.resources import Object


def fill(target: Object, **values: object) -> None:
    """Sets what is not there."""
    for key, value in values.items():
        target.setdefault(key, value)


def pod(obj: Object) -> None:
    """A pod: its spec, and what admission plugins of a plain cluster add."""
    spec = obj.setdefault("spec", {})
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in pods.containers(spec):
        _requests_from_limits(container)
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(each.get("key") in (key, None) for each in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    fill(spec, priority=0, preemptionPolicy="PreemptLowerPriority")
    fill(obj.setdefault("status", {}), phase="Pending")


def pod_spec(spec: Object) -> None:
    """The spec of a pod or of a template."""
    fill(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    if spec["terminationGracePeriodSeconds"] < 0:  # for those that were stored before this was a mistake
        spec["terminationGracePeriodSeconds"] = 1
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in pods.containers(spec):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def _container(container: Object) -> None:
    image = str(container.get("image", ""))
    untagged = "@" not in image and ":" not in image.rpartition("/")[2]
    fill(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy="Always" if untagged or image.endswith(":latest") else "IfNotPresent",
    )
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if container.get(probe):
            _probe(container[probe])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict) and hook.get("httpGet"):
            fill(hook["httpGet"], path="/", scheme="HTTP")
    for variable in container.get("env") or ():
        if reference := (variable.get("valueFrom") or {}).get("fieldRef"):
            reference.setdefault("apiVersion", "v1")
        if reference := (variable.get("valueFrom") or {}).get("resourceFieldRef"):
            reference.setdefault("divisor", "0")


def _probe(probe: Object) -> None:
    fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if probe.get("httpGet"):
        fill(probe["httpGet"], path="/", scheme="HTTP")
    if "grpc" in probe:
        fill(probe["grpc"], service="")


def _volume(volume: Object) -> None:
    for source in ("configMap", "secret", "downwardAPI", "projected"):
        if volume.get(source) is not None:
            volume[source].setdefault("defaultMode", 420)
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}
    if volume.get("hostPath"):
        volume["hostPath"].setdefault("type", "")


def _requests_from_limits(container: Object) -> None:
    resources = container.get("resources") or {}
    for name, amount in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, amount)
