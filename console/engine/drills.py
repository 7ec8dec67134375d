"""What a drill needs to know before it is run: what is there, whether it applies, and what it would touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from console.engine.gather import gathered_of
from console.engine.injected import refuse_unreachable_processes
from console.engine.observe import WATCHED
from console.engine.operate import look_at_release
from console.engine.ports import Cluster, Right, World
from console.engine.seen import Seen
from console.engine.store import Store
from console.engine.together import both, together
from console.model.diff import clean, field_changes
from console.model.drills.calls import (
    Call,
    Create,
    Delete,
    Evict,
    Injection,
    OpenDrill,
    Send,
    Signal,
    call_words,
    undo_words,
)
from console.model.drills.catalogue import CATALOGUE
from console.model.drills.ground import BROKEN, Ground, NotApplicableError, service_of
from console.model.drills.injecting import injection
from console.model.drills.judging import DrillSource
from console.model.drills.restoring import release_mark, restored
from console.model.errors import DeniedError, UsageError
from console.model.fields import differences, path_text
from console.model.gathered import Declared, Gathered, ObjectState
from console.model.operations import objects_of
from console.model.plan import ChangeKind, Check, ObjectChange, Plan, Step, StepKind
from console.model.stack import JSON, Stack
from console.model.state import Freshness, View
from console.model.wording import number, seconds

STEADY, INJECT, RECOVER, UNDO, AGAIN = "steady", "inject", "recover", "undo", "steady-again"
"""The ids of the steps of a drill, in order."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class DrillStanding:
    """A drill of the catalogue on a service, or one of the stack's file; `reason` why it does not apply, if so."""

    source: DrillSource
    proves: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A drill that can be run: what was asked for, what it would do, and what it starts from."""

    source: DrillSource
    injection: Injection
    gathered: Gathered
    services: frozenset[str]
    before: tuple[float, ...]

    @property
    def release(self) -> int:
        """The release whose objects are there."""
        return self.gathered.releases[0].number


class Drills:
    """Looks at a stack once, and tells for every drill what it would do.

    Args:
        stack: what is declared.
        world: asked, and left as it is.
        store: knows the pods.
    """

    def __init__(self, stack: Stack, world: World, store: Store) -> None:
        self._stack, self._world, self._store = stack, world, store
        self._seen: Seen | None = None
        self._budgets: tuple[JSON, ...] = ()
        self._nodes: tuple[JSON, ...] | None = None

    async def look(self) -> None:
        """Looks at the cluster. Raises PreflightError: the stack was not deployed there yet."""
        cluster, namespace = self._world.cluster, self._stack.namespace
        await self._store.wait_until(_all_listed)
        self._seen = await look_at_release(self._stack, self._world)
        budgets, self._nodes = await both(
            _listed(cluster, "policy/v1", "PodDisruptionBudget", namespace), _listed(cluster, "v1", "Node", ""), "drill"
        )
        self._budgets = budgets or ()

    def ground(self, service: str) -> Ground:
        """What a drill on a service starts from. Raises UsageError: there is no such service."""
        seen = self._known()
        bodies = objects_of(seen.releases[0], seen.live)
        known = sorted({name for body in bodies.values() if (name := service_of(body))})
        if service not in known:
            raise UsageError(f"the stack has no service {service!r}", hint=f"there are: {', '.join(known)}")
        live = {ref: body for ref in bodies if (body := seen.live.get(ref))}
        there = {ref: restored(body, release_mark(live[ref])) for ref, body in bodies.items() if ref in live}
        pods = tuple(self._store.view().pods.values())
        return Ground(
            self._stack.namespace, service, there, live, pods, self._budgets, self._nodes, self._stack.externals
        )

    async def standings(self) -> tuple[DrillStanding, ...]:
        """Every drill of the catalogue on every service that runs pods, and whether it applies."""
        names = sorted(
            {service_of(body) for body in self._known().releases[0].objects if body["kind"] in BROKEN} - {""}
        )
        sources = [DrillSource(kind, name) for kind in CATALOGUE for name in names]
        return tuple(await together((self._standing(each) for each in sources), "drill: list"))

    async def _standing(self, source: DrillSource) -> DrillStanding:
        proves = CATALOGUE[source.kind].proves
        try:
            prepared = await self.prepare(source, touch=False)
        except NotApplicableError as error:
            return DrillStanding(source, proves, error.why)
        missing = "; ".join(check.detail for check in prepared.gathered.checks if check.ok is False)
        return DrillStanding(source, proves, missing)

    async def prepare(self, source: DrillSource, *, touch: bool = True) -> Prepared:
        """A drill, checked as far as that changes nothing.

        Args:
            source: what is asked for.
            touch: whether containers may be looked into.

        Raises:
            UsageError: there is no such drill or service.
            NotApplicableError: it would prove nothing here.
        """
        seen, ground = self._known(), self.ground(source.service)
        made = injection(source.kind, ground, dict(source.options))
        await self._refuse_drift(ground, made)
        if touch:
            await refuse_unreachable_processes(self._world.cluster, made.calls)
        gathered = gathered_of(seen, self._world, tuple(_states(ground)), ())
        checks = await _rights(self._world.cluster, made.calls, self._stack.namespace)
        hit = {pod.service for pod in ground.pods if pod.uid in made.hit and pod.service}
        services = frozenset(hit | {source.service})
        gathered = replace(gathered, checks=(*gathered.checks, *checks))
        return Prepared(source, made, gathered, services, await self._past(source))

    def plan(self, prepared: Prepared) -> Plan:
        """What would be done, to be shown before."""
        source, seen = prepared.source, self._known()
        target = self._stack.target
        context = self._world.cluster.context
        return Plan(
            kind="drill",
            stack=self._stack.name,
            target=target.name,
            namespace=self._stack.namespace,
            context=context,
            protected=target.protected,
            steps=tuple(self._steps(prepared)),
            checks=prepared.gathered.checks,
            warnings=(*prepared.gathered.warnings, *self._warnings(prepared)),
            cluster=seen.cluster,
            about=source.about,
        )

    def _known(self) -> Seen:
        if self._seen is None:
            raise UsageError("nothing was looked at yet")
        return self._seen

    async def _past(self, source: DrillSource) -> tuple[float, ...]:
        """How long the last runs of the same drill took to recover, the newest first."""
        runs = await self._world.journal.runs(self._stack.name)
        found = [run.drill for run in runs if run.drill and run.target == self._stack.target.name]
        same = [each for each in found if (each.kind, each.service) == (source.kind, source.service)]
        return tuple(each.recovered for each in same if each.recovered is not None)[:3]

    async def _refuse_drift(self, ground: Ground, made: Injection) -> None:
        """What the release does not bring back exactly is not changed."""
        for ref, _ in made.undo.reapply:
            result = await self._world.cluster.apply(dict(ground.bodies[ref]), force=True, dry_run=True)
            if drifted := list(differences(clean(ground.live[ref]), clean(result))):
                field = path_text(drifted[0].path)
                raise NotApplicableError(f"{ref} differs from the last release in {field}: deploy first, or keep it")

    def _steps(self, prepared: Prepared) -> Iterator[Step]:
        source, kind = prepared.source, CATALOGUE[prepared.source.kind]
        steps = (
            Step("preflight", StepKind.PREFLIGHT, "preflight"),
            Step(STEADY, StepKind.STEADY, "steady state"),
            Step(INJECT, StepKind.INJECT, f"inject {source.kind}", changes=tuple(self._changes(prepared))),
            Step(RECOVER, StepKind.RECOVER, "noticed, and ready again" if kind.heals else "noticed, and borne"),
            Step(UNDO, StepKind.UNDO, "undo"),
            Step(AGAIN, StepKind.STEADY, "steady state again"),
        )
        return (replace(step, service=source.service) for step in steps)

    def _changes(self, prepared: Prepared) -> Iterator[ObjectChange]:
        live = {state.declared.ref: state.declared.body for state in prepared.gathered.objects}
        for call in prepared.injection.calls:
            if isinstance(call, Send):
                found = differences(clean(live[call.ref]), clean(call.body))
                secret, redact = call.ref.kind == "Secret", self._world.redactor.text
                fields = tuple(change for each in found for change in field_changes(each, secret, redact))
                yield ObjectChange(call.ref, prepared.source.service, ChangeKind.UPDATE, fields)
            elif not isinstance(call, Signal):
                yield ObjectChange(call.ref, prepared.source.service, _CHANGES.get(type(call), ChangeKind.UPDATE))

    def _warnings(self, prepared: Prepared) -> Iterator[str]:
        """Which way it goes, who bears it, who else is there."""
        calls = [call_words(call) for call in prepared.injection.calls if not isinstance(call, Send)]
        yield f"{'; '.join(calls[:_MOST_NAMED])}{' ...' if len(calls) > _MOST_NAMED else ''}" if calls else "new pods"
        view = self._store.view()
        hit = set(prepared.injection.hit)
        besides = (pod for uid, pod in view.pods.items() if uid not in hit)
        left = sum(pod.ready and pod.service == prepared.source.service for pod in besides)
        yield f"{number(len(hit), 'pod')} harmed, {left} of {prepared.source.service} ready besides"
        for budget in self._budgets:
            allowed = (budget.get("status") or {}).get("disruptionsAllowed", 0)
            yield f"disruption budget {budget['metadata']['name']}: {allowed} may go now"
        others = sorted(pod.name for pod in view.pods.values() if not pod.service)
        if others:
            more = " ..." if len(others) > _MOST_NAMED else ""
            yield f"also in the namespace: {', '.join(others[:_MOST_NAMED])}{more}"
        yield f"it is undone after {seconds(prepared.source.limit)} at the latest"


_CHANGES = {Create: ChangeKind.CREATE, Delete: ChangeKind.DELETE, Evict: ChangeKind.DELETE}


def _all_listed(view: View) -> bool:
    health = [view.health.get(resource) for resource in WATCHED]
    return all(each and each.freshness is not Freshness.LOADING for each in health)


async def _listed(cluster: Cluster, api_version: str, kind: str, namespace: str) -> tuple[JSON, ...] | None:
    """All of a kind, None where they may not be listed."""
    try:
        return tuple(await cluster.list(api_version, kind, namespace))
    except DeniedError:
        return None


def _states(ground: Ground) -> Iterator[ObjectState]:
    for ref, body in ground.bodies.items():
        declared = Declared(ref, service_of(dict(body)), dict(body), ref.kind == "Secret")
        yield ObjectState(declared, ground.live[ref], ground.live[ref])


async def _rights(cluster: Cluster, calls: Sequence[Call], namespace: str) -> list[Check]:
    """One row if we have every right, else one for each that is missing."""
    needed = [Right(verb, "", "configmaps", namespace) for verb in ("create", "get", "delete")]
    needed += [Right(verb, "coordination.k8s.io", "leases", namespace) for verb in ("get", "create", "update")]
    for call in calls:
        needed += await _rights_of(cluster, call)
    needed = list(dict.fromkeys(needed))
    missing = [each.right for each in await cluster.may(needed) if not each.allowed]
    hint = "ask an administrator for it, see docs/kubernetes-targets.md"
    rows = [Check("rights", False, f"not allowed to {right}", hint) for right in missing]
    return rows or [Check("rights", True, f"all {len(needed)} that the drill needs")]


async def _rights_of(cluster: Cluster, call: Call) -> list[Right]:
    verbs: Mapping[type, tuple[str, ...]] = {Create: ("create", "delete"), Delete: ("delete",)}
    if isinstance(call, Signal):
        return [Right(verb, "", "pods", call.ref.namespace, subresource="exec") for verb in ("get", "create")]
    if isinstance(call, Evict):
        return [Right("create", "", "pods", call.ref.namespace, subresource="eviction")]
    return [await cluster.right(verb, call.ref) for verb in verbs.get(type(call), ("patch",))]


def undo_plan(stack: Stack, world: World, gathered: Gathered, drill: OpenDrill) -> Plan:
    """What it would take to end a drill that was left open."""
    steps = (Step(UNDO, StepKind.UNDO, f"undo {drill.kind}"), Step(AGAIN, StepKind.STEADY, "steady state again"))
    return Plan(
        kind="drill-undo",
        stack=stack.name,
        target=stack.target.name,
        namespace=stack.namespace,
        context=world.cluster.context,
        protected=stack.target.protected,
        steps=tuple(replace(step, service=drill.service) for step in steps),
        warnings=(f"begun by {drill.who}: {drill.command}", *undo_words(drill.undo)),
        cluster=gathered.cluster,
        about=f"{drill.about} undone",
    )
