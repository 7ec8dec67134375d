"""From what was gathered to a plan: which steps, in which order, with the diff of every object. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from console.model.changes import Redact, object_changes
from console.model.declare import rank
from console.model.gathered import Gathered
from console.model.plan import ChangeKind, FieldChange, ObjectChange, ObjectRef, Plan, StepKind
from console.model.podspec import WORKLOADS, containers, pod_spec
from console.model.redaction import MASK
from console.model.stack import Service, Stack
from console.model.steps import Steps, critical_path
from console.model.wording import image_name

_SHARED = "apply:shared"
# Their end is the end of pods; an autoscaler would start new ones.
_MAKES_PODS = WORKLOADS | {"CronJob", "HorizontalPodAutoscaler"}
_DEFAULT_TIMEOUT = 180.0
_LEAST_TIMEOUT = 60.0
_PATIENCE = 4.0
"""A service gets so many times its own slowest start."""


def plan_deploy(gathered: Gathered, redact: Redact, *, kind: str = "deploy", about: str = "") -> Plan:
    """What a deploy would do, or another operation that makes a release.

    Args:
        gathered: what was learnt; nobody is asked again.
        redact: masks sensitive values in text that is shown.
        kind: the command.
        about: more of what it does, in words.
    """
    deploy = _Deploy(gathered, object_changes(gathered, redact))
    deploy.prepare()
    deploy.roll_out()
    deploy.finish()
    warnings = (*_unsettled(gathered), *gathered.warnings, *_conflicts(gathered), *_lost_data(gathered.obsolete))
    plan = _plan(kind, gathered, deploy.steps, tuple(redact(text) for text in warnings))
    return replace(plan, about=redact(about))


def plan_destroy(gathered: Gathered) -> Plan:
    """What a destroy would remove: `gathered.objects` are all that carry the stack's label.

    The pods of a service are told to stop once those of all that come after it are stopping, so that services drain at
    the same time. What pods stand on (Services, configuration, policies) goes when they have ended, and what belongs to
    no service goes last, the namespace at the very end.
    """
    refs: dict[str, list[ObjectRef]] = {}
    for state in gathered.objects:
        refs.setdefault(state.declared.service, []).append(state.declared.ref)
    behind = _all_behind(gathered.stack)
    names = [name for name in (*sorted(refs.keys() - {*behind, ""}), *behind) if name in refs]
    steps = Steps(gathered.past)
    for name in names:
        if makers := [ref for ref in refs[name] if ref.kind in _MAKES_PODS]:
            needs, changes = [f"stop:{each}" for each in behind.get(name, ())], _deletions(makers, name)
            steps.add(f"stop:{name}", StepKind.STOP, f"stop {name}", service=name, needs=needs, changes=changes)
    for name in names:
        needs = [f"stop:{name}", *(f"prune:{each}" for each in behind.get(name, ()))]
        changes = _deletions([ref for ref in refs[name] if ref.kind not in _MAKES_PODS], name)
        steps.add(f"prune:{name}", StepKind.PRUNE, f"remove {name}", service=name, needs=needs, changes=changes)
    if "" in refs:
        changes = _deletions(refs[""], "")
        steps.add("prune", StepKind.PRUNE, "remove what is shared", needs=steps.ids, changes=changes)
    warnings = (*gathered.warnings, *_lost_data(ref for group in refs.values() for ref in group))
    return _plan("destroy", gathered, steps, warnings)


def rollout_order(stack: Stack) -> list[str]:
    """The services' names, each behind all that it comes after; else as they are written."""
    names = [service.name for service in stack.services]
    graph = {service.name: [name for name in service.after if name in names] for service in stack.services}
    return list(TopologicalSorter(graph).static_order())


def _all_behind(stack: Stack) -> dict[str, list[str]]:
    """By service, all that come after it, however indirectly; those that nothing comes after first."""
    behind: dict[str, list[str]] = {}
    for name in reversed(rollout_order(stack)):
        direct = [service.name for service in stack.services if name in service.after]
        behind[name] = list(dict.fromkeys(each for near in direct for each in (near, *behind[near])))
    return behind


