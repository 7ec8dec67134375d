"""Kubernetes manifests: which files a pattern means, and the objects in them, each checked by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from console.adapters.stackfiles import kubernetes
from console.adapters.stackfiles.finding import FILE, LOCAL
from console.adapters.stackfiles.objects import Object, faults, told
from console.adapters.stackfiles.positions import Document, read_documents
from console.adapters.stackfiles.positions import Path as Steps
from console.model.errors import Problem

_ENDINGS = {".yaml", ".yml", ".json"}
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
"""A DNS subdomain (kubernetes.io, Object Names and IDs); objects of RBAC may be called anything."""


def shown_path(file: Path) -> str:
    """As people see it: relative to the working directory where it lies below."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)


def matching_files(pattern: str, folder: Path) -> list[Path] | None:
    """The files that a file, folder or glob means, sorted; None if there is no such file or folder."""
    if any(char in pattern for char in "*?["):
        found = [file for file in folder.glob(pattern) if file.is_file() and file.name not in (FILE, LOCAL)]
        return sorted(file.resolve() for file in found) or None
    path = (folder / pattern).resolve()
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if _is_manifest(file, path))
    return None


def _is_manifest(file: Path, folder: Path) -> bool:
    """Whether a file in a folder is meant when the folder is: not what is hidden, not the stack's own files."""
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not hidden and file.suffix in _ENDINGS and file.name not in (FILE, LOCAL) and file.is_file()


class ManifestReader:
    """Reads every file once, whoever names it.

    Args:
        problems: gets everything that is wrong.
        warnings: gets what may be wrong.
    """

    def __init__(self, problems: list[Problem], warnings: list[Problem]) -> None:
        self._problems = problems
        self._warnings = warnings
        self._read: dict[Path, str] = {}

    def read(
        self, patterns: Sequence[str], folder: Path, document: Document, at: Steps, service: str = ""
    ) -> list[Object]:
        """The objects of the files that patterns mean.

        Args:
            patterns: files, folders or globs, relative to `folder`.
            folder: of the stack's file.
            document: where the patterns stand, at the path `at`.
            at: the path of the list of patterns.
            service: whose they are.
        """
        found: list[Object] = []
        for index, pattern in enumerate(patterns):
            files = self._files(pattern, folder, document, (*at, index))
            for file in files:
                found += self._objects(file, service, document, (*at, index))
        return found

    def read_patches(self, patterns: Sequence[str], folder: Path, document: Document, at: Steps) -> list[Object]:
        """The patches of the files that patterns mean: parts of objects, so their shape is not checked as a whole."""
        found: list[Object] = []
        for index, pattern in enumerate(patterns):
            for file in self._files(pattern, folder, document, (*at, index)):
                documents = read_documents(file, shown_path(file), self._problems)
                found += [each for one in documents for each in self._unfold(one, "", ("kind",))]
        return found

    def _files(self, pattern: str, folder: Path, document: Document, at: Steps) -> list[Path]:
        try:
            files = matching_files(pattern, folder)
        except (OSError, ValueError, NotImplementedError):
            files = None
        if files:
            return files
        what = "nothing matches" if any(char in pattern for char in "*?[") else "there is no such file or folder"
        message = what if files is None else "this folder holds no manifests (*.yaml, *.yml, *.json)"
        self._problems.append(document.problem(at, message, offending=pattern))
        return []

    def _objects(self, file: Path, service: str, document: Document, at: Steps) -> list[Object]:
        owner = service or "the shared manifests"
        if file in self._read:
            if self._read[file] != owner:
                message = f"{shown_path(file)} belongs to {self._read[file]} already"
                self._problems.append(document.problem(at, message))
            return []
        self._read[file] = owner
        documents = read_documents(file, shown_path(file), self._problems)
        objects = [each for one in documents for each in self._unfold(one, service, ("apiVersion", "kind"))]
        return [each for each in objects if self._check(each)]

    def _unfold(self, document: Document, service: str, needed: Sequence[str]) -> Iterator[Object]:
        body = document.data
        if isinstance(body, dict) and body.get("kind") == "List" and isinstance(body.get("items"), list):
            for index, item in enumerate(body["items"]):
                yield from self._object(Object(document, ("items", index), item, service), needed)
        else:
            yield from self._object(Object(document, (), body, service), needed)

    def _object(self, found: Object, needed: Sequence[str]) -> Iterator[Object]:
        """The object, if it has a name and the fields that are needed."""
        body = found.body
        if not isinstance(body, dict):
            self._problems.append(
                found.problem((), "this is no Kubernetes object", expected="apiVersion, kind, metadata")
            )
            return
        before = len(self._problems)
        for key in needed:
            if not isinstance(body.get(key), str) or not body[key]:
                self._problems.append(found.problem((key,), f"the object lacks the field {key!r}"))
        metadata = body.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if isinstance(metadata, dict) and metadata.get("generateName") and not name:
            message = "generateName makes another object at every deploy"
            self._problems.append(found.problem(("metadata", "generateName"), message, expected="metadata.name"))
        elif not isinstance(name, str) or not name:
            self._problems.append(
                found.problem(("metadata", "name"), "the object lacks a name", expected="metadata.name")
            )
        if len(self._problems) == before:
            yield found

    def _check(self, found: Object) -> bool:
        """Against the schema of its kind; False if it is better not looked at any further."""
        before = len(self._problems)
        if not found.native:
            self._unknown(found, found.body["apiVersion"], found.kind)
        self._problems += [told(found, fault) for fault in faults(found)]
        if not _NAME.fullmatch(found.name) and found.group != "rbac.authorization.k8s.io":
            expected = "lower-case letters, digits, dashes and dots"
            problem = found.problem(("metadata", "name"), "no valid name", offending=found.name, expected=expected)
            self._problems.append(problem)
        return len(self._problems) == before

    def _unknown(self, found: Object, version: str, kind: str) -> None:
        meant = kubernetes.nearest_kind(version, kind)
        if meant is None:
            message = f"{version} {kind} is not one of Kubernetes' own kinds: it is not checked offline"
            self._warnings.append(found.problem(("kind",), message))
            return
        at = "kind" if meant[1] != kind else "apiVersion"
        message = f"Kubernetes {kubernetes.VERSION} has no kind {kind} in {version}"
        nearest = meant[1] if at == "kind" else meant[0]
        self._problems.append(found.problem((at,), message, offending=str(found.body[at]), nearest=nearest))
