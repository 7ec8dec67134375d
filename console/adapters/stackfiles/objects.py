"""One object of a manifest: what it is, where each of its fields stands, and what is wrong with its shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from console.adapters.stackfiles import kubernetes
from console.adapters.stackfiles.positions import Document
from console.adapters.stackfiles.positions import Path as Steps
from console.model.errors import Problem
from console.model.stack import JSON


@dataclass(slots=True)
class Object:
    """One object of a manifest.

    Attributes:
        document: the YAML document it stands in.
        base: the path to it there: empty, or its place in a List.
        body: the object; patches and values of a target change it.
        service: the service it belongs to, empty for a shared one.
        patch: the last patch that changed it.
    """

    document: Document
    base: Steps
    body: JSON
    service: str = ""
    patch: Object | None = None

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"]["name"])

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def group(self) -> str:
        """The group of its API, empty for the core group and in a patch that does not say it."""
        return str(self.body.get("apiVersion", "")).rpartition("/")[0]

    @property
    def namespace(self) -> str:
        """The namespace that it names, empty if none."""
        return str(self.body["metadata"].get("namespace") or "")

    @property
    def native(self) -> bool:
        """Whether it is of one of Kubernetes' own kinds, whose shape is known."""
        return kubernetes.known(str(self.body.get("apiVersion", "")), self.kind)

    @property
    def namespaced(self) -> bool:
        """Whether it lies in a namespace."""
        return not self.native or kubernetes.namespaced(self.kind)

    def value(self, path: Steps) -> Any:
        """What stands at a path of it, None if nothing does."""
        found: Any = self.body
        for step in path:
            try:
                found = found[step]
            except (LookupError, TypeError):
                return None
        return found

    def problem(self, path: Steps, message: str, *, at_key: bool = False, **more: str) -> Problem:
        """A problem at a field of it, in the patch if the value is from there."""
        if self.patch:
            if (written := self.patch.value(path)) is not None and written == self.value(path):
                return self.patch.problem(path, message, at_key=at_key, **more)
            message += f" (as {self.patch.document.file} changes it)"
        return self.document.problem((*self.base, *path), message, at_key=at_key, **more)


def faults(found: Object) -> Iterator[kubernetes.Fault]:
    """What is wrong with an object's shape; of kinds that are not Kubernetes' own only the metadata are known."""
    if found.native:
        return kubernetes.faults(found.body, kubernetes.root(found.body["apiVersion"], found.kind))
    return kubernetes.faults(found.body["metadata"], kubernetes.METADATA, ("metadata",))


def told(found: Object, fault: kubernetes.Fault) -> Problem:
    """A fault as a problem at its place; the value of a Secret is not repeated."""
    offending, expected = fault.offending, fault.expected
    written = found.document.written.get((*found.base, *fault.path))
    if offending and found.kind == "Secret":
        offending = ""
    elif offending and written is not None:
        offending = written
        expected += f': write it in quotes, "{written}"' if expected == "text" else ""
    more = {"offending": offending, "expected": expected, "nearest": fault.nearest}
    return found.problem(fault.path, f"{found.title}: {fault.message}", at_key=fault.at_key, **more)
