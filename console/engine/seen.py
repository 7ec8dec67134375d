"""The first look at everything that a plan needs to know: at the same time, without changing or starting anything."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from console.engine.interrupted import interrupted, interruption_check
from console.engine.live import Findings, read_live
from console.engine.ports import World
from console.engine.releases import read_releases
from console.engine.together import together
from console.engine.undone import open_check, read_open
from console.model.checksums import UNREADABLE, secret_values
from console.model.declare import wanted_secrets
from console.model.errors import DeniedError, PushError
from console.model.gathered import Image
from console.model.identity import ClusterIdentity
from console.model.plan import ObjectRef
from console.model.references import references
from console.model.release import Release
from console.model.stack import JSON, BuildSource, Stack


@dataclass(slots=True)
class Seen:
    """What was found. `live` are the objects that are declared or referred to, by reference."""

    stack: Stack
    findings: Findings = field(default_factory=Findings)
    images: tuple[Image, ...] = ()
    live: dict[ObjectRef, JSON] = field(default_factory=dict)
    releases: tuple[Release, ...] = ()
    checksum_key: str = ""
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)
    past: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    cluster: ClusterIdentity | None = None

    @property
    def namespaces(self) -> set[str]:
        """Every namespace that the stack puts something into."""
        return {self.stack.namespace, *(each.ref.namespace for each in self.stack.manifests if each.ref.namespace)}

    @property
    def missing(self) -> set[str]:
        """The namespaces among them that do not exist yet."""
        return {name for name in self.namespaces if namespace_ref(name) not in self.live}

    @property
    def released(self) -> set[ObjectRef]:
        """Every object of any kept release."""
        return {ObjectRef.of(body) for release in self.releases for body in release.objects}


async def look(stack: Stack, world: World, *, images: bool = True) -> Seen:
    """Looks at everything; from then on no value of a Secret of the stack is shown, be it of now or of a past release.

    Args:
        stack: what is declared.
        world: asked, and left as it is.
        images: whether images matter; if not, no build context is read.

    Raises:
        UnreachableError: the API server does not answer.
        RefusedError: the context does not stand for the cluster of the start any more.
        BuildError: a build context cannot be read.
    """
    seen = Seen(stack)
    parts = [
        _see_cluster,
        _see_lock,
        _see_live,
        _see_releases,
        _see_secrets,
        _see_past,
        *([_see_images] if images else []),
    ]
    await together((part(seen, world) for part in parts), "gather: look")
    _mask(seen, world)
    return seen


async def mask_secrets(stack: Stack, world: World) -> None:
    """Makes the values of the stack's Secrets sensitive: for those who show something and have not planned before.

    Raises:
        UnreachableError: the API server does not answer.
    """
    seen = Seen(stack)
    refs = [ref for ref in needed_refs(stack) if ref.kind == "Secret"]
    seen.live = await read_live(world.cluster, refs, seen.findings)
    await known_secrets(stack, world)
    _mask(seen, world)


async def known_secrets(stack: Stack, world: World) -> dict[tuple[str, str], str]:
    """The values that this machine has, by (name of the Secret, key); each is masked from now on.

    An external of our own gives its URL once it runs; everything else comes from the environment and `.env`.
    """
    own = {(each.secret, each.key): each for each in stack.externals if each.provision}
    found: dict[tuple[str, str], str] = {}
    for ref, key in wanted_secrets(stack):
        external = own.get((ref.name, key))
        value = await world.externals.known(external.name, external.kind) if external else world.secrets.lookup(key)
        if value:
            found[ref.name, key] = value
            world.redactor.add(f"secret/{ref.name} {key}", value)
    return found


def namespace_ref(name: str) -> ObjectRef:
    """The reference of a namespace."""
    return ObjectRef("v1", "Namespace", "", name)


def text_values(body: JSON) -> dict[str, str]:
    """The values of a Secret that are text, decoded."""
    return dict(_decoded(secret_values(body)))


def _decoded(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        try:
            text = base64.b64decode(value).decode()
        except ValueError:
            continue
        if text:
            yield key, text


async def _see_images(seen: Seen, world: World) -> None:
    async def image(source: BuildSource) -> Image:
        tag = await world.builder.tag(source)
        try:
            digest = await world.registry.has(source.name, tag)
        except PushError:
            # Then it is to be pushed, and preflight says why that cannot be.
            digest = None
        image = Image(source.service, source, tag, world.registry.reference(source.name, tag), present=False)
        return image if digest is None else image.pinned(digest)

    sources = [service.build for service in seen.stack.services if service.build]
    seen.images = tuple(await together((image(source) for source in sources), "gather: images"))


def needed_refs(stack: Stack) -> list[ObjectRef]:
    """What `declare` wants to know the live state of: all that is declared, and the configuration that it reads."""
    read = (each.ref for manifest in stack.manifests for each in references(manifest.body))
    return [
        *(manifest.ref for manifest in stack.manifests),
        *(ref for ref in read if ref.kind in {"ConfigMap", "Secret"}),
        *(ref for ref, _ in wanted_secrets(stack)),
    ]


async def _see_cluster(seen: Seen, world: World) -> None:
    seen.cluster = await world.cluster.confirm()


async def _see_lock(seen: Seen, world: World) -> None:
    if drill := await read_open(seen.stack, world):
        seen.findings.checks.append(open_check(seen.stack, drill))
    elif found := await interrupted(seen.stack, world):
        seen.findings.checks.append(interruption_check(found, seen.stack.name))


async def _see_live(seen: Seen, world: World) -> None:
    refs = [*needed_refs(seen.stack), *(namespace_ref(name) for name in seen.namespaces)]
    seen.live = await read_live(world.cluster, refs, seen.findings)


async def _see_releases(seen: Seen, world: World) -> None:
    try:
        seen.releases = await read_releases(world.cluster, seen.stack.name, seen.stack.namespace)
    except DeniedError as error:
        world.redactor.by_pattern = True
        seen.findings.warnings.append(f"{error.what}: earlier releases are not known")
    else:
        seen.checksum_key = seen.releases[0].checksum_key if seen.releases else secrets.token_hex(32)


async def _see_secrets(seen: Seen, world: World) -> None:
    seen.secrets = await known_secrets(seen.stack, world)


async def _see_past(seen: Seen, world: World) -> None:
    seen.past = await world.journal.step_seconds(seen.stack.name, seen.stack.target.name)


def _mask(seen: Seen, world: World) -> None:
    bodies = [*seen.live.values(), *(manifest.body for manifest in seen.stack.manifests)]
    bodies += [body for release in seen.releases for body in release.objects]
    for body in bodies:
        if body.get("kind") == "Secret":
            for key, text in text_values(body).items():
                world.redactor.add(f"secret/{body['metadata']['name']} {key}", text)
    if any(ref.kind == "Secret" and body is UNREADABLE for ref, body in seen.live.items()):
        world.redactor.by_pattern = True
