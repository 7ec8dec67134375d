"""Keeps what a run sent as a release of the stack, also when it failed: so the next plan knows what is ours."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from dataclasses import replace

from console.engine.ports import Cluster
from console.engine.releases import write_release
from console.engine.work import Work
from console.model.errors import ConsoleError
from console.model.events import ReleaseObserved
from console.model.outcome import Outcome
from console.model.release import Release
from console.model.stack import JSON
from console.model.whatchanged import what_changed


async def record_release(work: Work, outcome: Outcome) -> str:
    """Writes the release of this run; which one it is, in words.

    Raises:
        ConsoleError: Secrets may not be created, or the API server does not answer.
    """
    release = await _release(work, outcome, tuple(_objects(work)))
    return await _write(work, release)


async def record_rollback(work: Work, good: Release) -> str:
    """Writes a release that is the same as an earlier one; which one it is, in words.

    Raises:
        ConsoleError: Secrets may not be created, or the API server does not answer.
    """
    return await _write(work, await _release(work, Outcome.DONE, good.objects, good.images))


def announce_release(work: Work) -> None:
    """Tells what this run is about to change: what fails from now on may be blamed on it."""
    if not work.gathered.releases:
        return
    before = work.gathered.releases[0]
    bodies = tuple(each.body for each in work.declared.values())
    coming = replace(before, number=work.release, objects=bodies)
    changes = what_changed(coming, before)
    work.store.dispatch(ReleaseObserved(work.release, work.world.clock(), "running", "", changes))


async def _write(work: Work, release: Release) -> str:
    work.recorded, warnings = await write_release(work.world.cluster, release, work.stack.namespace)
    work.warnings += warnings
    return f"release {work.recorded.number}"


async def _release(
    work: Work, outcome: Outcome, objects: tuple[JSON, ...], images: dict[str, str] | None = None
) -> Release:
    before = work.gathered.releases[0].images if work.gathered.releases and work.plan.kind != "deploy" else {}
    built = before | {image.service: image.reference for image in work.gathered.images}
    return Release(
        number=work.release,
        stack=work.stack.name,
        target=work.stack.target.name,
        at=work.world.clock(),
        by=await _who(work.world.cluster),
        outcome=outcome.word,
        images=built if images is None else images,
        objects=objects,
        checksum_key=work.gathered.checksum_key,
        kind=work.plan.kind,
        about=work.plan.about,
        after={service.name: service.after for service in work.gathered.stack.services},
    )


def _objects(work: Work) -> Iterator[JSON]:
    """What is in the cluster of us now: what was sent, what did not change, and what this run did not get to."""
    before = work.gathered.releases[0] if work.gathered.releases else None
    for ref, declared in work.declared.items():
        earlier = before.object(ref) if before else None
        if ref in work.sent:
            yield work.sent[ref]
        elif work.change(ref) is None:
            yield declared.body
        elif earlier is not None:
            yield earlier


async def _who(cluster: Cluster) -> str:
    try:
        name = await cluster.identity()
    except ConsoleError:
        name = ""
    return f"{name or getpass.getuser()}@{socket.gethostname()}"
