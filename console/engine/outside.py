"""What a stack only refers to: objects that the cluster must hold already, and externals that must answer."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from console.engine.ports import World
from console.engine.together import together
from console.model.checksums import secret_values
from console.model.errors import DeniedError
from console.model.gathered import Gathered
from console.model.plan import Check, ObjectRef
from console.model.references import Reference, Use, references
from console.model.stack import JSON, ExternalSource

# Every namespace gets it by itself.
_BY_ITSELF = "kube-root-ca.crt"
# The API server and the pods go on without these; only what they are for does not work.
_NOT_FATAL = frozenset({Use.TLS})
_HINTS = {
    "ConfigMap": "declare it in the stack's manifests, or create it in the cluster",
    "PersistentVolumeClaim": "declare it in the stack's manifests, or create it in the cluster",
    "ServiceAccount": "declare it in the stack's manifests, or create it in the cluster",
    "Secret": "put the value into the environment or into .env beside stack.yaml, or create the Secret in the cluster",
}


@dataclass(slots=True)
class _Need:
    """All that is needed of one object: keys, uses, and who needs it. `declared`: only keys of it are missing."""

    keys: set[str] = field(default_factory=set)
    uses: set[Use] = field(default_factory=set)
    users: list[str] = field(default_factory=list)
    declared: bool = False

    def add(self, user: str, reference: Reference) -> None:
        self.keys |= {reference.key} - {""}
        self.uses.add(reference.use)
        if user not in self.users:
            self.users.append(user)

    @property
    def fatal(self) -> bool:
        """Without any use it is traffic or scaling that does not work, which may still come."""
        return not self.uses <= _NOT_FATAL

    @property
    def words(self) -> str:
        how = f" ({', '.join(sorted(self.uses))})" if self.uses else ""
        return f"{', '.join(self.users)} needs it{how}"


async def check_references(gathered: Gathered, world: World) -> list[Check]:
    """Whether the cluster holds every object and key that is needed and not declared; optional ones may be missing."""
    needs = _open_needs(gathered)
    rows = await together((_check_need(world, ref, need) for ref, need in needs.items()), "preflight: references")
    found = [row for row in rows if row]
    if needs and not found:
        return [Check("references", True, f"{len(needs)} that the cluster holds: {', '.join(map(str, needs))}")]
    return found


async def check_externals(gathered: Gathered, world: World) -> list[Check]:
    """Whether every external answers, or will be started."""
    rows = (_check_external(each, gathered, world) for each in gathered.stack.externals)
    return await together(rows, "preflight: externals")


def _open_needs(gathered: Gathered) -> Mapping[ObjectRef, _Need]:
    held = _held(gathered)
    needs: dict[ObjectRef, _Need] = {}
    for state in gathered.objects:
        for each in references(state.declared.body):
            ref = each.ref
            there = ref in held and (not each.key or each.key in held[ref])
            if not each.optional and not there and ref.name != _BY_ITSELF:
                needs.setdefault(ref, _Need(declared=ref in held)).add(str(state.declared.ref), each)
    for problem in gathered.stack.warnings:
        if problem.needs and problem.needs not in held and problem.needs not in needs:
            needs[problem.needs] = _Need(users=[f"{problem.file}:{problem.line}"])
    return needs


def _held(gathered: Gathered) -> dict[ObjectRef, set[str]]:
    """What is declared, with its keys; externals have a row of their own."""
    stack = gathered.stack
    held = {state.declared.ref: _keys(state.declared.body) for state in gathered.objects}
    for each in stack.externals:
        held.setdefault(ObjectRef("v1", "Secret", stack.namespace, each.secret), set()).add(each.key)
    return held


async def _check_need(world: World, ref: ObjectRef, need: _Need) -> Check | None:
    """A row if something is missing, or cannot be known."""
    try:
        body = await world.cluster.get(ref)
    except DeniedError as error:
        return Check(str(ref), None, f"{need.words}; {error.what}", error.hint, ref)
    hint = _HINTS.get(ref.kind, f"name one that the cluster has, or let an administrator install the {ref.kind}")
    if body is None and not need.declared:
        return Check(str(ref), False if need.fatal else None, f"{need.words}, but it is not there", hint)
    if ref.kind not in {"ConfigMap", "Secret"}:
        return None
    missing = sorted(need.keys - _keys(body or {}))
    words = f"{need.words}, but it has no {', '.join(missing)}"
    return Check(str(ref), False, words, hint) if missing else None


def _keys(body: JSON) -> set[str]:
    return {key for part in ("data", "stringData", "binaryData") for key in body.get(part) or ()}


async def _check_external(external: ExternalSource, gathered: Gathered, world: World) -> Check:
    name = f"external {external.name}"
    if external.name in gathered.unprovisioned:
        return Check(name, True, f"a {external.kind} of our own will be started")
    try:
        url = await _url(external, gathered, world)
    except DeniedError as error:
        return Check(name, None, f"its address is not known: {error.what}", error.hint)
    if not url:
        why = f"nobody says where it is: no {external.key} on this machine or in secret/{external.secret}"
        return Check(name, False, why, f"put {external.key} into the environment, or into .env beside stack.yaml")
    found = await world.externals.check(external.name, external.kind, url)
    if found.ok is False and only_inside(url):
        return Check(name, None, f"cannot be checked from outside of the cluster: {found.detail}")
    hint = f"start it, or correct {external.key} in the environment or in .env" if found.ok is False else ""
    return Check(name, found.ok, found.detail, hint)


async def _url(external: ExternalSource, gathered: Gathered, world: World) -> str:
    """The URL as it will be, else as it is in the cluster; it is masked wherever text goes out."""
    ref = ObjectRef("v1", "Secret", gathered.stack.namespace, external.secret)
    bodies: Iterator[JSON] = (state.declared.body for state in gathered.objects if state.declared.ref == ref)
    body = next(bodies, None) or await world.cluster.get(ref) or {}
    url = base64.b64decode(secret_values(body).get(external.key, "")).decode(errors="replace")
    world.redactor.add(f"secret/{external.secret} {external.key}", url)
    return url


def only_inside(url: str) -> bool:
    """Names that only the cluster's own name server knows (kubernetes.io, "DNS for Services and Pods")."""
    host = urlsplit(url).hostname or ""
    return host.endswith((".svc", ".cluster.local")) or (host != "localhost" and not any(c in host for c in ".:"))
