"""The checks that disturb a stack. Each puts back what was before the next one begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from console.engine.configured import editable
from console.engine.ports import World
from console.engine.together import whole
from console.engine.verify.canary import Canaries
from console.engine.verify.endings import end_one
from console.engine.verify.hands import Hands
from console.engine.verify.pooling import watch_pool
from console.model.errors import ConsoleError
from console.model.operations import Configure, Restart, Scale
from console.model.release import Release
from console.model.stack import JSON
from console.model.verify import catalogue
from console.model.verify.check import Check, Finding
from console.model.verify.disturbed import Change, judge_config, judge_restart, judge_scale, judge_shutdown

if TYPE_CHECKING:
    from console.engine.service import Engine


class Disturbances:
    """The checks that disturb, by one pair of hands.

    Args:
        engine: the stack's.
        world: what is asked besides.
        hands: does things to the stack.
        release: what the stack is put back to.
        bodies: its objects as they are live.
    """

    def __init__(self, engine: Engine, world: World, hands: Hands, release: Release, bodies: Sequence[JSON]) -> None:
        self._engine = engine
        self._world = world
        self._hands = hands
        self._release = release
        self._bodies = bodies
        self._made: dict[Check, Callable[[], Awaitable[Finding]]] = {
            catalogue.SCALE: self._scale,
            catalogue.RESTART: self._restart,
            catalogue.CONFIG: self._config,
            catalogue.SHUTDOWN: self._shutdown,
            catalogue.POOLING: self._pooling,
        }

    async def make(self, check: Check) -> Finding:
        """Makes a check; what hinders it is its reason. What was changed is put back, whatever happens."""
        if not self._release.objects:
            return check.not_made("the newest release was not kept whole: nobody could go back to it")
        await self._hands.calm()
        try:
            return await self._made[check]()
        except ConsoleError as error:
            return check.not_made(f"{error.what}: {error.why}" if error.why else error.what)

    async def _scale(self) -> Finding:
        wanted = self._engine.stack.acceptance
        service, low, high = wanted.scale_service, wanted.scale_from, wanted.scale_to
        if not service:
            return catalogue.SCALE.not_made("the stack file names no service to scale (acceptance.scale)")
        changes: list[Change] = []
        before = self._pods_wanted(service)
        try:
            first, _ = await self._hands.do(Scale({service: low}), f"{service} to {low}")
            if first.problem:
                return judge_scale([first])
            for count in (high, low):
                title = f"{service} to {count}"
                change, _ = await self._hands.do(Scale({service: count}), title, load=True)
                changes.append(change)
        finally:
            await whole(self._scale_back(service, before), "verify: put back")
        return judge_scale(changes)

    async def _scale_back(self, service: str, before: int) -> None:
        """As many pods as there were, then the release: an autoscaler alone would take minutes for the first."""
        if self._pods_wanted(service) != before:
            await self._hands.do(Scale({service: before}), f"{service} back to {before}")
        await self._hands.put_back(self._release.number)

    def _pods_wanted(self, service: str) -> int:
        return next((each.desired for each in self._engine.store.view().services if each.name == service), 0)

    async def _restart(self) -> Finding:
        canary = self._engine.stack.acceptance.canary
        if canary is None:
            return catalogue.RESTART.not_made("the stack file names no records to write (acceptance.canary)")
        canaries = Canaries(self._world, self._engine.stack, canary, self._bodies)
        changes: list[Change] = []
        lost: list[tuple[str, int]] = []
        try:
            await canaries.write()
            names = [service.name for service in self._engine.stack.services]
            for services in (*((name,) for name in names), ()):
                title = f"{', '.join(services) or 'everything'} restarted"
                change, verdict = await self._hands.do(Restart(services), title, load=True)
                if verdict is None and services:
                    # Nothing of it can be restarted, as of a Job.
                    continue
                changes.append(change)
                lost.append((title, await canaries.lost()))
        finally:
            left = await whole(canaries.remove(), "verify: remove records")
        if left and canary.remove:
            self._hands.left.append(f"{left} records named canary-... could not be removed")
        return judge_restart(len(canaries.records), lost, changes)

    async def _config(self) -> Finding:
        wanted = self._engine.stack.acceptance
        if wanted.config is None:
            return catalogue.CONFIG.not_made("the stack file names no key to change (acceptance.config)")
        found = await self._engine.configuration(wanted.config.service)
        there = editable(found, wanted.config.service, wanted.config.key)
        key, live = wanted.config.key, dict(there.live or {})
        before = live.get(key)
        value = next(each for each in wanted.config.values if each != before)
        title = f"{there.ref} {key} changed"
        change = Change(title, 0.0, problem="interrupted")
        try:
            change, verdict = await self._hands.do(Configure(there.ref, {key: value}, live), title)
        finally:
            await whole(self._back(Configure(there.ref, {key: before})), "verify: put back")
        effective = verdict.effective if verdict else None
        unproven = next(iter(verdict.warnings), "") if verdict else ""
        return judge_config(effective, wanted.config_effective_within, change, unproven)

    async def _back(self, edit: Configure) -> None:
        change, _ = await self._hands.do(edit, f"{edit.ref} put back")
        if change.problem:
            self._hands.left.append(change.words)
        await self._hands.calm()

    async def _shutdown(self) -> Finding:
        endings = []
        for service in self._engine.stack.services:
            await self._hands.calm()
            ending = await end_one(self._engine, self._world, self._hands, service.name)
            endings += [ending] if ending else []
        return judge_shutdown(endings)

    async def _pooling(self) -> Finding:
        return await watch_pool(self._engine, self._world, self._hands)
