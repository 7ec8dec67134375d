"""What operators do to a deployed stack: each operation turns the objects of its last release into those of the next.

So all of them are planned, shown, carried out, kept and undone like a deploy. An autoscaler's workload keeps the
replicas that it has, except where the operation itself is about them (kubernetes.io, "Horizontal Pod Autoscaling").
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from console.model.autoscaling import autoscalers, leave_replicas
from console.model.checksums import set_checksum
from console.model.configuration import CONFIGURATION, Reading, keys_of, readings, values_of
from console.model.declare import rank
from console.model.editing import edited, odd_shapes, refuse_conflicts, refuse_invalid
from console.model.errors import NotFoundError, UsageError
from console.model.plan import ObjectRef
from console.model.release import Release
from console.model.restarting import keep_restart, restart
from console.model.stack import JSON, SERVICE_LABEL, STOPPED_ANNOTATION

SCALED = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})
RESTARTED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
MOST = 1000
"""Replicas that a service can be asked for."""
Bodies = dict[ObjectRef, JSON]


@dataclass(frozen=True, slots=True)
class Before:
    """What an operation starts from: the stack's releases, the newest first, and what is live of their objects."""

    releases: Sequence[Release]
    live: Mapping[ObjectRef, JSON]
    now: float

    def bodies(self) -> Bodies:
        """The objects of the newest release, to be changed at will."""
        return objects_of(self.releases[0], self.live)


@dataclass(frozen=True, slots=True)
class Scale:
    """Other numbers of pods, by service; where an autoscaler rules, its bounds are moved as well."""

    wanted: Mapping[str, int]
    kind = "scale"

    @property
    def about(self) -> str:
        """What is done, in words."""
        return ", ".join(f"{name} scaled to {count}" for name, count in self.wanted.items())

    def after(self, before: Before) -> Bodies:
        """The objects as they shall be.

        Raises:
            UsageError: there is no such service, nothing of it can be scaled, or the number makes no sense.
        """
        bodies = before.bodies()
        for name, count in self.wanted.items():
            if not 0 <= count <= MOST:
                raise UsageError(f"{name}={count}: the number of pods is between 0 and {MOST}")
            _scale(bodies, _workload(bodies, name), count)
        return bodies


@dataclass(frozen=True, slots=True)
class Restart:
    """New pods for some services, or for all if none is named, one service behind what it comes after."""

    services: tuple[str, ...] = ()
    kind = "restart"

    @property
    def about(self) -> str:
        """What is done, in words."""
        return f"{', '.join(self.services) or 'everything'} restarted"

    def after(self, before: Before) -> Bodies:
        """The objects as they shall be. Raises UsageError: there is no such service, or it has nothing to restart."""
        bodies = before.bodies()
        named = self.services or tuple(_services(bodies))
        found = [ref for name in named for ref in _of_service(bodies, name) if ref.kind in RESTARTED]
        if not found:
            raise UsageError(f"nothing of {', '.join(named)} can be restarted", hint="Jobs and single Pods cannot")
        for ref in found:
            restart(bodies[ref], before.now)
        return bodies


