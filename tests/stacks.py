"""Stacks for tests, made from manifests as text."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from console.model.gathered import Declared, Gathered, Image, ObjectState
from console.model.plan import ObjectRef
from console.model.stack import JSON, BuildSource, ExternalSource, Manifest, Place, Service, Stack, Target

CLUSTER_WIDE = {"Namespace", "ClusterRole", "StorageClass", "IngressClass", "CustomResourceDefinition"}


def manifests(text: str, service: str = "", namespace: str = "todo") -> tuple[Manifest, ...]:
    """The objects in a YAML text, placed in the namespace."""
    found = []
    for body in yaml.safe_load_all(text):
        inside = body["kind"] not in CLUSTER_WIDE
        body["metadata"] |= {"namespace": body["metadata"].get("namespace", namespace)} if inside else {}
        ref = ObjectRef(body["apiVersion"], body["kind"], namespace if inside else "", body["metadata"]["name"])
        found.append(Manifest(ref, body, Place("k8s/all.yaml", 1, 1), service))
    return tuple(found)


def build_source(service: str, context: Path = Path("/nowhere"), *, dockerfile: Path | None = None) -> BuildSource:
    """A build of an image; bundles are packed from the context as it is."""
    file = dockerfile or context / "Dockerfile"
    return BuildSource(service=service, name=f"todo-{service}", context=context, dockerfile=file)


def make_service(
    name: str, text: str, namespace: str = "todo", build: BuildSource | None = None, **more: Any
) -> Service:
    """A service with these manifests; `build` makes its image."""
    return Service(name, build.name if build else "", build, manifests(text, name, namespace), **more)


def make_stack(
    services: Sequence[Service],
    shared: str = "",
    externals: Sequence[ExternalSource] = (),
    namespace: str = "todo",
    **more: Any,
) -> Stack:
    """A stack named todo on a target named test."""
    target = Target("test", "sandbox", namespace)
    placed = manifests(shared, namespace=namespace) if shared else ()
    return Stack("todo", Path("/nowhere/stack.yaml"), target, tuple(services), placed, tuple(externals), **more)


def deployment(name: str, *, replicas: int = 2, **container: Any) -> str:
    """A Deployment with one container, as text."""
    labels = {"app.kubernetes.io/name": name}
    spec = {"containers": [{"name": name, "image": f"todo-{name}", **container}]}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    return yaml.safe_dump(body)


def config_map(name: str, **data: str) -> str:
    """A ConfigMap, as text."""
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def together(*texts: str) -> str:
    """Several objects in one text."""
    return "---\n".join(texts)


def image_of(source: BuildSource, tag: str = "abc", *, present: bool = True) -> Image:
    """The image of a build, in a registry on loopback."""
    return Image(source.service, source, tag, f"127.0.0.1:5000/{source.name}:{tag}", present)


def unchanged(declared: Declared) -> ObjectState:
    """An object that is live as it is declared."""
    return ObjectState(declared, copy.deepcopy(declared.body), copy.deepcopy(declared.body))


def edited(declared: Declared, live: JSON, **more: Any) -> ObjectState:
    """An object whose live fields differ from what is declared, as a merge patch says."""
    return ObjectState(declared, _merged(declared.body, live), copy.deepcopy(declared.body), **more)


def _merged(body: JSON, patch: Mapping[str, Any]) -> JSON:
    merged = copy.deepcopy(body)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key) or {}, value) if isinstance(value, dict) else value
    return merged


def gathered_of(stack: Stack, states: Sequence[ObjectState], **more: Any) -> Gathered:
    """What was gathered about these objects, in a namespace that exists."""
    more = {"namespace_exists": True, "images": ()} | more
    return Gathered(stack=stack, objects=tuple(states), **more)
