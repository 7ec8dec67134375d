"""What a failure looked like, kept before anything is changed again: a rollback takes the pods and their logs away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from console.engine.ports import EvidenceItem, LogPosition, LogRequest
from console.engine.together import together
from console.engine.work import Work
from console.model.diagnosis import Diagnosis
from console.model.errors import ConsoleError
from console.model.plan import ObjectRef
from console.model.redaction import mask_object
from console.model.state import View
from console.model.workload import Container, Pod

TAIL = 300
"""Lines that are kept of each log."""
PATIENCE = 8.0
"""Seconds that each part may take: evidence must not keep a rollback waiting."""
_MOST_PODS = 8
_MOST_A_SERVICE = 3
_MANY = 1 << 18
_NAMES = {"log": ".log", "previous log": ".previous.log", "pod": ".pod.json"}

_Part = Coroutine[Any, Any, EvidenceItem | None]


async def keep_evidence(work: Work, diagnoses: Sequence[Diagnosis], folder: Path) -> tuple[str, ...]:
    """Keeps what there is to see, redacted, in the journal and in files; the names of the files.

    Args:
        work: the run that failed.
        diagnoses: why.
        folder: where the files go.
    """
    pods = _failing(work.store.view(), {each.service for each in diagnoses})
    parts: list[_Part] = [_object(work, pod) for pod in pods]
    parts += [part for pod in pods for container in pod.containers for part in _logs(work, pod, container)]
    asked = await together(parts, "evidence")
    # Meanwhile the events that go with the failure have come in as well.
    known = _known(work, work.store.view(), pods, diagnoses)
    told = [_told(work, kind, lines) for kind, lines in known.items()]
    found = [item for item in (*told, *asked) if item and item.text.strip()]
    files = {_name(item): item.text for item in found}
    try:
        await asyncio.to_thread(_write, folder, files)
        await work.world.journal.record_evidence(found)
    except OSError as error:
        work.warnings.append(f"evidence could not be kept in {folder}: {error.strerror}")
    except ConsoleError as error:
        work.warnings.append(f"evidence could not be kept: {error.what}")
    return tuple(files)


def _failing(view: View, services: set[str]) -> list[Pod]:
    """The pods that are not well: those of the failed services first, then the newest; a few of each service."""
    unwell = [pod for pod in view.pods.values() if pod.service and not pod.ready and pod.phase != "Succeeded"]
    unwell.sort(key=lambda pod: (pod.deleting is not None, pod.service not in services, -pod.created, pod.name))
    chosen: list[Pod] = []
    for pod in unwell:
        if sum(each.service == pod.service for each in chosen) < _MOST_A_SERVICE:
            chosen.append(pod)
    return chosen[:_MOST_PODS]


def _item(work: Work, kind: str, subject: str, text: str) -> EvidenceItem:
    return EvidenceItem(work.run_id, kind, subject, work.world.redactor.text(text), work.world.clock())


def _told(work: Work, kind: str, lines: Sequence[str]) -> EvidenceItem:
    return _item(work, kind, work.stack.name, "\n".join(lines))


# -- asked of the cluster


async def _object(work: Work, pod: Pod) -> EvidenceItem | None:
    try:
        async with asyncio.timeout(PATIENCE):
            body = await work.world.cluster.get(ObjectRef("v1", "Pod", pod.namespace, pod.name))
    except (ConsoleError, TimeoutError):
        return None
    if body is None:
        return None
    body["metadata"].pop("managedFields", None)
    text = msgspec.json.format(msgspec.json.encode(mask_object(body)), indent=2).decode()
    return _item(work, "pod", pod.name, text)


def _logs(work: Work, pod: Pod, container: Container) -> Iterator[_Part]:
    """The run before the last restart, and what runs now, as far as there are such."""
    if container.last:
        yield _log(work, pod, container, "previous log")
    if container.since or container.ended or container.last:
        yield _log(work, pod, container, "log")


async def _log(work: Work, pod: Pod, container: Container, kind: str) -> EvidenceItem | None:
    previous = kind == "previous log"
    request = LogRequest(pod.namespace, pod.name, container.name, previous=previous, tail=TAIL)
    data = b""
    try:
        async with asyncio.timeout(PATIENCE):
            async with aclosing(work.world.cluster.logs(request, LogPosition())) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    data = (data + chunk)[-_MANY:]
    except (ConsoleError, TimeoutError):
        # What came so far is better than nothing.
        pass
    return _item(work, kind, f"{pod.name}.{container.name}", data.decode(errors="replace"))


# -- known already


def _known(work: Work, view: View, pods: Sequence[Pod], diagnoses: Sequence[Diagnosis]) -> dict[str, list[str]]:
    return {
        "diagnoses": [f"{each}  [{each.cause}]" for each in diagnoses],
        "events": list(_events(view, pods)),
        "probes": list(_probes(view, pods)),
        "diff": list(_diff(work)),
    }


def _events(view: View, pods: Sequence[Pod]) -> Iterator[str]:
    """Warnings about anything of the stack, and all that happened to the failing pods; oldest first."""
    failing = {pod.uid for pod in pods}
    ours = {uid for uid, pod in view.pods.items() if pod.service}
    ours |= {uid for uid, workload in view.workloads.items() if workload.service}
    about = [
        each
        for each in view.events.values()
        if each.about_uid in failing or (each.about_uid in ours and each.type != "Normal")
    ]
    for each in sorted(about, key=lambda event: event.last):
        count = f" ({each.count} times)" if each.count > 1 else ""
        subject = f"{each.kind.lower()}/{each.name}"
        yield f"{_moment(each.last)} {each.type} {each.reason} {subject}: {each.message}{count}"


def _probes(view: View, pods: Sequence[Pod]) -> Iterator[str]:
    for pod in pods:
        for (container, kind), result in view.probes.get(pod.uid, {}).items():
            state = {True: "ok", False: "FAILED", None: "not known"}[result.ok]
            words = f" {result.answer}" if result.answer else ""
            yield f"{pod.name}/{container} {kind} {state} x{result.streak} ({result.source}){words}"


def _diff(work: Work) -> Iterator[str]:
    for change in work.plan.changes:
        yield f"{change.kind} {change.ref}" + (f" [{change.service}]" if change.service else "")
        for each in change.fields:
            yield f"  {each.path}: {each.before!r} -> {each.after!r}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


# -- files


def _name(item: EvidenceItem) -> str:
    return f"{item.subject}{_NAMES[item.kind]}" if item.kind in _NAMES else f"{item.kind}.txt"


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in files.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
