"""What is certainly wrong between the objects of a stack, and what the cluster must have for it (a warning)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from console.adapters.stackfiles.objects import Object
from console.adapters.stackfiles.positions import Path as Steps
from console.adapters.stackfiles.positions import paths
from console.model.errors import Problem
from console.model.plan import ObjectRef
from console.model.podspec import pod_spec, pod_template
from console.model.stack import JSON

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_MAKES_PODS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}


@dataclass(slots=True)
class Checked:
    """What the checks look at, and what they find.

    Attributes:
        objects: of the stack, on its target, of Kubernetes' own kinds.
        secrets: (Secret, key) pairs that externals put there.
    """

    objects: Sequence[Object]
    secrets: frozenset[tuple[str, str]]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def find(self, kind: str, name: object, namespace: object) -> Object | None:
        """The object of that kind and name in a namespace."""
        wanted = (kind, name, namespace)
        return next((each for each in self.objects if (each.kind, each.name, each.namespace) == wanted), None)

    def selected(self, each: Object, labels: JSON) -> list[Object]:
        """What makes pods with these labels, in the namespace of an object."""
        return [found for found in self.objects if found.namespace == each.namespace and _selects(labels, found)]

    def wrong(self, each: Object, path: Steps, message: str, offending: str, known: Sequence[str]) -> None:
        """Tells of a name that is none of those known."""
        nearest = self.nearest(offending, known)
        self.problems.append(each.problem(path, message, offending=offending, nearest=nearest))

    def doubt(self, each: Object, path: Steps, message: str, needs: ObjectRef | None = None, nearest: str = "") -> None:
        """Tells of what only the cluster knows; `needs` is the object that it must have."""
        self.warnings.append(replace(each.problem(path, message, nearest=nearest), needs=needs))

    def nearest(self, name: object, names: Sequence[str]) -> str:
        """The name that may be meant, empty if none is near."""
        return next(iter(get_close_matches(str(name), names, n=1)), "")


def check_objects(checked: Checked) -> None:
    """Runs every check over the objects, but those of `needs`."""
    for each in checked.objects:
        checked.problems += secret_values(each)
        _selector(checked, each)
        _ports(checked, each)
        _scaling(checked, each)
        if each.kind == "Service":
            _service_ports(checked, each)
        if each.kind == "Ingress":
            _ingress(checked, each)


def check_twice(objects: Sequence[Object]) -> Iterator[Problem]:
    """Objects that are declared more than once."""
    seen: dict[tuple[str, ...], Object] = {}
    for each in objects:
        first = seen.setdefault((each.group, each.kind, each.namespace, each.name), each)
        if first is not each:
            line = first.document.mark(first.base).line
            message = f"{each.title} stands here for the second time, first in {first.document.file}:{line}"
            yield each.problem(("metadata", "name"), message)


def secret_values(each: Object) -> Iterator[Problem]:
    """Values of Secrets that stand in an object or a patch."""
    for part in ("data", "stringData") if each.kind == "Secret" else ():
        for key, value in (each.body.get(part) or {}).items():
            if value:
                expected = f"the value in the environment or in .env, as {key}"
                message = f"the value of a Secret stands in a file: {each.title} {key}"
                yield each.problem((part, key), message, at_key=True, expected=expected)


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
    spec = pod_spec(each.body) if each.native else None
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
    spec = each.body.get("spec") or {}
    selector = spec.get("selector")
    if not selector:
        return
    selected = checked.selected(each, selector)
    if not selected:
        message = f"{each.title} selects no pods of this stack"
        checked.doubt(each, ("spec", "selector"), message)
        return
    names = [name for found in selected for _, container in containers(found) for name in _port_names(container)]
    for index, port in enumerate(spec.get("ports") or ()):
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
        if path[-1:] != ("service",) or not isinstance(value, dict):
            continue
        service = checked.find("Service", value["name"], each.namespace)
        if service is None:
            names = [found.name for found in checked.objects if found.kind == "Service"]
            message = f"{each.title}: Service {value['name']!r} is not part of this stack; the cluster must have it"
            nearest = checked.nearest(value["name"], names)
            needs = ObjectRef("v1", "Service", each.namespace, value["name"])
            checked.doubt(each, ("spec", *path, "name"), message, needs, nearest)
            continue
        port = value.get("port") or {}
        ports = (service.body.get("spec") or {}).get("ports") or ()
        known = {str(found.get(key)) for found in ports for key in ("name", "port")}
        asked = port.get("name", port.get("number"))
        if asked is not None and str(asked) not in known:
            message = f"{each.title}: {service.title} has no port {asked!r}"
            checked.wrong(each, ("spec", *path, "port"), message, str(asked), sorted(known))


def _scaling(checked: Checked, each: Object) -> None:
    """Autoscalers without a workload, and budgets that select nothing."""
    if each.kind == "HorizontalPodAutoscaler":
        target = (each.body.get("spec") or {}).get("scaleTargetRef") or {}
        kind, name = target.get("kind"), target.get("name")
        if kind in _MAKES_PODS and checked.find(kind, name, each.namespace) is None:
            names = [found.name for found in checked.objects if found.kind == kind]
            message = f"{each.title}: {kind} {name!r} is not part of this stack; the cluster must have it"
            nearest = checked.nearest(name, names)
            needs = ObjectRef(str(target.get("apiVersion") or "apps/v1"), kind, each.namespace, str(name))
            checked.doubt(each, ("spec", "scaleTargetRef", "name"), message, needs, nearest)
    if each.kind == "PodDisruptionBudget":
        labels = ((each.body.get("spec") or {}).get("selector") or {}).get("matchLabels")
        if labels and not checked.selected(each, labels):
            message = f"{each.title} selects no pods of this stack"
            checked.doubt(each, ("spec", "selector"), message)
