"""A release: what was applied, when and by whom, as the cluster itself keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.model.plan import ObjectRef
from console.model.stack import JSON


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a stack. `objects` are the bodies as sent, values of Secrets among them: never shown.

    `images` are references by service; `outcome` is the word of its verdict; `at` is in seconds since the epoch;
    `kind` is the command that made it, `about` says more of it; `after` are the services that each service comes after.
    `checksum_key` is the hexadecimal key of the configuration checksums, the same for all releases of a stack.
    """

    number: int
    stack: str
    target: str
    at: float
    by: str
    outcome: str
    images: dict[str, str]
    objects: tuple[JSON, ...]
    checksum_key: str
    kind: str = "deploy"
    about: str = ""
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def object(self, ref: ObjectRef) -> JSON | None:
        """What was sent for an object, None if it was not part of this release."""
        for body in self.objects:
            meta = body["metadata"]
            if (body["kind"], meta.get("namespace", ""), meta["name"]) == (ref.kind, ref.namespace, ref.name):
                return body
        return None
