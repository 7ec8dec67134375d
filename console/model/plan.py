"""A plan is data: ordered steps with the diff of every object, shown before it runs. `plan_deploy` is pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from console.model.identity import ClusterIdentity


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """An object of the cluster. `namespace` is empty for cluster-wide kinds."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> ObjectRef:
        """The reference of an object as it is sent, or as the API server gives it."""
        meta = body["metadata"]
        return cls(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"])

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


class ChangeKind(StrEnum):
    """What a plan does to an object or a field."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: `path` like `spec.template.spec.containers[backend].image`; values are masked YAML."""

    path: str
    kind: ChangeKind
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What happens to one object, and the fields that differ. `drift`: the live value was changed by somebody else."""

    ref: ObjectRef
    service: str
    kind: ChangeKind
    fields: tuple[FieldChange, ...] = ()
    drift: tuple[FieldChange, ...] = ()
    declared_only: bool = False


class StepKind(StrEnum):
    """The phases of a run, in order."""

    PREFLIGHT = "preflight"
    PROVISION = "provision"
    BUILD = "build"
    PUSH = "push"
    APPLY = "apply"
    WAIT = "wait"
    EFFECTIVE = "effective"
    STOP = "stop"
    PRUNE = "prune"
    RECORD = "record"
    ROLLBACK = "rollback"
    STEADY = "steady"
    INJECT = "inject"
    RECOVER = "recover"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan. `needs` are the ids of the steps that must be done before it starts."""

    id: str
    kind: StepKind
    title: str
    service: str = ""
    needs: tuple[str, ...] = ()
    changes: tuple[ObjectChange, ...] = ()
    expected_seconds: float | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of preflight. `ok` is None for a warning; `unknown` is an object that could not be looked for."""

    name: str
    ok: bool | None
    detail: str
    hint: str = ""
    unknown: ObjectRef | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, before it does it.

    `kind` is the command ("deploy", "scale", ...), `about` says it in words where there is more to say ("backend scaled
    to 3"); `cluster` is the very one that it was made for.
    """

    kind: str
    stack: str
    target: str
    namespace: str
    context: str
    protected: bool
    steps: tuple[Step, ...]
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    expected_seconds: float | None = None
    cluster: ClusterIdentity | None = None
    about: str = ""

    @property
    def removes(self) -> bool:
        """True if nothing is left of the stack afterwards; every other plan makes a release."""
        return self.kind == "destroy"

    @property
    def changes(self) -> tuple[ObjectChange, ...]:
        """Every object that the plan changes, in the order of its steps."""
        found = (change for step in self.steps for change in step.changes)
        return tuple(change for change in found if change.kind is not ChangeKind.UNCHANGED)

    @property
    def empty(self) -> bool:
        """True if there is nothing to do."""
        return not self.changes and all(step.kind is StepKind.PREFLIGHT for step in self.steps)

    @property
    def drift(self) -> tuple[ObjectChange, ...]:
        """The objects that somebody else changed in the cluster since the last release."""
        return tuple(change for step in self.steps for change in step.changes if change.drift)
