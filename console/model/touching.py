"""Whom a plan touches: by service which pods come, go or are made anew, and which services lean on it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.model.plan import ChangeKind, FieldChange, ObjectChange, Plan
from console.model.podspec import WORKLOADS
from console.model.stack import Service
from console.model.wording import number

_REPLICAS = "spec.replicas"
_TEMPLATE = "spec.template."


@dataclass(frozen=True, slots=True)
class Touched:
    """What a plan does to the pods of a service, in words; `leaning` are the services that come after it."""

    service: str
    words: str
    leaning: tuple[str, ...]


def touched(plan: Plan, services: Sequence[Service], pods: Mapping[str, int]) -> tuple[Touched, ...]:
    """By service, in the plan's order, what happens to pods; services whose pods stay as they are are left out.

    Args:
        plan: what would be done.
        services: those of the stack, with what they come after.
        pods: how many pods each has now.
    """
    by_service: dict[str, list[ObjectChange]] = {}
    for change in plan.changes:
        if change.service and change.ref.kind in WORKLOADS:
            by_service.setdefault(change.service, []).append(change)
    told = ((name, "; ".join(_words(changes, pods.get(name, 0)))) for name, changes in by_service.items())
    return tuple(Touched(name, words, _leaning(name, services)) for name, words in told if words)


def _words(changes: Iterable[ObjectChange], pods: int) -> Iterator[str]:
    for change in changes:
        if change.kind is ChangeKind.CREATE:
            yield f"{change.ref} is new"
        elif change.kind is ChangeKind.DELETE:
            yield f"{change.ref} goes, with {number(pods, 'pod')}"
        else:
            yield from _updated(change.fields, pods)


def _updated(fields: Sequence[FieldChange], pods: int) -> Iterator[str]:
    if any(field.path.startswith(_TEMPLATE) for field in fields):
        yield f"{number(pods, 'pod')} made anew"
    for field in fields:
        if field.path == _REPLICAS and field.before.isdigit() and field.after.isdigit():
            before, after = int(field.before), int(field.after)
            more = "more" if after > before else "fewer"
            yield f"{number(abs(after - before), 'pod')} {more}, {before} before, then {after}"


def _leaning(name: str, services: Iterable[Service]) -> tuple[str, ...]:
    return tuple(service.name for service in services if name in service.after)
