"""Counts the sessions at the database while requests are sent to the stack."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from console.engine.ports import World
from console.engine.seen import text_values
from console.engine.tasks import Tasks
from console.engine.verify.meanwhile import requests_meanwhile
from console.model.plan import ObjectRef
from console.model.stack import ExternalSource, Stack
from console.model.verify.catalogue import POOLING
from console.model.verify.check import Finding
from console.model.verify.disturbed import Sessions, judge_pooling

if TYPE_CHECKING:
    from console.engine.service import Engine
    from console.engine.verify.hands import Hands

MEASURED = 10.0
"""Seconds of load."""
_EVERY = 0.5


async def watch_pool(engine: Engine, world: World, hands: Hands) -> Finding:
    """The finding; not made where the stack file names no pool, or the database does not tell its sessions."""
    wanted = engine.stack.acceptance.pool
    if wanted is None:
        return POOLING.not_made("the stack file names no pool (acceptance.pool)")
    external = next(each for each in engine.stack.externals if each.name == wanted.external)
    url = await _url(world, engine.stack, external)
    before = await world.externals.sessions(external.name, external.kind, url)
    seen: list[Sessions] = []
    tasks = Tasks()
    try:
        async with requests_meanwhile(engine, world, hands, "connections counted") as work:
            counting = tasks.start("verify: sessions", _count(world, external, url, seen))
            with suppress(TimeoutError):
                async with asyncio.timeout(MEASURED):
                    await counting
    finally:
        await tasks.close()
    pods = [pod for pod in engine.store.view().pods.values() if pod.service == wanted.service and pod.ready]
    if not seen or work.load is None or not work.load.requests:
        return POOLING.not_made(work.load.problem if work.load else "no request was sent")
    return judge_pooling(before, seen, len(pods), wanted.per_pod, wanted.others, work.load)


async def _count(world: World, external: ExternalSource, url: str, seen: list[Sessions]) -> None:
    while True:
        seen.append(await world.externals.sessions(external.name, external.kind, url))
        await asyncio.sleep(_EVERY)


async def _url(world: World, stack: Stack, external: ExternalSource) -> str:
    """The URL that the pods use; masked from now on."""
    body = await world.cluster.get(ObjectRef("v1", "Secret", stack.namespace, external.secret)) or {}
    url = text_values(body).get(external.key, "")
    world.redactor.add(f"secret/{external.secret} {external.key}", url)
    return url
