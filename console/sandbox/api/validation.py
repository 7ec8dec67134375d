"""Validation."""

from console.sandbox.api.resources import Object, Resource


def validate_name(kind: Resource, metadata: Object) -> None:
    """Name."""


def validate(kind: Resource, obj: Object, old: Object | None = None, *, subresource: str = "") -> None:
    """All."""
