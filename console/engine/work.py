"""What one run works with: the plan and what it was made from, what was sent so far, the lock."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from console.engine.course import Course
from console.engine.lease import hold
from console.engine.patience import Patience
from console.engine.ports import BuiltImage, World
from console.engine.releases import next_number
from console.engine.store import Store
from console.model.declare import with_image
from console.model.effect import Effect
from console.model.gathered import Declared, Gathered, Image
from console.model.load import Load
from console.model.plan import ChangeKind, ObjectChange, ObjectRef, Plan
from console.model.release import Release
from console.model.stack import JSON, Stack

ANSWERED_WITHIN = 5.0
"""Seconds that a run which is cancelled waits for an answer, to know what was done."""


def new_run_id() -> str:
    """A name for a run: when it began, in UTC, and something by chance."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class RunOptions:
    """How a plan is carried out.

    `command` is the command line that would repeat it. `rollback` goes back to the last good release on failure.
    `wait` is False for who does not want to know how it ends.
    `drift` says what becomes of values that somebody else changed in the cluster. `timeout` are seconds for each wait,
    in place of those that the plan gives. `probe_load` are requests a second that are sent to the stack meanwhile; 0:
    as many as its file says; None: none.
    """

    command: str
    rollback: bool = False
    wait: bool = True
    drift: Literal["fail", "keep", "overwrite"] = "fail"
    timeout: float | None = None
    probe_load: float | None = None


@dataclass(slots=True)
class Work:
    """The state of one run.

    Attributes:
        declared: what is to be sent, by reference; made anew once an external of our own has its address.
        sent: what was sent, by reference.
        live: what the API server made of it.
        going: what was asked to go and is waited for later, with its uid.
        removed: what was removed.
        built: images built by this run, by service.
        served: the restarts of the pods that served when the run began, by uid.
        effect: what became of a changed ConfigMap or Secret at the pods.
        release: the number of the release that this run makes.
        warnings: what did not go well, and did not matter.
        load: what became of the requests that were sent meanwhile.
    """

    run_id: str
    stack: Stack
    world: World
    store: Store
    course: Course
    plan: Plan
    gathered: Gathered
    options: RunOptions
    lock: hold | None = None
    declared: Mapping[ObjectRef, Declared] = field(default_factory=dict)
    sent: dict[ObjectRef, JSON] = field(default_factory=dict)
    live: dict[ObjectRef, JSON] = field(default_factory=dict)
    going: dict[ObjectRef, str] = field(default_factory=dict)
    removed: set[ObjectRef] = field(default_factory=set)
    built: dict[str, BuiltImage] = field(default_factory=dict)
    served: Mapping[str, int] = field(default_factory=dict)
    effect: Effect | None = None
    release: int = 0
    recorded: Release | None = None
    warnings: list[str] = field(default_factory=list)
    load: Load | None = None

    def __post_init__(self) -> None:
        self.declare(state.declared for state in self.gathered.objects)
        self.release = next_number(self.gathered.releases)
        self.served = {pod.uid: pod.restarts for pod in self.store.view().pods.values() if pod.ready}

    def declare(self, objects: Iterable[Declared]) -> None:
        """Takes what is to be sent in place of what was known before."""
        self.declared = {**self.declared, **{each.ref: each for each in objects}}

    def pin(self, image: Image, digest: str) -> None:
        """Names an image by the digest under which it was pushed, in all that is still to be sent."""
        pinned = image.pinned(digest)
        images = tuple(pinned if each == image else each for each in self.gathered.images)
        self.gathered = replace(self.gathered, images=images)
        self.declare([with_image(each, image.reference, pinned.reference) for each in self.declared.values()])

    def outlast(self, patience: Patience) -> None:
        """Takes this patience with the cluster from now on."""
        self.world = replace(self.world, cluster=self.world.cluster.patient(patience))

    @property
    def changed_cluster(self) -> bool:
        """True once anything was sent or removed."""
        return bool(self.sent or self.removed)

    def created(self) -> set[ObjectRef]:
        """What was sent that had not been there."""
        new = {change.ref for change in self.plan.changes if change.kind is ChangeKind.CREATE}
        return new & self.sent.keys()

    def change(self, ref: ObjectRef) -> ObjectChange | None:
        """What the plan says about an object."""
        return next((change for change in self.plan.changes if change.ref == ref), None)

    def uid(self, ref: ObjectRef) -> str:
        """The uid of an object as it was when the plan was made; empty where that is not known."""
        if ref in self.gathered.obsolete_uids:
            return self.gathered.obsolete_uids[ref]
        states = (state for state in self.gathered.objects if state.declared.ref == ref and state.live)
        live = next((state.live for state in states), None) or {}
        return str((live.get("metadata") or {}).get("uid", ""))

    async def certain(self) -> None:
        """Returns once it is certain that the lock is ours."""
        if self.lock:
            await self.lock.certain()
