"""What a drill does to the cluster, call by call: data, carried out by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from console.model.plan import ObjectRef
from console.model.stack import JSON


@dataclass(frozen=True, slots=True)
class Send:
    """An object of the stack is applied in another form; `body` is all of it."""

    ref: ObjectRef
    body: JSON = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replicas:
    """A workload gets another number of pods, whoever owns that number."""

    ref: ObjectRef
    count: int


@dataclass(frozen=True, slots=True)
class Create:
    """An object of ours is made; it goes with the undo."""

    ref: ObjectRef
    body: JSON


@dataclass(frozen=True, slots=True)
class Delete:
    """This very pod is deleted."""

    ref: ObjectRef
    uid: str


@dataclass(frozen=True, slots=True)
class Evict:
    """This very pod is evicted. `may_be_refused` by a disruption budget: then nothing more is evicted."""

    ref: ObjectRef
    uid: str
    may_be_refused: bool = False


@dataclass(frozen=True, slots=True)
class Cordon:
    """A node takes no more pods."""

    ref: ObjectRef


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal for the application's process in a container."""

    ref: ObjectRef
    container: str
    signal: str


Call = Send | Replicas | Create | Delete | Evict | Cordon | Signal


@dataclass(frozen=True, slots=True)
class Undo:
    """How everything is brought back, from what the cluster itself knows.

    Attributes:
        reapply: objects that are applied as the last release has them, each with the release that it was marked with.
        digests: what these were like before, by a checksum; Secrets have none.
        replicas: workloads that get back their number of pods.
        remove: objects of ours that go.
        uncordon: nodes that take pods again.
        resume: processes that go on.
        renew: the label selector of pods that are made anew if they were made since.
    """

    reapply: tuple[tuple[ObjectRef, str], ...] = ()
    digests: tuple[tuple[ObjectRef, str], ...] = ()
    replicas: tuple[Replicas, ...] = ()
    remove: tuple[ObjectRef, ...] = ()
    uncordon: tuple[ObjectRef, ...] = ()
    resume: tuple[Signal, ...] = ()
    renew: str = ""


@dataclass(frozen=True, slots=True)
class OpenDrill:
    """A drill that was begun, as it is written down in the cluster before anything is injected.

    `begun` and `until` are seconds since the epoch by the clock of who began it: once `until` is over whoever comes
    next ends it. `release` is the number of the release whose objects are applied again; `command` began it, `who`
    says for whom.
    """

    run_id: str
    kind: str
    service: str
    begun: float
    until: float
    release: int
    who: str
    command: str
    undo: Undo

    @property
    def about(self) -> str:
        """Which drill it is, in words."""
        return f"{self.kind} of {self.service}"


@dataclass(frozen=True, slots=True)
class Injection:
    """What a drill would do: `calls` in order, and how they are undone.

    `hit` are the uids of the pods that go or start anew; those `aside` only make room: that they go is no failure.
    """

    calls: tuple[Call, ...]
    undo: Undo = Undo()
    hit: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


def call_words(call: Call) -> str:
    """A call in words: `DELETE pod/web-1`."""
    match call:
        case Send():
            return f"PATCH {call.ref} (server-side apply)"
        case Replicas():
            return f"PATCH {call.ref}: {call.count} replicas"
        case Create():
            return f"CREATE {call.ref}"
        case Delete():
            return f"DELETE {call.ref}"
        case Evict():
            return f"CREATE eviction of {call.ref}"
        case Cordon():
            return f"PATCH {call.ref}: unschedulable"
        case Signal():
            return f"exec in {call.ref} {call.container}: SIG{call.signal} to the application's process"


def undo_words(undo: Undo) -> Iterator[str]:
    """What an undo does, in words."""
    yield from (f"PATCH {ref} as before" for ref, _ in undo.reapply)
    yield from (f"PATCH {each.ref}: {each.count} replicas" for each in undo.replicas)
    yield from (f"DELETE {ref}" for ref in undo.remove)
    yield from (f"PATCH {ref}: schedulable" for ref in undo.uncordon)
    yield from (call_words(each) for each in undo.resume)
    if undo.renew:
        yield "DELETE of the pods that were made meanwhile"