class _Deploy:
    """The steps of one deploy."""

    def __init__(self, gathered: Gathered, changes: Sequence[ObjectChange]) -> None:
        self.steps = Steps(gathered.past)
        self._gathered = gathered
        self._stack = gathered.stack
        self._changes: dict[str, list[ObjectChange]] = {}
        for change in changes:
            self._changes.setdefault(change.service, []).append(change)

    def prepare(self) -> None:
        """What comes before any object of a service: preflight, externals of our own, images, shared objects."""
        self.steps.add("preflight", StepKind.PREFLIGHT, "check that everything is there")
        for external in self._stack.externals:
            if external.name in self._gathered.unprovisioned:
                title = f"start {external.name} ({external.kind})"
                self.steps.add(f"provision:{external.name}", StepKind.PROVISION, title, needs=["preflight"])
        for image in self._gathered.images:
            if not image.present:
                build, name = f"build:{image.service}", image_name(f"{image.source.name}:{image.tag}")
                service = image.service
                self.steps.add(build, StepKind.BUILD, f"build {name}", service=service, needs=["preflight"])
                self.steps.add(f"push:{service}", StepKind.PUSH, f"push {name}", service=service, needs=[build])
        shared = self._shared_changes()
        provisions = [f"provision:{name}" for name in self._gathered.unprovisioned]
        if _changed(shared):
            title, needs = "apply what is shared", ["preflight", *provisions]
            self.steps.add(_SHARED, StepKind.APPLY, title, needs=needs, changes=shared)

    def roll_out(self) -> None:
        """Every service behind what it comes after. One that stays as it is, and is not ready, is waited for."""
        for name in rollout_order(self._stack):
            service = self._stack.service(name)
            if service:
                self._apply(service)
                self._wait(service)

    def finish(self) -> None:
        """What comes last: objects that are declared no more are removed, then the release is recorded."""
        if self._gathered.obsolete:
            changes, title = _deletions(self._gathered.obsolete, ""), "remove what is no longer declared"
            self.steps.add("prune", StepKind.PRUNE, title, needs=self.steps.ids, changes=changes)
        if any(step.kind in {StepKind.APPLY, StepKind.PRUNE} for step in self.steps.all):
            self.steps.add("record", StepKind.RECORD, "record the release", needs=self.steps.ids)

    def _apply(self, service: Service) -> None:
        changes = self._changes.get(service.name, ())
        if _changed(changes):
            needs = ["preflight", _SHARED, *self._pushes(service), *self._behind(service)]
            step_id, title = f"apply:{service.name}", f"apply {service.name}"
            self.steps.add(step_id, StepKind.APPLY, title, service=service.name, needs=needs, changes=changes)

    def _wait(self, service: Service) -> None:
        apply, name = f"apply:{service.name}", service.name
        pushes = self._pushes(service)
        rolls = any(change.ref.kind in WORKLOADS for change in self._changes.get(name, ()))
        if rolls and (apply in self.steps or pushes or name in self._gathered.unready):
            needs = [apply] if apply in self.steps else ["preflight", *pushes, *self._behind(service)]
            timeout = _timeout(service, self._gathered.past.get(f"wait:{name}", ()))
            title = f"wait until {name} is ready"
            self.steps.add(f"wait:{name}", StepKind.WAIT, title, service=name, needs=needs, timeout=timeout)

    def _pushes(self, service: Service) -> list[str]:
        """The pushes of all images that the service's containers run, whichever service they are built for."""
        specs = (
            pod_spec(each.declared.body) for each in self._gathered.objects if each.declared.service == service.name
        )
        used = {container.get("image") for spec in specs if spec for container in containers(spec)}
        return [f"push:{each.service}" for each in self._gathered.images if not each.present and each.reference in used]

    def _behind(self, service: Service) -> Iterator[str]:
        """What a service waits for; in place of one that has no steps, what that one comes after."""
        for name in service.after:
            own = [f"wait:{name}", f"apply:{name}", f"provision:{name}"]
            known = self._stack.service(name)
            if known and not any(step in self.steps for step in own):
                yield from self._behind(known)
            yield from own

    def _shared_changes(self) -> list[ObjectChange]:
        """Of shared objects; Secrets of externals of our own that do not run yet get a value that is not known yet."""
        changes = {change.ref: change for change in self._changes.get("", ())}
        for external in self._stack.externals:
            ref = ObjectRef("v1", "Secret", self._stack.namespace, external.secret)
            if external.name in self._gathered.unprovisioned:
                there = ref in changes and changes[ref].kind is not ChangeKind.CREATE
                kind, before = (ChangeKind.UPDATE, MASK) if there else (ChangeKind.CREATE, "")
                field = FieldChange(f"data.{external.key}", kind, before, f"{MASK} (known once it runs)")
                others = changes[ref].fields if ref in changes else ()
                fields = (field, *(each for each in others if each.path != field.path))
                changes[ref] = ObjectChange(ref, "", kind, fields)
        return list(changes.values())


def _plan(kind: str, gathered: Gathered, steps: Steps, warnings: tuple[str, ...]) -> Plan:
    stack = gathered.stack
    return Plan(
        kind=kind,
        stack=stack.name,
        target=stack.target.name,
        namespace=stack.namespace,
        context=stack.target.context,
        protected=stack.target.protected,
        steps=steps.all,
        checks=gathered.checks,
        warnings=tuple(dict.fromkeys(warnings)),
        expected_seconds=critical_path(steps.all),
        cluster=gathered.cluster,
    )


def _timeout(service: Service, past: Sequence[float]) -> float:
    if service.timeout is not None:
        return service.timeout
    return max(_LEAST_TIMEOUT, _PATIENCE * max(past)) if past else _DEFAULT_TIMEOUT


def _changed(changes: Iterable[ObjectChange]) -> bool:
    return any(change.kind is not ChangeKind.UNCHANGED for change in changes)


def _deletions(refs: Iterable[ObjectRef], service: str) -> list[ObjectChange]:
    """What uses others goes before what is used: the reverse of the order in which kinds are applied."""
    ordered = sorted(refs, key=lambda ref: (-rank(ref.kind), ref))
    return [ObjectChange(ref, service, ChangeKind.DELETE) for ref in ordered]


def _unsettled(gathered: Gathered) -> Iterator[str]:
    """Warnings of the stack's files, but those that preflight settled: a check says what the cluster does not have."""
    unknown = {check.unknown for check in gathered.checks}
    for problem in gathered.stack.warnings:
        if problem.needs is None or problem.needs in unknown or not gathered.checks:
            yield str(problem)


def _conflicts(gathered: Gathered) -> Iterator[str]:
    for state in gathered.objects:
        for field, manager in state.conflicts:
            yield f"{state.declared.ref}: {field} belongs to {manager}"


def _lost_data(refs: Iterable[ObjectRef]) -> Iterator[str]:
    for ref in refs:
        if ref.kind == "PersistentVolumeClaim":
            yield f"{ref} would be removed, and what it stores with it"
