"""Observes one stack: watches what the cluster tells of itself, asks at intervals for what it does not."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

from console.engine.counters import ProbeCounters
from console.engine.gather import known_secrets
from console.engine.inquire import Inquiries
from console.engine.outside import only_inside
from console.engine.pinned import keep_confirming
from console.engine.ports import World
from console.engine.releases import read_releases
from console.engine.store import KINDS, Store
from console.engine.tasks import Tasks
from console.engine.watch import BackOff, keep_watching
from console.model.checksums import secret_values
from console.model.errors import ConsoleError, DeniedError
from console.model.events import (
    Denied,
    ExternalObserved,
    Fact,
    ProbeObserved,
    ReleaseObserved,
    RunFinished,
    UsageObserved,
)
from console.model.plan import ObjectRef
from console.model.probing import faded
from console.model.stack import ExternalSource, Stack
from console.model.state import Freshness, View
from console.model.surroundings import surroundings_of
from console.model.whatchanged import what_changed
from console.model.workload import External

WATCHED = ("pods", "events", *KINDS)
PROBES, FADING, USAGE, EXTERNALS, RELEASES = 2.0, 2.0, 5.0, 5.0, 60.0
"""Seconds between two questions. Runs make releases known at once, events probes that fail."""
_CROWD = 500
"""So many pods are asked about at those intervals; twice as many, half as often."""


class Observer:
    """Keeps the store current about one stack.

    Attributes:
        answered: set once all that is asked at intervals was answered once, or cannot be.

    Args:
        world: what is observed.
        store: gets the facts.
        stack: what is declared.
    """

    def __init__(self, world: World, store: Store, stack: Stack) -> None:
        self._world = world
        self._store = store
        self._stack = stack
        self._counters = ProbeCounters(world.cluster, stack.namespace, store)
        self._released = asyncio.Event()
        self.answered = asyncio.Event()
        self._unanswered = {"probes", "usage", "releases", *(external.name for external in stack.externals)}
        self._urls: dict[tuple[str, str], str] = {}
        self._surrounded = asyncio.Event()

    def start(self, tasks: Tasks) -> None:
        """Begins to observe; every part is a task of its own."""
        cluster, namespace = self._world.cluster, self._stack.namespace
        for resource in WATCHED:
            work = keep_watching(cluster, resource, namespace, self._store.dispatch, self._world.clock)
            tasks.start(f"watch {resource}", work)
        tasks.start("pinned", keep_confirming(cluster, self._store, self._world.clock))
        tasks.start("inquiries", Inquiries(self._world, self._store).run())
        tasks.start("surroundings", self._surround())
        tasks.start("probes", self._ask("probes", self._probes, PROBES))
        tasks.start("fading", self._ask("fading", self._fade, FADING))
        tasks.start("usage", self._ask("usage", self._usage, USAGE))
        tasks.start("releases", self._follow_releases())
        for external in self._stack.externals:
            tasks.start(f"external {external.name}", self._ask_external(external))

    # -- at intervals

    async def _ask(self, name: str, question: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Asks until the answer is that it is forbidden, which is told; all else passes."""
        back_off = BackOff()
        while True:
            try:
                await question()
                back_off.reset()
                self._answer(name)
            except DeniedError as error:
                self._store.dispatch(Denied(name, error.right, self._world.clock()))
                self._answer(name)
                return
            except ConsoleError:
                # The watches tell that the cluster is out of sight.
                self._answer(name)
                await asyncio.sleep(back_off.pause())
            await asyncio.sleep(seconds * max(1.0, len(self._store.view().pods) / _CROWD))

    def _answer(self, name: str) -> None:
        self._unanswered.discard(name)
        if not self._unanswered:
            self.answered.set()

    async def _probes(self) -> None:
        await self._store.wait_until(_pods_listed)
        await self._counters.read(self._world.clock())

    async def _fade(self) -> None:
        """Failures that were only told by events do not last for ever."""
        view, now = self._store.view(), self._world.clock()
        told: list[Fact] = []
        for uid, results in view.probes.items():
            if any(result.ok is False for result in results.values()):
                told += [ProbeObserved(uid, *found) for found in faded(view.pods[uid], results, now)]
        if told:
            self._store.dispatch(*told)

    async def _usage(self) -> None:
        await self._store.wait_until(_pods_listed)
        by_name = await self._world.cluster.usage(self._stack.namespace)
        pods = self._store.view().pods.values()
        self._store.dispatch(UsageObserved({pod.uid: by_name[pod.name] for pod in pods if pod.name in by_name}))

    # -- externals

    async def _surround(self) -> None:
        """What the stack brings along itself; the values that this machine knows are masked from now on."""
        self._store.surround(surroundings_of(self._stack))
        try:
            self._urls = await known_secrets(self._stack, self._world)
        except ConsoleError:
            return
        finally:
            self._surrounded.set()
        self._store.surround(surroundings_of(self._stack, self._urls))

    async def _ask_external(self, external: ExternalSource) -> None:
        await self._surrounded.wait()
        while True:
            found = await self._check(external)
            self._store.dispatch(ExternalObserved(found))
            self._answer(external.name)
            await asyncio.sleep(EXTERNALS)

    async def _check(self, external: ExternalSource) -> External:
        name, kind = external.name, external.kind
        try:
            url = await self._url(external)
            if not url:
                return External(name, kind, None, "its address is not known yet", self._world.clock())
            found = await self._world.externals.check(name, kind, url)
        except ConsoleError as error:
            return External(name, kind, None, error.what, self._world.clock())
        if found.ok is False and only_inside(url):
            words = f"cannot be checked from outside of the cluster: {found.detail}"
            return External(name, kind, None, words, found.at)
        return found

    async def _url(self, external: ExternalSource) -> str:
        """The URL that the pods use, else the one that this machine knows. It is masked wherever text goes out."""
        ref = ObjectRef("v1", "Secret", self._stack.namespace, external.secret)
        try:
            body = await self._world.cluster.get(ref) or {}
        except DeniedError:
            body = {}
        encoded = secret_values(body).get(external.key, "")
        url = base64.b64decode(encoded).decode(errors="replace") or self._urls.get((external.secret, external.key), "")
        self._world.redactor.add(f"{external.secret}/{external.key}", url)
        return url

    # -- releases

    async def _follow_releases(self) -> None:
        end = self._store.subscribe(self._hear)
        try:
            await self._ask("releases", self._read_releases, 0.0)
        finally:
            end()

    def _hear(self, fact: Fact) -> None:
        if isinstance(fact, RunFinished):
            self._released.set()

    async def _read_releases(self) -> None:
        releases = await read_releases(self._world.cluster, self._stack.name, self._stack.namespace)
        newest, known = (releases[0] if releases else None), self._store.view().release
        if newest and (known is None or (known.number, known.outcome) != (newest.number, newest.outcome)):
            changes = what_changed(newest, releases[1]) if len(releases) > 1 else {}
            self._store.dispatch(ReleaseObserved(newest.number, newest.at, newest.outcome, newest.by, changes))
        self._answer("releases")
        try:
            async with asyncio.timeout(RELEASES):
                await self._released.wait()
        except TimeoutError:
            pass
        self._released.clear()


def _pods_listed(view: View) -> bool:
    """True once it is known which pods there are, or that it cannot be known now."""
    return view.freshness is not Freshness.LOADING
