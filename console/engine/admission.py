"""Would the cluster take the pods: its workloads are taken by any API server, and their pods refused a moment later.

The server is the judge where we may try pods out (a dry run stores nothing): pod security, LimitRanges, policies. Where
we may not, or the plan itself changes the namespace, the rules of pod security are known here (`podsecurity`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from console.engine.ports import World
from console.engine.seen import namespace_ref
from console.engine.together import together
from console.model.errors import ApplyError, DeniedError
from console.model.gathered import Gathered, ObjectState
from console.model.plan import ChangeKind, Check, ObjectChange, ObjectRef
from console.model.podsecurity import ENFORCE, violations
from console.model.podspec import pod_template
from console.model.stack import JSON

# Quotas are counted by a row of their own, and references have one.
_OTHERS = re.compile(r"exceeded quota|failed quota|error looking up service account")
_UNTRIED = re.compile(r"does not support dry run")
_SECURITY = re.compile(r'violates PodSecurity "[^"]*": (.*)', re.DOTALL)
_FIRST = {
    "ServiceAccount": "serviceAccountName",
    "PriorityClass": "priorityClassName",
    "RuntimeClass": "runtimeClassName",
}
_SECURE = "harden the pod template as told, or let an administrator choose another level for the namespace"
_LIMITED = "correct the pod template, or ask an administrator about the rule"


@dataclass(frozen=True, slots=True)
class _Template:
    """The pod template of a workload that the plan makes or changes."""

    ref: ObjectRef
    body: JSON


async def check_admission(gathered: Gathered, changes: Sequence[ObjectChange], world: World) -> list[Check]:
    """A row for each pod template that the cluster would refuse, and one for the level that all of them keep to."""
    templates = list(_templates(gathered.objects, changes))
    if not templates:
        return []
    namespace = gathered.stack.namespace
    live = await _labels(namespace, world) if gathered.namespace_exists else {}
    level = {**live, **_declared_labels(gathered)}.get(ENFORCE, "")
    if gathered.namespace_exists and level == live.get(ENFORCE, ""):
        new = {change.ref for change in changes if change.kind is ChangeKind.CREATE}
        rows = [await _try(templates[0], new, level, world)]
        if rows[0] is not None and rows[0].ok is None and rows[0].name == "pods":
            # Who may not try one out may not try any.
            return [*_by_the_rules(templates, level), rows[0]] if level or await _limited(gathered, world) else []
        rows += await together((_try(each, new, level, world) for each in templates[1:]), "preflight: pods")
        return [row for row in rows if row] or _taken(templates, level, namespace)
    return _by_the_rules(templates, level) or _kept(level, namespace)


def _templates(states: Iterable[ObjectState], changes: Sequence[ObjectChange]) -> Iterable[_Template]:
    for state, change in zip(states, changes, strict=True):
        body = state.declared.body
        template = body if body.get("kind") == "Pod" else pod_template(body)
        if template and change.kind is not ChangeKind.UNCHANGED and body.get("kind") != "PodTemplate":
            yield _Template(state.declared.ref, _pod(body, template))


def _pod(body: JSON, template: JSON) -> JSON:
    """A pod of the template, as its controller would make it."""
    meta = template.get("metadata") or {}
    named = {key: meta[key] for key in ("labels", "annotations") if meta.get(key)}
    spec = dict(template.get("spec") or {})
    claims = [each["metadata"]["name"] for each in (body.get("spec") or {}).get("volumeClaimTemplates") or ()]
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    if volumes:
        spec["volumes"] = [*(spec.get("volumes") or ()), *volumes]
    where = {"name": f"{body['metadata']['name'][:50]}-preflight", "namespace": body["metadata"].get("namespace", "")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**named, **where}, "spec": spec}


async def _labels(namespace: str, world: World) -> dict[str, str]:
    body = await world.cluster.get(namespace_ref(namespace)) or {}
    return dict((body.get("metadata") or {}).get("labels") or {})


def _declared_labels(gathered: Gathered) -> dict[str, str]:
    ref = namespace_ref(gathered.stack.namespace)
    bodies = (state.declared.body for state in gathered.objects if state.declared.ref == ref)
    return dict((next(bodies, {}).get("metadata") or {}).get("labels") or {})


async def _limited(gathered: Gathered, world: World) -> bool:
    return bool(await world.cluster.list("v1", "LimitRange", gathered.stack.namespace))


def _by_the_rules(templates: Iterable[_Template], level: str) -> list[Check]:
    found = ((each.ref, violations(each.body["spec"], level)) for each in templates)
    return [
        Check("pod security", False, f"{ref}: not {level}: {'; '.join(words)}", _SECURE)
        for ref, words in found
        if words
    ]


def _taken(templates: Iterable[_Template], level: str, namespace: str) -> list[Check]:
    """The cluster takes them; by the newest rules it might not: an older version is enforced, or none (embedded)."""
    rows = _by_the_rules(templates, level)
    taken = [replace(row, ok=None, detail=f"{row.detail}; this cluster takes it") for row in rows]
    return taken or _kept(level, namespace)


def _kept(level: str, namespace: str) -> list[Check]:
    return [Check("pod security", True, f"all pods keep to {level}, which {namespace} enforces")] if level else []


async def _try(template: _Template, new: set[ObjectRef], level: str, world: World) -> Check | None:
    """The row for a template that is refused; a warning named pods where that cannot be tried."""
    spec = dict(template.body["spec"])
    for kind, key in _FIRST.items():
        # What the plan itself brings cannot be there yet.
        if any(ref.kind == kind and ref.name == spec.get(key) for ref in new):
            del spec[key]
    try:
        await world.cluster.create({**template.body, "spec": spec}, dry_run=True)
    except DeniedError as error:
        return Check("pods", None, f"whether the cluster takes them is not known: {error.what}", error.hint)
    except ApplyError as error:
        return _refusal(template.ref, error)
    return None


def _refusal(ref: ObjectRef, error: ApplyError) -> Check | None:
    why = error.why.partition(" is forbidden: ")[2] or error.why
    if _OTHERS.search(why):
        return None
    if _UNTRIED.search(why):
        return Check("admission", None, f"{ref}: cannot be tried out: {why}")
    if found := _SECURITY.search(why):
        return Check("pod security", False, f"{ref}: {found[0]}", _SECURE)
    return Check("pods", False, f"{ref}: its pods would be refused: {why}", _LIMITED)
