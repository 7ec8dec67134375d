"""An API server that is killed and started again, and what has to hold then; for any cluster of which a test may."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from console.engine.observe import WATCHED
from console.engine.store import Store
from console.model.events import Fact, PodGone, PodObserved, Relisted, WatchLost
from console.model.state import Freshness, View
from tests.cluster import Cluster
from tests.e2e.command import PATIENCE, Stack

BACK_WITHIN = 5.0
"""Seconds from the first answer of an API server until everything is seen again."""


class ApiServer(Protocol):
    """One that may be killed."""

    def kill(self) -> None:
        """kill -9; nobody listens any more when it returns."""

    def start(self) -> None:
        """Starts it again, where it was and on what it had kept; it answers when that returns."""


@dataclass
class Embedded:
    """The embedded cluster of a stack's environment."""

    stack: Stack

    def __post_init__(self) -> None:
        self._pid = self.stack.json("sandbox", "status")["pid"]

    def kill(self) -> None:
        """Its daemon, with the API server, the controllers, the registry and the kubelets; pods go on."""
        os.kill(self._pid, signal.SIGKILL)

    def start(self) -> None:
        """At the same port, on the same store."""
        started = self.stack.run("sandbox", "up")
        assert started.returncode == 0, started.stderr
        self.__post_init__()


@dataclass
class Ordered:
    """One that is killed and started by command lines, such as a real one."""

    killing: str
    starting: str

    def kill(self) -> None:
        """Runs the one command line."""
        subprocess.run(self.killing, shell=True, check=True, timeout=PATIENCE)

    def start(self) -> None:
        """Runs the other."""
        subprocess.run(self.starting, shell=True, check=True, timeout=PATIENCE)


async def until(store: Store, holds: Any, within: float = PATIENCE) -> Any:
    """What `holds` gives of a view, once it gives something."""
    async with asyncio.timeout(within):
        return await store.wait_until(holds)


def all_live(view: View) -> bool:
    """Every resource is seen."""
    found = [view.health.get(resource) for resource in WATCHED]
    return all(each and each.freshness is Freshness.LIVE for each in found)


async def goes_stale(store: Store) -> View:
    """Waits until the view says that it is of before; nothing is gone from it."""
    pods = set(store.view().pods)
    view: View = await until(store, lambda view: view if view.freshness is Freshness.STALE else None)
    assert set(view.pods) == pods
    assert view.health["pods"].detail
    return view


async def is_back(store: Store, cluster: Cluster) -> float:
    """Everything is seen again within the time allowed, as the cluster has it; the seconds that it took."""
    began = time.monotonic()
    await until(store, all_live, BACK_WITHIN)
    seconds = time.monotonic() - began
    await until(store, lambda view: matches(view, cluster))
    return seconds


def matches(view: View, cluster: Cluster) -> bool:
    """The pods of the view are those that there are, of the same versions."""
    there = {pod["metadata"]["uid"]: pod["metadata"]["resourceVersion"] for pod in cluster.list("pods")}
    return there == {uid: pod.resource_version for uid, pod in view.pods.items()}


def told_once(facts: Iterable[Fact]) -> None:
    """No pod goes back in time or comes back, none is gone twice, no loss is told twice in a row for one reason."""
    seen: dict[str, int] = {}
    gone: set[str] = set()
    reasons: dict[str, str] = {}
    for fact in facts:
        match fact:
            case PodObserved():
                version = int(fact.pod.resource_version)
                assert fact.pod.uid not in gone
                assert version >= seen.get(fact.pod.uid, 0)
                seen[fact.pod.uid] = version
            case PodGone():
                assert fact.uid not in gone
                gone.add(fact.uid)
            case WatchLost():
                assert reasons.get(fact.resource) != fact.why
                reasons[fact.resource] = fact.why
            case Relisted():
                reasons.pop(fact.resource, None)
