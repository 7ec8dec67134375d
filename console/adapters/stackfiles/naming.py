"""Names within the stack file: what comes after what, externals, targets; and images that nobody builds or uses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path as Folder

from console.adapters.stackfiles.checks import containers
from console.adapters.stackfiles.objects import Object
from console.adapters.stackfiles.positions import Document, Path
from console.model.drills.catalogue import CATALOGUE
from console.model.errors import Problem
from console.model.stackfile import Build, StackFile, Target


def check_names(file: StackFile, document: Document) -> Iterator[Problem]:
    """What the stack file says of names that are not there."""
    services, externals = list(file.services), list(file.externals)
    for name in services:
        if name in externals:
            message = f"{name!r} is a service and an external; one of them needs another name"
            yield document.problem(("externals", name), message, at_key=True)
        for index, before in enumerate(file.services[name].after):
            if before not in (*services, *externals):
                message = f"{name} comes after {before!r}, which is neither a service nor an external"
                yield _unknown(document, ("services", name, "after", index), message, before, (*services, *externals))
    yield from _cycle(file, document)
    yield from check_default(file.default_target, file.targets, document)
    scale = file.acceptance.scale
    if scale and scale.service not in services:
        message = f"there is no service {scale.service!r}"
        yield _unknown(document, ("acceptance", "scale", "service"), message, scale.service, services)
    yield from _accepted(file, document)
    yield from _drills(file, document)
    load = file.probe_load
    if load.service and load.service not in services:
        message = f"there is no service {load.service!r}"
        yield _unknown(document, ("probe_load", "service"), message, load.service, services)


def _drills(file: StackFile, document: Document) -> Iterator[Problem]:
    """Kinds, services, options and targets that drills name and that are not there."""
    for index, drill in enumerate(file.drills):
        path = ("drills", index)
        if drill.service not in file.services:
            message = f"there is no service {drill.service!r}"
            yield _unknown(document, (*path, "service"), message, drill.service, list(file.services))
        if drill.kind not in CATALOGUE:
            message = f"there is no drill {drill.kind!r}"
            yield _unknown(document, (*path, "kind"), message, drill.kind, list(CATALOGUE))
            continue
        for name in drill.options.keys() - set(CATALOGUE[drill.kind].options):
            message = f"{drill.kind} has no option {name!r}"
            yield _unknown(document, (*path, "options", name), message, name, CATALOGUE[drill.kind].options)
        for place, target in enumerate(drill.on_protected):
            if target not in file.targets:
                message = f"{target!r} is none of the targets"
                yield _unknown(document, (*path, "on_protected", place), message, target, list(file.targets))


def _accepted(file: StackFile, document: Document) -> Iterator[Problem]:
    """Services and externals that acceptance names and that are not there."""
    wanted, services, externals = file.acceptance, list(file.services), list(file.externals)
    named = [("config", "service", each.service, services) for each in (wanted.config,) if each]
    named += [("pool", "service", each.service, services) for each in (wanted.pool,) if each]
    named += [("pool", "external", each.external, externals) for each in (wanted.pool,) if each]
    for part, what, name, known in named:
        if name not in known:
            yield _unknown(document, ("acceptance", part, what), f"there is no {what} {name!r}", name, known)


def check_default(name: str | None, targets: Iterable[str], document: Document) -> Iterator[Problem]:
    """A default target that is none."""
    if name and name not in targets:
        message = f"the default target {name!r} is none of the targets"
        yield _unknown(document, ("default_target",), message, name, list(targets))


def check_target(file: StackFile, name: str, target: Target, document: Document) -> Iterator[Problem]:
    """What a target says of externals that are not there."""
    for external in target.externals:
        if external not in file.externals:
            path = ("targets", name, "externals", external)
            message = f"there is no external {external!r}"
            nearest = next(iter(get_close_matches(external, file.externals, n=1)), "")
            yield document.problem(path, message, at_key=True, nearest=nearest)


def _unknown(document: Document, path: Path, message: str, name: str, known: Sequence[str]) -> Problem:
    nearest = next(iter(get_close_matches(name, known, n=1)), "")
    return document.problem(path, message, offending=name, nearest=nearest)


def _cycle(file: StackFile, document: Document) -> Iterator[Problem]:
    order = TopologicalSorter({name: service.after for name, service in file.services.items()})
    try:
        order.prepare()
    except CycleError as error:
        ring = list(reversed(error.args[1]))
        path = ("services", ring[0], "after")
        yield document.problem(path, f"services wait for each other: {' after '.join(ring)}", at_key=True)


def dockerfile_of(build: Build, folder: Folder) -> Folder:
    """The Dockerfile of a build: the one that is named, else the one in the context."""
    return folder / build.dockerfile if build.dockerfile else folder / build.context / "Dockerfile"


def check_builds(file: StackFile, folder: Folder, document: Document) -> Iterator[Problem]:
    """Contexts and Dockerfiles that are not there."""
    for name, service in file.services.items():
        build, path = service.build, ("services", name, "build")
        if build is None:
            continue
        if not _exists(folder / build.context, folder=True):
            yield document.problem((*path, "context"), "there is no such folder", offending=build.context)
        elif not _exists(dockerfile_of(build, folder), folder=False):
            key = "dockerfile" if build.dockerfile else "context"
            message = "there is no such file" if build.dockerfile else "the context has no Dockerfile"
            yield document.problem((*path, key), message, offending=build.dockerfile or build.context)


def _exists(path: Folder, *, folder: bool) -> bool:
    with contextlib.suppress(OSError):  # a name that is too long
        return path.is_dir() if folder else path.is_file()
    return False


def image_of(name: str, file: StackFile) -> str:
    """The name that manifests use for a service's image; a built one is called like the service if nothing is said."""
    service = file.services[name]
    return service.image or (name if service.build else "")


