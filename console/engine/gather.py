"""What a plan needs to know: digests of build contexts, what is live, what the API server would make of it.

Everything is asked at the same time; nothing is changed, and nothing is started.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace

from console.engine.live import Findings, Kind, list_owned, read_live, reference_of, try_out
from console.engine.ports import World
from console.engine.preflight import check_destroy
from console.engine.releases import read_releases
from console.engine.together import together
from console.model.declare import UNREADABLE, declare, secret_values, wanted_secrets
from console.model.errors import DeniedError, PushError
from console.model.gathered import Declared, Gathered, Image, ObjectState
from console.model.plan import ObjectRef
from console.model.readiness import readiness
from console.model.references import references
from console.model.release import Release
from console.model.stack import JSON, SERVICE_LABEL, STACK_LABEL, BuildSource, Stack

# What stacks are usually made of: searched before a destroy, whatever the manifests and releases say.
_USUAL = (
    *(("v1", kind) for kind in ("ConfigMap", "PersistentVolumeClaim", "Secret", "Service", "ServiceAccount")),
    *(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")),
    *(("batch/v1", kind) for kind in ("CronJob", "Job")),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    *(("networking.k8s.io/v1", kind) for kind in ("Ingress", "NetworkPolicy")),
    ("policy/v1", "PodDisruptionBudget"),
)
_OWN_SECRETS = "stack-console/"


async def gather(stack: Stack, world: World) -> Gathered:
    """What a deploy of the stack needs to know.

    Raises:
        UnreachableError: the API server does not answer.
        BuildError: a build context cannot be read.
    """
    return await _Gathering(stack, world).for_deploy()


async def gather_destroy(stack: Stack, world: World) -> Gathered:
    """All that carries the stack's label, as `Gathered.objects`; the namespace only if the stack declares it.

    Raises:
        UnreachableError: the API server does not answer.
    """
    gathered = await _Gathering(stack, world).for_destroy()
    return replace(gathered, checks=await check_destroy(gathered, world))


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


class _Gathering:
    """One look at everything. Each method fills in what it is named after."""

    def __init__(self, stack: Stack, world: World) -> None:
        self._stack = stack
        self._world = world
        self._findings = Findings()
        self._images: tuple[Image, ...] = ()
        self._live: dict[ObjectRef, JSON] = {}
        self._releases: tuple[Release, ...] = ()
        self._checksum_key = ""
        self._secrets: dict[tuple[str, str], str] = {}
        self._past: Mapping[str, tuple[float, ...]] = {}
        self._objects: tuple[ObjectState, ...] = ()
        self._obsolete: tuple[ObjectRef, ...] = ()

    async def for_deploy(self) -> Gathered:
        first = [self._tag_images(), self._read_live(), self._read_releases(), self._read_secrets(), self._read_past()]
        await together(first, "gather")
        self._mask()
        declared = self._declare()
        await together([self._try_out(declared), self._find_obsolete(declared)], "gather")
        return self._gathered()

    async def for_destroy(self) -> Gathered:
        await together([self._read_live(), self._read_releases(), self._read_secrets(), self._read_past()], "gather")
        self._mask()
        namespaces = {*self._namespaces(), *(ref.namespace for ref in self._released() if ref.namespace)}
        kinds = {(*kind, namespace) for kind in _USUAL for namespace in namespaces}
        kinds |= self._kinds(each.ref for each in self._stack.manifests)
        owned = await list_owned(self._world.cluster, self._stack.name, kinds - self._in_missing(kinds), self._findings)
        self._objects = tuple(self._owned_state(body) for body in owned if self._may_destroy(reference_of(body)))
        return self._gathered()

    # -- reading

    async def _tag_images(self) -> None:
        sources = [service.build for service in self._stack.services if service.build]
        self._images = tuple(await together((self._image(source) for source in sources), "gather: images"))

    async def _image(self, source: BuildSource) -> Image:
        tag = await self._world.builder.tag(source)
        try:
            present = await self._world.registry.has(source.name, tag) is not None
        except PushError:
            # Then it is to be pushed, and preflight says why that cannot be.
            present = False
        return Image(source.service, source, tag, self._world.registry.reference(source.name, tag), present)

    async def _read_live(self) -> None:
        declared = [manifest.ref for manifest in self._stack.manifests]
        read = (each.ref for manifest in self._stack.manifests for each in references(manifest.body))
        configuration = [ref for ref in read if ref.kind in {"ConfigMap", "Secret"}]
        wanted = [ref for ref, _ in wanted_secrets(self._stack)]
        namespaces = [_namespace(name) for name in self._namespaces()]
        refs = [*declared, *configuration, *wanted, *namespaces]
        self._live = await read_live(self._world.cluster, refs, self._findings)

    async def _read_releases(self) -> None:
        try:
            self._releases = await read_releases(self._world.cluster, self._stack.name, self._stack.namespace)
        except DeniedError as error:
            self._world.redactor.by_pattern = True
            self._findings.warnings.append(
                f"{error.what}: earlier releases are not known, configuration is not compared"
            )
        else:
            self._checksum_key = self._releases[0].checksum_key if self._releases else secrets.token_hex(32)

    async def _read_secrets(self) -> None:
        self._secrets = await known_secrets(self._stack, self._world)

    async def _read_past(self) -> None:
        self._past = await self._world.journal.step_seconds(self._stack.name, self._stack.target.name)

    async def _try_out(self, declared: tuple[Declared, ...]) -> None:
        cluster, missing = self._world.cluster, self._missing()
        self._objects = await try_out(cluster, declared, self._live, missing, self._findings)

    async def _find_obsolete(self, declared: tuple[Declared, ...]) -> None:
        kept = {_same_object(each.ref) for each in declared}
        kept |= {_same_object(need.ref) for each in declared for need in references(each.body)}
        kept |= {_same_object(ref) for ref, _ in wanted_secrets(self._stack)}
        kinds = self._kinds(each.ref for each in declared)
        owned = await list_owned(self._world.cluster, self._stack.name, kinds - self._in_missing(kinds), self._findings)
        found = [reference_of(body) for body in owned if not str(body.get("type", "")).startswith(_OWN_SECRETS)]
        released = set(self._released())
        self._obsolete = tuple(
            ref
            for ref in found
            # Another target of the same stack may have cluster-wide objects, too.
            if _same_object(ref) not in kept and ref.kind != "Namespace" and (ref.namespace or ref in released)
        )

    # -- concluding

    def _declare(self) -> tuple[Declared, ...]:
        values = {**self._kept_urls(), **self._secrets}
        declared = declare(self._stack, self._images, values, self._checksum_key, self._live)
        namespace = _namespace(self._stack.namespace)
        if self._stack.namespace in self._missing() and all(each.ref != namespace for each in declared):
            meta = {"name": namespace.name, "labels": {STACK_LABEL: self._stack.name}}
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
            declared = (Declared(namespace, "", body), *declared)
        return declared

    def _kept_urls(self) -> dict[tuple[str, str], str]:
        """What the cluster holds for externals of our own that do not run: most likely they come back the same."""
        found = {}
        for external in self._stack.externals:
            ref = ObjectRef("v1", "Secret", self._stack.namespace, external.secret)
            value = _text(secret_values(self._live.get(ref) or {}).get(external.key, ""))
            if external.provision and value:
                found[external.secret, external.key] = value
        return found

    def _mask(self) -> None:
        """From now on no value of a Secret of the stack is shown, be it of now or of an earlier release."""
        bodies = [*self._live.values(), *(body for release in self._releases for body in release.objects)]
        bodies += [manifest.body for manifest in self._stack.manifests]
        for body in bodies:
            if body.get("kind") == "Secret":
                for key, value in secret_values(body).items():
                    if text := _text(value):
                        self._world.redactor.add(f"secret/{body['metadata']['name']} {key}", text)
        unreadable = (ref for ref, body in self._live.items() if body is UNREADABLE)
        if any(ref.kind == "Secret" for ref in unreadable):
            self._world.redactor.by_pattern = True

    def _gathered(self) -> Gathered:
        own = [external for external in self._stack.externals if external.provision]
        return Gathered(
            stack=self._stack,
            namespace_exists=self._stack.namespace not in self._missing(),
            images=self._images,
            objects=self._objects,
            obsolete=self._obsolete,
            releases=self._releases,
            checks=tuple(self._findings.checks),
            warnings=(*dict.fromkeys(self._findings.warnings), *self._masking()),
            past=self._past,
            unprovisioned=tuple(each.name for each in own if (each.secret, each.key) not in self._secrets),
            unready=tuple(sorted({each.declared.service for each in self._objects if _unready(each)} - {""})),
            checksum_key=self._checksum_key,
        )

    def _masking(self) -> Iterable[str]:
        if self._world.redactor.by_pattern:
            yield "masking by pattern: the values of Secrets may not be read, so names of keys and URLs stand in"
        for name in self._world.redactor.too_short:
            yield f"{name} is not searched for in output: too short"

    # -- namespaces and kinds

    def _namespaces(self) -> set[str]:
        return {self._stack.namespace, *(each.ref.namespace for each in self._stack.manifests if each.ref.namespace)}

    def _missing(self) -> set[str]:
        return {name for name in self._namespaces() if _namespace(name) not in self._live}

    def _released(self) -> list[ObjectRef]:
        return [reference_of(body) for release in self._releases for body in release.objects]

    def _kinds(self, refs: Iterable[ObjectRef]) -> set[Kind]:
        return {(ref.api_version, ref.kind, ref.namespace) for ref in (*refs, *self._released())}

    def _in_missing(self, kinds: Iterable[Kind]) -> set[Kind]:
        missing = self._missing()
        return {kind for kind in kinds if kind[2] in missing}

    def _owned_state(self, body: JSON) -> ObjectState:
        ref = reference_of(body)
        service = str(body["metadata"]["labels"].get(SERVICE_LABEL, ""))
        return ObjectState(Declared(ref, service, body, ref.kind == "Secret"), body, None)

    def _may_destroy(self, ref: ObjectRef) -> bool:
        """Namespaces, and what else is cluster-wide, only if this target of the stack brought it about."""
        declared = {each.ref for each in self._stack.manifests}
        return bool(ref.namespace) or ref in declared or (ref.kind != "Namespace" and ref in self._released())


def _unready(state: ObjectState) -> bool:
    return state.live is not None and not readiness(state.live).ok


def _namespace(name: str) -> ObjectRef:
    return ObjectRef("v1", "Namespace", "", name)


def _same_object(ref: ObjectRef) -> tuple[str, str, str, str]:
    """What stays the same when only the version of the API group changes."""
    return ref.api_version.rpartition("/")[0], ref.kind, ref.namespace, ref.name


def _text(value: str) -> str:
    """What a Secret's value says; empty where it is no text."""
    try:
        return base64.b64decode(value).decode()
    except ValueError:
        return ""
