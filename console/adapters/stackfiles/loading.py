"""From a stack's files to the stack on one of its targets. Everything that is wrong is told at once."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from console.adapters.stackfiles.checks import Checked, check_objects, check_twice
from console.adapters.stackfiles.describing import described
from console.adapters.stackfiles.finding import LOCAL
from console.adapters.stackfiles.manifests import ManifestReader, shown_path
from console.adapters.stackfiles.naming import (
    check_builds,
    check_default,
    check_images,
    check_names,
    check_target,
    check_unused,
)
from console.adapters.stackfiles.needs import check_needs
from console.adapters.stackfiles.objects import Object
from console.adapters.stackfiles.patching import apply_config, apply_patch
from console.adapters.stackfiles.positions import Document, read_documents
from console.adapters.stackfiles.resolving import place, resolve
from console.model.errors import Problem, StackFileError, UsageError
from console.model.stack import Stack
from console.model.stackfile import LocalFile, StackFile, Target

M = TypeVar("M", StackFile, LocalFile)


def load_stack(file: Path, target: str | None = None) -> Stack:
    """The stack on a target, with its manifests read, checked, patched and placed.

    Args:
        file: the stack's `stack.yaml`.
        target: its name; None takes `default_target`, or the only one there is.

    Raises:
        StackFileError: something is wrong in the files; everything is told at once.
        UsageError: there is no such target, or none was named and there are several.
    """
    problems: list[Problem] = []
    described_file, document, sources = _read(file, problems)
    name = choose_target(described_file, target)
    loader = _Loader(file, described_file, document, sources.get(name, document), name, problems)
    return loader.load()


def _read(file: Path, problems: list[Problem]) -> tuple[StackFile, Document, dict[str, Document]]:
    """The stack's file with the personal targets merged in, and where those targets stand."""
    document, described_file = _one(file, StackFile, problems)
    local = file.with_name(LOCAL)
    sources: dict[str, Document] = {}
    if local.is_file() and described_file is not None:
        beside, personal = _one(local, LocalFile, problems)
        if personal:
            default = personal.default_target or described_file.default_target
            targets = {**described_file.targets, **personal.targets}
            described_file = described_file.model_copy(update={"targets": targets, "default_target": default})
            problems += check_default(personal.default_target, targets, beside)
            sources = dict.fromkeys(personal.targets, beside)
    if described_file is None or problems:
        raise StackFileError(problems)
    return described_file, document, sources


def _one(file: Path, model: type[M], problems: list[Problem]) -> tuple[Document, M | None]:
    shown = shown_path(file)
    before = len(problems)
    documents = read_documents(file, shown, problems)
    if len(documents) == 1:
        return documents[0], described(documents[0], model, problems)
    if len(problems) == before:
        message = (
            "the file is empty" if not documents else f"there are {len(documents)} documents in this file, not one"
        )
        problems.append(Problem(shown, 1, 1, message, expected="one stack description"))
    return Document(shown), None


def choose_target(file: StackFile, name: str | None) -> str:
    """The target that is meant. Raises UsageError."""
    names = list(file.targets)
    chosen = name or file.default_target or (names[0] if len(names) == 1 else None)
    if chosen is None:
        hint = f"name one with --target: {', '.join(names)}; or write default_target"
        raise UsageError(f"which target of {file.name} is meant?", why=f"there are {len(names)}", hint=hint)
    if chosen not in file.targets and name:
        close = next(iter(get_close_matches(chosen, names, n=1)), "")
        hint = (f"did you mean {close!r}? " if close else "") + f"there are {', '.join(names)}"
        raise UsageError(f"{file.name} has no target {chosen!r}", hint=hint)
    return chosen


class _Loader:
    """Loads one stack on one target.

    Args:
        file: the stack's file.
        described_file: what it says.
        document: where that stands.
        target_document: where the target stands: the same, or the personal file.
        name: of the target.
        problems: found so far.
    """

    def __init__(
        self,
        file: Path,
        described_file: StackFile,
        document: Document,
        target_document: Document,
        name: str,
        problems: list[Problem],
    ) -> None:
        self._file = file
        self._described = described_file
        self._document = document
        self._target_document = target_document
        self._name = name
        self._problems = problems
        self._warnings: list[Problem] = []
        self._reader = ManifestReader(problems, self._warnings)

    def load(self) -> Stack:
        described_file, document = self._described, self._document
        self._problems += check_names(described_file, document)
        self._problems += check_builds(described_file, self._file.parent, document)
        if self._name not in described_file.targets:
            raise StackFileError(self._problems)
        target: Target = described_file.targets[self._name]
        self._problems += check_target(described_file, self._name, target, self._target_document)
        namespace = target.namespace or described_file.namespace
        objects = self._placed(target, namespace)
        self._check_together(objects)
        resolved = resolve(self._file, described_file, self._name, namespace, objects)
        if self._problems:
            raise StackFileError(list(dict.fromkeys(self._problems)))
        return replace(resolved, warnings=tuple(dict.fromkeys(self._warnings)))

    def _placed(self, target: Target, namespace: str) -> list[Object]:
        """The objects as the target changes them. What is not there is only wrong if every file could be read."""
        before = len(self._problems)
        objects = self._objects()
        complete = len(self._problems) == before
        wrong = apply_config(target.config, objects, self._target_document, self._at("config"))
        self._problems += wrong if complete else ()
        patches = ManifestReader(self._problems, self._warnings)
        found = patches.read_patches(target.patches, self._file.parent, self._target_document, self._at("patches"))
        for patch in found:
            self._problems += apply_patch(patch, objects, complete=complete)
        if len(self._problems) == before:
            self._problems += check_unused(self._described, objects, self._document)
        for each in objects:
            place(each, self._described.namespace, namespace)
        return objects

    def _check_together(self, objects: list[Object]) -> None:
        """What the objects say of each other."""
        self._problems += check_twice(objects)
        self._problems += check_images(self._described, objects)
        secrets = frozenset((each.secret.name, each.secret.key) for each in self._described.externals.values())
        checked = Checked([each for each in objects if each.native], secrets)
        check_objects(checked)
        for each in checked.objects:
            check_needs(checked, each)
        self._problems += checked.problems
        self._warnings += checked.warnings

    def _objects(self) -> list[Object]:
        file, folder = self._described, self._file.parent
        found = self._reader.read(file.manifests, folder, self._document, ("manifests",))
        for name, service in file.services.items():
            at = ("services", name, "manifests")
            found += self._reader.read(service.manifests, folder, self._document, at, name)
        patterns = file.targets[self._name].manifests
        return found + self._reader.read(patterns, folder, self._target_document, self._at("manifests"))

    def _at(self, *steps: str) -> tuple[str, ...]:
        return ("targets", self._name, *steps)
