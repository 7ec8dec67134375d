"""From checked objects to the stack of the model: every object in its namespace and with its service."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from console.adapters.stackfiles.naming import dockerfile_of, image_of
from console.adapters.stackfiles.objects import Object
from console.model.drills.judging import DrillSource
from console.model.plan import ObjectRef
from console.model.podspec import WORKLOADS
from console.model.stack import (
    Acceptance,
    BuildSource,
    Canary,
    ExternalSource,
    HarmlessKey,
    Manifest,
    Place,
    Pooling,
    ProbeLoad,
    Service,
    Stack,
)
from console.model.stack import Target as ResolvedTarget
from console.model.stackfile import Drill, KubernetesTarget, StackFile, seconds


def place(each: Object, declared: str, namespace: str) -> None:
    """Puts an object into the target's namespace.

    What names the stack's own namespace moves along: the Namespace itself, `metadata.namespace`, subjects of bindings.
    """
    each.body = copy.deepcopy(each.body)
    metadata = each.body["metadata"]
    if each.namespaced:
        if metadata.get("namespace") in (None, "", declared):
            metadata["namespace"] = namespace
        subjects = each.body.get("subjects") if each.native else None
        for subject in subjects or ():
            if subject.get("namespace") == declared:
                subject["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
        if each.kind == "Namespace" and each.name == declared:
            metadata["name"] = namespace


def resolve(file: Path, described: StackFile, target: str, namespace: str, objects: Sequence[Object]) -> Stack:
    """The stack, from what was read."""
    _give_workloads(objects)
    manifests = [_manifest(each) for each in objects]
    named = list(described.services)
    names = dict.fromkeys([*named, *(each.service for each in manifests if each.service)])
    services = tuple(_service(name, file.parent, described, target, manifests) for name in names)
    shared = tuple(each for each in manifests if not each.service)
    externals = tuple(_external(name, described, target) for name in described.externals)
    place_of = _target(target, described, namespace)
    wanted = described.probe_load
    load = ProbeLoad(wanted.service or "", wanted.path or "", wanted.rate)
    return Stack(
        described.name,
        file,
        place_of,
        services,
        shared,
        externals,
        _acceptance(described),
        probe_load=load,
        drills=tuple(map(_drill, described.drills)),
    )


def _give_workloads(objects: Sequence[Object]) -> None:
    """A workload of the shared manifests belongs to the service of its name, which may be only this workload."""
    for each in objects:
        if not each.service and each.kind in WORKLOADS:
            each.service = each.name


def _manifest(each: Object) -> Manifest:
    namespace = str(each.body["metadata"].get("namespace", "")) if each.namespaced else ""
    ref = ObjectRef(each.body["apiVersion"], each.kind, namespace, each.name)
    line, column = each.document.mark(each.base)
    return Manifest(ref, each.body, Place(each.document.file, line, column), each.service)


def _service(name: str, folder: Path, described: StackFile, target: str, manifests: Sequence[Manifest]) -> Service:
    mine = tuple(each for each in manifests if each.service == name)
    if name not in described.services:
        return Service(name, "", None, mine)
    service = described.services[name]
    timeout = seconds(service.timeout) if service.timeout else None
    build = _build(name, folder, described, target)
    return Service(name, image_of(name, described), build, mine, tuple(service.after), timeout)


def _build(name: str, folder: Path, described: StackFile, target: str) -> BuildSource | None:
    service = described.services[name]
    build, bundle = service.build, service.sandbox
    if build is None:
        return None
    source = BuildSource(
        service=name,
        name=image_of(name, described),
        context=(folder / build.context).resolve(),
        dockerfile=dockerfile_of(build, folder).resolve(),
        args=build.args,
        target=build.target or "",
        platforms=tuple(build.platforms),
        network=build.network or "",
        secrets=tuple(build.secrets),
    )
    if bundle is None or described.targets[target].kind != "sandbox":
        return source
    return dataclasses.replace(
        source,
        prepare=tuple(bundle.prepare),
        command=tuple(bundle.command),
        environment=bundle.env,
        passed=tuple(bundle.passed),
    )


def _external(name: str, described: StackFile, target: str) -> ExternalSource:
    external = described.externals[name]
    brought = described.targets[target].externals.get(name)
    secret = external.secret
    return ExternalSource(name, external.kind, secret.name, secret.key, brought.provision if brought else "")


def _drill(described: Drill) -> DrillSource:
    return DrillSource(
        described.kind,
        described.service,
        tuple(described.options.items()),
        tuple(described.suites),
        seconds(described.expect.recover_within),
        described.expect.failed_requests,
        seconds(described.limit),
        tuple(described.on_protected),
    )


def _target(name: str, described: StackFile, namespace: str) -> ResolvedTarget:
    target = described.targets[name]
    if isinstance(target, KubernetesTarget):
        context, registry = target.context, target.registry
        return ResolvedTarget(name, "kubernetes", namespace, context, registry, target.protected)
    return ResolvedTarget(name, "sandbox", namespace, protected=target.protected)


def _acceptance(described: StackFile) -> Acceptance:
    wanted = described.acceptance
    scale, canary, pool, config = wanted.scale, wanted.canary, wanted.pool, wanted.config
    made = Acceptance(
        seconds(wanted.deploy_within),
        seconds(wanted.config_effective_within),
        ready_within=seconds(wanted.ready_within),
        config=HarmlessKey(config.service, config.key, tuple(config.values)) if config else None,
        canary=Canary(**canary.model_dump() | {"remove": canary.remove or ""}) if canary else None,
        pool=Pooling(**pool.model_dump()) if pool else None,
    )
    if scale is None:
        return made
    return dataclasses.replace(made, scale_service=scale.service, scale_from=scale.from_, scale_to=scale.to)
