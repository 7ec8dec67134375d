"""The ConfigMaps and Secrets of a stack as it was deployed: what they hold, who reads them, who changed them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from console.engine.live import read_live
from console.engine.operate import look_at_release
from console.engine.ports import World
from console.engine.seen import text_values
from console.model.configuration import CONFIGURATION, Configuration, configuration_of, keys_of
from console.model.errors import NotFoundError, UsageError
from console.model.plan import ObjectRef
from console.model.references import references
from console.model.stack import JSON, SERVICE_LABEL, Stack


async def read_configuration(stack: Stack, world: World, name: str = "") -> tuple[Configuration, ...]:
    """What a service has and reads, in the order of the release; of the whole stack if none is named.

    Args:
        stack: what is declared.
        world: asked, and left as it is.
        name: a service, or `configmap/NAME`, `secret/NAME`.

    Raises:
        PreflightError: the stack was not deployed yet.
        NotFoundError: the stack neither has nor reads an object of that name.
        UsageError: there is no such service.
    """
    seen = await look_at_release(stack, world)
    newest = seen.releases[0]
    bodies = {ObjectRef.of(body): body for body in newest.objects}
    read = (each.ref for body in newest.objects for each in references(body))
    refs = list(dict.fromkeys(ref for ref in (*bodies, *read) if ref.kind in CONFIGURATION))
    live = seen.live | await read_live(world.cluster, [ref for ref in refs if ref not in seen.live], seen.findings)
    for body in live.values():
        if body.get("kind") == "Secret":
            for key, text in text_values(body).items():
                world.redactor.add(f"secret/{body['metadata']['name']} {key}", text)
    keys = keys_of([*newest.objects, *live.values()])
    known = [configuration_of(ref, live.get(ref), bodies.get(ref), newest.objects, keys) for ref in refs]
    return tuple(_named(known, name, _services(newest.objects)))


def _named(known: Sequence[Configuration], name: str, services: Sequence[str]) -> Sequence[Configuration]:
    if not name:
        return known
    if "/" in name:
        found = [each for each in known if str(each.ref) == name.lower()]
        if not found:
            there = ", ".join(str(each.ref) for each in known)
            raise NotFoundError(f"the stack has no {name}", hint=f"there are: {there or 'none'}")
        return found
    if name not in services:
        nearest = difflib.get_close_matches(name, services, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(services)}"
        raise UsageError(f"the stack has no service {name!r}", hint=hint)
    return [each for each in known if name in {each.service, *(reading.service for reading in each.readings)}]


def _services(bodies: Sequence[JSON]) -> list[str]:
    labels = ((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, "") for body in bodies)
    return list(dict.fromkeys(filter(None, labels)))


def editable(found: Sequence[Configuration], name: str, key: str = "") -> Configuration:
    """The one that an edit means: of several the service's own, or the one that has the key.

    Raises:
        UsageError: none is meant, or several may be.
    """
    maps = [each for each in found if "/" in name or not each.secret]
    own = [each for each in maps if each.service == name] or maps
    having = [each for each in own if key in (each.live or {})] or own
    if len(having) != 1:
        names = ", ".join(str(each.ref) for each in own) or "none"
        what = f"{name} has several ConfigMaps" if own else f"{name} has no ConfigMap"
        raise UsageError(what, why=names, hint="name one of them in place of the service")
    return having[0]