@dataclass(frozen=True, slots=True)
class Configure:
    """Other values of a ConfigMap or Secret, None for a key that goes; who only sees them when it starts is restarted.

    Values of a Secret are in base64. `base` are the live values that the edit was made from, None where it was made
    from none: what somebody else wrote since then into the same keys is not overwritten.
    """

    ref: ObjectRef
    values: Mapping[str, str | None] = field(repr=False)
    base: Mapping[str, str] | None = field(default=None, repr=False)
    kind = "config"

    @property
    def about(self) -> str:
        """What is done, in words; never a value."""
        return f"{self.ref}: {', '.join(self.values)} changed"

    def after(self, before: Before) -> Bodies:
        """The objects as they shall be.

        Raises:
            NotFoundError: the stack has no such object.
            UsageError: the API server would not take it.
            EditConflictError: somebody else changed the same keys since `base`.
        """
        bodies = before.bodies()
        if self.ref not in bodies:
            known = [str(ref) for ref in bodies if ref.kind == self.ref.kind]
            raise NotFoundError(f"the stack has no {self.ref}", hint=f"there are: {', '.join(known) or 'none'}")
        body, there = bodies[self.ref], before.live.get(self.ref) or {}
        refuse_invalid(self.ref, there or body, self.values)
        live = values_of(there)
        if self.base is not None:
            refuse_conflicts(self.ref, self.base, live, self.values)
        body["data"] = edited(values_of(body), self.values)
        body.pop("stringData", None)
        sources = {**before.live, **bodies}
        for ref, each in bodies.items():
            set_checksum(each, before.releases[0].checksum_key, sources, before.live.get(ref))
        # What is live already, and not in the last release, was sent by a run that did not get to the readers.
        earlier = [live, values_of(before.releases[0].object(self.ref) or {})]
        changed = {key for key, value in self.values.items() if any(each.get(key) != value for each in earlier)}
        _restart_readers(before, bodies, self.ref, changed)
        return bodies

    def warnings(self, before: Before) -> tuple[str, ...]:
        """What looks wrong about the edit, and hinders nothing."""
        bodies = self.after(before)
        readers = _readings(before, bodies, self.ref)
        read = {each.key for each in readers}
        begun = {each.workload for each in readers if each.key in self.values and each.way.restarts}
        stay = [f"{ref} keeps what it began with" for ref in sorted(begun) if ref.kind in {"Job", "Pod"}]
        idle = [f"{self.ref} {key}: no container of the stack reads it" for key in self.values if key not in read]
        history = [values_of(release.object(self.ref) or {}) for release in before.releases]
        live = values_of(before.live.get(self.ref) or {})
        return (*odd_shapes(self.ref, [live, *history], self.values), *idle, *stay)


@dataclass(frozen=True, slots=True)
class RollBack:
    """The whole stack as it was in an earlier release."""

    number: int
    kind = "rollback"

    @property
    def about(self) -> str:
        """What is done, in words."""
        return f"rolled back to release {self.number}"

    def after(self, before: Before) -> Bodies:
        """The objects as they were. Raises UsageError: there is no such release, or it was not kept whole."""
        found = next((each for each in before.releases if each.number == self.number), None)
        if found is None:
            known = ", ".join(str(each.number) for each in before.releases)
            raise UsageError(f"there is no release {self.number}", hint=f"there are: {known}")
        if not found.objects:
            raise UsageError(f"release {self.number} was too large to be kept whole: nobody can go back to it")
        bodies = objects_of(found, before.live)
        for ref in [ref for ref in bodies if ref.kind in CONFIGURATION and before.live.get(ref)]:
            live, then = values_of(before.live[ref]), values_of(bodies[ref])
            _restart_readers(before, bodies, ref, {key for key in {**live, **then} if live.get(key) != then.get(key)})
        return bodies


@dataclass(frozen=True, slots=True)
class Stop:
    """No pods any more; every workload remembers how many it had."""

    kind = "stop"
    about = "stopped"

    def after(self, before: Before) -> Bodies:
        """The objects as they shall be."""
        bodies = before.bodies()
        for ref, body in bodies.items():
            if ref.kind in SCALED and STOPPED_ANNOTATION not in _annotations(body):
                _annotate(body, STOPPED_ANNOTATION, str(_replicas(before.live.get(ref) or body)))
                body["spec"]["replicas"] = 0
            elif ref.kind == "CronJob" and not body["spec"].get("suspend"):
                _annotate(body, STOPPED_ANNOTATION, "running")
                body["spec"]["suspend"] = True
        return bodies


