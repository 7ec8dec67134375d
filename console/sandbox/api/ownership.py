"""Who owns which field (`metadata.managedFields`)."""

from __future__ import annotations

from dataclasses import dataclass

from console.sandbox.api.resources import Object, Resource


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, as `managedFields` names it: the field manager, and how (`Update` or `Apply`)."""

    manager: str
    operation: str = "Update"


def track(kind: Resource, old: Object | None, new: Object, writer: Writer, subresource: str = "") -> None:
    """Notes which fields this write has changed, and so made the writer's."""
