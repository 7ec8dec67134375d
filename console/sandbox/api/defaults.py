"""Defaults."""

from console.sandbox.api.resources import Object, Resource


def apply(kind: Resource, obj: Object) -> None:
    """Fills in what is left out."""
    if kind.name == "namespaces":
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
    if kind.name == "pods":
        obj.setdefault("status", {}).setdefault("phase", "Pending")