@dataclass(frozen=True, slots=True)
class Start:
    """As many pods as there were before the stop."""

    kind = "start"
    about = "started"

    def after(self, before: Before) -> Bodies:
        """The objects as they shall be."""
        bodies = before.bodies()
        for ref, body in bodies.items():
            if (count := _annotations(body).get(STOPPED_ANNOTATION)) is None:
                continue
            del body["metadata"]["annotations"][STOPPED_ANNOTATION]
            if ref.kind == "CronJob":
                body["spec"]["suspend"] = False
            else:
                body["spec"]["replicas"] = int(count)
        return bodies


Operation = Scale | Restart | Configure | RollBack | Stop | Start


def objects_of(release: Release, live: Mapping[ObjectRef, JSON]) -> Bodies:
    """The objects of a release, to be changed at will, in the order in which they are applied.

    Autoscaled workloads keep the pods that they have, restarted ones the mark of it.
    """
    sent = {ObjectRef.of(body): copy.deepcopy(body) for body in release.objects}
    bodies = dict(sorted(sent.items(), key=lambda item: rank(item[0].kind)))
    ruled = autoscalers(bodies.values())
    for ref, body in bodies.items():
        keep_restart(body, live.get(ref))
        if (ref.kind, ref.namespace, ref.name) in ruled and STOPPED_ANNOTATION not in _annotations(body):
            leave_replicas(body, live.get(ref))
    return bodies


def _readings(before: Before, bodies: Bodies, ref: ObjectRef) -> tuple[Reading, ...]:
    """Who reads a ConfigMap or Secret, with the keys that it has and is to have."""
    keys = keys_of([*before.live.values(), *bodies.values()])
    live = values_of(before.live.get(ref) or {})
    return readings(bodies.values(), ref, {**keys, ref: {**live, **values_of(bodies[ref])}})


def _restart_readers(before: Before, bodies: Bodies, ref: ObjectRef, changed: Set[str]) -> None:
    """New pods also for those that a checksum does not tell: files by `subPath`, and where it is not known."""
    there = before.bodies()
    for each in _readings(before, bodies, ref):
        reader, sees = each.workload, each.key in changed and each.way.restarts
        if sees and reader.kind in RESTARTED and bodies[reader] == there.get(reader):
            restart(bodies[reader], before.now)


def _workload(bodies: Bodies, service: str) -> ObjectRef:
    found = [ref for ref in _of_service(bodies, service) if ref.kind in SCALED]
    if len(found) != 1:
        why = "nothing of it has replicas" if not found else f"it has several: {', '.join(map(str, found))}"
        raise UsageError(f"{service} cannot be scaled", why=why)
    return found[0]


def _scale(bodies: Bodies, ref: ObjectRef, count: int) -> None:
    body = bodies[ref]
    _annotations(body).pop(STOPPED_ANNOTATION, None)
    body["spec"]["replicas"] = count
    ruler = autoscalers(bodies.values()).get((ref.kind, ref.namespace, ref.name))
    # An autoscaler leaves a workload alone that has no pods.
    if ruler and count:
        ruler["spec"]["minReplicas"] = count
        ruler["spec"]["maxReplicas"] = max(count, int(ruler["spec"]["maxReplicas"]))


def _of_service(bodies: Bodies, service: str) -> list[ObjectRef]:
    services = _services(bodies)
    if service not in services:
        nearest = difflib.get_close_matches(service, services, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(services)}"
        raise UsageError(f"the stack has no service {service!r}", hint=hint)
    return [ref for ref, body in bodies.items() if _service(body) == service]


def _services(bodies: Bodies) -> list[str]:
    return list(dict.fromkeys(filter(None, map(_service, bodies.values()))))


def _service(body: JSON) -> str:
    return str((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))


def _annotations(body: JSON) -> dict[str, str]:
    return body["metadata"].get("annotations") or {}


def _annotate(body: JSON, name: str, value: str) -> None:
    body["metadata"]["annotations"] = {**_annotations(body), name: value}


def _replicas(body: JSON) -> int:
    count = body["spec"].get("replicas")
    return 1 if count is None else int(count)
