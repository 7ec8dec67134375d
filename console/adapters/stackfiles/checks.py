"""What is certainly wrong between the objects of a stack, and what the cluster must have for it (a warning)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from console.adapters.stackfiles.manifests import Object
from console.adapters.stackfiles.positions import Path as Steps
from console.adapters.stackfiles.positions import paths
from console.model.errors import Problem
from console.model.podspec import pod_spec, pod_template
from console.model.stack import JSON

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_MAKES_PODS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}


@dataclass(slots=True)
class Checked:
    """What the checks look at, and what they find.

    Attributes:
        objects: of the stack, on its target.
        secrets: (Secret, key) pairs that externals put there.
    """

    objects: Sequence[Object]
    secrets: frozenset[tuple[str, str]]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def find(self, kind: str, name: object) -> Object | None:
        """The object of that kind and name."""
        return next((each for each in self.objects if each.kind == kind and each.name == name), None)

    def wrong(self, each: Object, path: Steps, message: str, offending: str, known: Sequence[str]) -> None:
        """Tells of a name that is none of those known."""
        nearest = self.nearest(offending, known)
        self.problems.append(each.problem(path, message, offending=offending, nearest=nearest))

    def nearest(self, name: object, names: Sequence[str]) -> str:
        """The name that may be meant, empty if none is near."""
        return next(iter(get_close_matches(str(name), names, n=1)), "")


def check_objects(checked: Checked) -> None:
    """Runs every check over the objects."""
    _twice(checked)
    for each in checked.objects:
        _secret_values(checked, each)
        _selector(checked, each)
        _ports(checked, each)
        _references(checked, each)
        _scaling(checked, each)
        if each.kind == "Service":
            _service_ports(checked, each)
        if each.kind == "Ingress":
            _ingress(checked, each)


def _twice(checked: Checked) -> None:
    seen: dict[tuple[str, ...], Object] = {}
    for each in checked.objects:
        group = each.body["apiVersion"].rpartition("/")[0]
        first = seen.setdefault((group, each.kind, str(each.body["metadata"].get("namespace", "")), each.name), each)
        if first is not each:
            line = first.document.mark(first.base).line
            message = f"{each.title} stands here for the second time, first in {first.document.file}:{line}"
            checked.problems.append(each.problem(("metadata", "name"), message))


def _secret_values(checked: Checked, each: Object) -> None:
    if each.kind != "Secret":
        return
    for part in ("data", "stringData"):
        for key, value in (each.body.get(part) or {}).items():
            if value:
                expected = f"the value in the environment or in .env, as {key}"
                message = f"the value of a Secret stands in a file: {each.title} {key}"
                checked.problems.append(each.problem((part, key), message, at_key=True, expected=expected))


def _selector(checked: Checked, each: Object) -> None:
    template = pod_template(each.body)
    wanted = ((each.body.get("spec") or {}).get("selector") or {}).get("matchLabels") if template else None
    if not template or not isinstance(wanted, dict) or each.kind == "Job":
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    for key, value in wanted.items():
        if labels.get(key) != value:
            message = f"{each.title} selects pods that its own template does not make"
            told = f"{key}: {value}"
            expected = f"{key}: {labels[key]}" if key in labels else "a label of spec.template.metadata.labels"
            path = ("spec", "selector", "matchLabels", key)
            checked.problems.append(each.problem(path, message, offending=told, expected=expected))


def pod_path(each: Object) -> Steps:
    """The path of the pod spec in an object that has one."""
    if each.kind == "CronJob":
        return ("spec", "jobTemplate", "spec", "template", "spec")
    return {"Pod": ("spec",), "PodTemplate": ("template", "spec")}.get(each.kind, ("spec", "template", "spec"))


def containers(each: Object) -> Iterator[tuple[Steps, JSON]]:
    """The containers of an object with their paths."""
    spec = pod_spec(each.body)
    for part in ("initContainers", "containers"):
        for index, container in enumerate((spec or {}).get(part) or ()):
            yield (*pod_path(each), part, index), container


def _port_names(container: JSON) -> list[str]:
    return [str(port["name"]) for port in container.get("ports") or () if port.get("name")]


def _ports(checked: Checked, each: Object) -> None:
    """Probes and hooks that name a port which their container does not have."""
    for path, container in containers(each):
        names = _port_names(container)
        hooks = [("lifecycle", hook) for hook in ("postStart", "preStop")]
        for place in (*((probe,) for probe in _PROBES), *hooks):
            action: Any = container
            for step in place:
                action = (action or {}).get(step)
            for way in ("httpGet", "tcpSocket"):
                port = ((action or {}).get(way) or {}).get("port")
                if isinstance(port, str) and not port.isdigit() and port not in names:
                    message = f"{each.title}: no port of container {container['name']} is named {port!r}"
                    checked.wrong(each, (*path, *place, way, "port"), message, port, names)


def _service_ports(checked: Checked, each: Object) -> None:
    selector = each.body["spec"].get("selector") if isinstance(each.body.get("spec"), dict) else None
    if not selector:
        return
    selected = [found for found in checked.objects if _selects(selector, found)]
    if not selected:
        message = f"{each.title} selects no pods of this stack"
        checked.warnings.append(each.problem(("spec", "selector"), message))
        return
    names = [name for found in selected for _, container in containers(found) for name in _port_names(container)]
    for index, port in enumerate(each.body["spec"].get("ports") or ()):
        target = port.get("targetPort")
        if isinstance(target, str) and not target.isdigit() and target not in names:
            message = f"{each.title}: no container that it selects has a port named {target!r}"
            checked.wrong(each, ("spec", "ports", index, "targetPort"), message, target, names)


def _selects(selector: JSON, each: Object) -> bool:
    template = each.body if each.kind == "Pod" else pod_template(each.body)
    labels = ((template or {}).get("metadata") or {}).get("labels") or {}
    return template is not None and all(labels.get(key) == value for key, value in selector.items())


def _ingress(checked: Checked, each: Object) -> None:
    for path, value in paths(each.body.get("spec")):
        if path[-1:] != ("service",) or not isinstance(value, dict) or "name" not in value:
            continue
        service = checked.find("Service", value["name"])
        if service is None:
            names = [found.name for found in checked.objects if found.kind == "Service"]
            message = f"{each.title}: Service {value['name']!r} is not part of this stack; the cluster must have it"
            nearest = checked.nearest(value["name"], names)
            checked.warnings.append(each.problem(("spec", *path, "name"), message, nearest=nearest))
            continue
        port = value.get("port") or {}
        ports = service.body["spec"].get("ports") or ()
        known = {str(found.get(key)) for found in ports for key in ("name", "port")}
        asked = port.get("name", port.get("number"))
        if asked is not None and str(asked) not in known:
            message = f"{each.title}: {service.title} has no port {asked!r}"
            checked.wrong(each, ("spec", *path, "port"), message, str(asked), sorted(known))


def _references(checked: Checked, each: Object) -> None:
    """ConfigMaps and Secrets that containers and volumes name, and keys of them."""
    for path, value in paths(pod_spec(each.body) or {}):
        if not isinstance(value, dict) or value.get("optional"):
            continue
        kind, name, keys = _referred(path, value)
        if kind and isinstance(name, str):
            _reference(checked, each, (*pod_path(each), *path), kind, name, keys)
    account = (pod_spec(each.body) or {}).get("serviceAccountName")
    if account and account != "default" and checked.find("ServiceAccount", account) is None:
        message = f"{each.title}: ServiceAccount {account!r} is not part of this stack; the cluster must have it"
        checked.warnings.append(each.problem((*pod_path(each), "serviceAccountName"), message))


def _referred(path: Steps, value: JSON) -> tuple[str, Any, list[tuple[Steps, str]]]:
    """Kind, name and keys of what a value at that path refers to; an empty kind if it refers to nothing."""
    step = path[-1] if path else ""
    single = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}.get(str(step))
    if single:
        return single, value.get("name"), [(("key",), str(value.get("key", "")))]
    whole = {"configMapRef": "ConfigMap", "secretRef": "Secret"}.get(str(step))
    if whole and "envFrom" in path:
        return whole, value.get("name"), []
    kind = {"configMap": "ConfigMap", "secret": "Secret"}.get(str(step))
    if kind and "volumes" in path:
        items = enumerate(value.get("items") or ())
        keys = [(("items", index, "key"), str(item.get("key", ""))) for index, item in items]
        return kind, value.get("name") or value.get("secretName"), [(tuple(at), key) for at, key in keys]
    return "", None, []


def _reference(
    checked: Checked, each: Object, path: Steps, kind: str, name: str, keys: list[tuple[Steps, str]]
) -> None:
    found = checked.find(kind, name)
    if found is None:
        if kind == "Secret" and any(secret == name for secret, _ in checked.secrets):
            return
        names = [one.name for one in checked.objects if one.kind == kind]
        message = f"{each.title}: {kind} {name!r} is not part of this stack; the cluster must have it"
        at = path if "name" not in _fields_at(each, path) else (*path, "name")
        checked.warnings.append(each.problem(at, message, nearest=checked.nearest(name, names)))
        return
    known = [key for part in ("data", "binaryData", "stringData") for key in found.body.get(part) or ()]
    for at, key in keys:
        # A Secret that is declared without keys gets them from this machine.
        if key not in known and (name, key) not in checked.secrets and (known or kind == "ConfigMap"):
            message = f"{each.title}: {found.title} has no key {key!r}"
            checked.wrong(each, (*path, *at), message, key, known)


def _fields_at(each: Object, path: Steps) -> Sequence[str]:
    """The fields of a mapping in an object."""
    value: Any = each.body
    for step in path:
        value = value[step]
    return list(value) if isinstance(value, dict) else []


def _scaling(checked: Checked, each: Object) -> None:
    """Autoscalers without a workload, and budgets that select nothing."""
    if each.kind == "HorizontalPodAutoscaler":
        target = (each.body.get("spec") or {}).get("scaleTargetRef") or {}
        kind, name = target.get("kind"), target.get("name")
        if kind in _MAKES_PODS and checked.find(kind, name) is None:
            names = [found.name for found in checked.objects if found.kind == kind]
            message = f"{each.title}: {kind} {name!r} is not part of this stack; the cluster must have it"
            nearest = checked.nearest(name, names)
            checked.warnings.append(each.problem(("spec", "scaleTargetRef", "name"), message, nearest=nearest))
    if each.kind == "PodDisruptionBudget":
        labels = ((each.body.get("spec") or {}).get("selector") or {}).get("matchLabels")
        if labels and not any(_selects(labels, found) for found in checked.objects):
            message = f"{each.title} selects no pods of this stack"
            checked.warnings.append(each.problem(("spec", "selector"), message))