def check_unused(file: StackFile, objects: Sequence[Object], document: Document) -> Iterator[Problem]:
    """Services without objects, and images that are built and not used. Certain only if every manifest was read."""
    for name in file.services:
        if not any(each.service == name for each in objects):
            message = f"the service {name!r} has no manifests"
            yield document.problem(("services", name), message, at_key=True)
    names = [bare_name(image) for _, _, image in _images(objects)]
    for service in (name for name in file.services if file.services[name].build):
        image = image_of(service, file)
        if bare_name(image) not in names:
            nearest = next(iter(get_close_matches(image, names, n=1)), "")
            path: Path = ("services", service, "image" if file.services[service].image else "build")
            at_key = not file.services[service].image
            message = f"no container of the stack runs the image {image!r}"
            yield document.problem(path, message, at_key=at_key, offending=image, nearest=nearest)


def _images(objects: Sequence[Object]) -> list[tuple[Object, Path, str]]:
    """The images of all containers, with the objects and paths where they stand."""
    return [(each, path, str(one.get("image") or "")) for each in objects for path, one in containers(each)]


def check_images(file: StackFile, objects: Sequence[Object]) -> Iterator[Problem]:
    """Images under the stack's own names that nobody builds."""
    images = [image_of(name, file) for name in file.services if image_of(name, file)]
    for each, path, image in _images(objects):
        ours = "/" not in image and image.startswith(f"{file.name}-")
        if ours and bare_name(image) not in map(bare_name, images):
            nearest = next(iter(get_close_matches(image, images, n=1)), "")
            message = f"{each.title}: nobody builds the image {image!r}"
            yield each.problem((*path, "image"), message, offending=image, nearest=nearest)


def bare_name(image: str) -> str:
    """An image's name without tag and digest; a registry's port stays."""
    name = image.partition("@")[0]
    head, _, tail = name.rpartition("/")
    return f"{head}/{tail.partition(':')[0]}" if head else tail.partition(":")[0]
