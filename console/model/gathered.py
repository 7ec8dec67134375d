"""What was learnt before a plan is made: what is declared, what is live, what the API server would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from console.model.identity import ClusterIdentity
from console.model.plan import Check, ObjectRef
from console.model.release import Release
from console.model.stack import JSON, BuildSource, Stack


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a service builds: its tag is the digest of all that goes into it.

    `reference` is how manifests name it; `present` is True if the registry has it already, and then the reference ends
    with the digest of its manifest, so that what was pushed is what runs.
    """

    service: str
    source: BuildSource
    tag: str
    reference: str
    present: bool

    def pinned(self, digest: str) -> Image:
        """The same image, as the registry has it: `NAME:TAG@sha256:...`."""
        return replace(self, reference=f"{self.reference.partition('@')[0]}@{digest}", present=True)


@dataclass(frozen=True, slots=True)
class Declared:
    """One object as it will be sent: images, labels, checksums filled in. `body` must not be changed.

    `sensitive` is True for Secrets: their values are shown nowhere. `begins_with` are the replicas that a workload gets
    when it is created, and that are left to its autoscaler from then on.
    """

    ref: ObjectRef
    service: str
    body: JSON
    sensitive: bool = False
    begins_with: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectState:
    """A declared object, what is live, and what a server-side dry run makes of it.

    `live` is None where there is nothing yet. `result` is None where no dry run was possible: the namespace is not
    there yet, or we may not patch; then only declared fields are compared. `conflicts` are (field, manager) pairs.
    """

    declared: Declared
    live: JSON | None
    result: JSON | None
    conflicts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that the pure planner looks at.

    `objects` are in the order of the stack: shared ones first, then by service. `obsolete` are live objects that carry
    the stack's label and are declared no more, and `obsolete_uids` their uids, so that nothing else is removed.
    `releases` are the stack's releases in the cluster, the newest first. `past` are the seconds that steps took in the
    past, the newest first, by step id. `unprovisioned` are externals of our own that do not run yet. `unready` are
    services that are not ready now. `checksum_key` is the hexadecimal key of the configuration checksums, empty where
    it may not be read; `declare` takes it. `cluster` is where all of this was seen.
    """

    stack: Stack
    namespace_exists: bool
    images: tuple[Image, ...]
    objects: tuple[ObjectState, ...]
    obsolete: tuple[ObjectRef, ...] = ()
    releases: tuple[Release, ...] = ()
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    past: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    unprovisioned: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()
    checksum_key: str = ""
    obsolete_uids: Mapping[ObjectRef, str] = field(default_factory=dict)
    cluster: ClusterIdentity | None = None
